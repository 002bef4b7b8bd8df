import { Failure } from '../core/failure.ts';
import type { Connection, ConnectOptions, HostEntry, Prompts } from './connection.ts';
import { Limit } from './limit.ts';
import { resolveHost } from './resolve-host.ts';
import { listHostsOf } from './ssh-config-files.ts';
import { openSession } from './ssh-session.ts';
import { Ssh2Transport } from './ssh2-transport.ts';
import { ownSurroundings } from './surroundings.ts';
import { TargetConnection } from './target-connection.ts';

export type * from './collector.ts';
export type * from './connection.ts';
export { replaceHostKey } from './replace-host-key.ts';

/** A machine that was not heard from for so long is given up, unless the options say otherwise. */
const DEAD_AFTER_MS = 60_000;

/**
 * The hosts that can be connected to by name: of ~/.ssh/config when `userConfig`, and of further
 * files. Patterns are left out, Includes followed; a file that is not there is no error.
 */
export async function listHosts(
  configFiles: readonly string[],
  userConfig: boolean,
): Promise<readonly HostEntry[]> {
  return await listHostsOf(configFiles, userConfig, ownSurroundings());
}

/**
 * Connects to a host: configuration, host key, sign-in, and the first question of what it is.
 * @throws Failure no-host, refused, unreachable, timeout, host-key-changed, host-key-refused,
 *   auth-failed, unsupported, cancelled, lost, script-failed or bad-output
 */
export async function connect(
  entry: HostEntry,
  prompts: Prompts,
  options: ConnectOptions = {},
): Promise<Connection> {
  const log = options.log ?? (() => {});
  const limit = new Limit().when(options.signal, () => new Failure('cancelled', 'Connecting was cancelled.'));
  try {
    const around = ownSurroundings();
    const host = await limit.race(resolveHost(entry, around, limit.signal));
    log(`${entry.alias}: ${host.user} at ${host.hostname} port ${host.port}`);
    const session = await openSession(host, { prompts, around, log, signal: limit.signal });
    const target = {
      alias: entry.alias,
      user: host.user,
      deadAfterMs: options.deadAfterMs ?? DEAD_AFTER_MS,
      log,
    };
    return await TargetConnection.start(new Ssh2Transport(session), target, limit.signal);
  } finally {
    limit.dispose();
  }
}

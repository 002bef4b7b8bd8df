import { Failure, isFailure } from '../core/failure.ts';
import { ALGORITHMS, lackOf } from './beyond-library.ts';
import type { Connection, ConnectOptions, HostEntry, Prompts } from './connection.ts';
import { Limit } from './limit.ts';
import { LocalTransport } from './local-transport.ts';
import { resolveHost } from './resolve-host.ts';
import { listHostsOf } from './ssh-config-files.ts';
import { openSession } from './ssh-session.ts';
import { Ssh2Transport } from './ssh2-transport.ts';
import { ownSurroundings } from './surroundings.ts';
import { type SystemRules, systemRules } from './system-rules.ts';
import { SystemSsh } from './system-ssh.ts';
import { TargetConnection } from './target-connection.ts';
import type { Transport } from './transport.ts';

export type * from './activity.ts';
export type * from './collector.ts';
// What is asked of a target comes with what reaches it: nothing of it is needed before.
export { dbgmsg } from './collectors/dbgmsg.ts';
export { kernelLines } from './collectors/kernel-lines.ts';
export { clearLeftovers } from './collectors/leftovers.ts';
export { programFiles } from './collectors/program-files.ts';
export { taskSnapshot } from './collectors/task-snapshot.ts';
export { watchErrors } from './collectors/watch-errors.ts';
export type * from './connection.ts';
export { downloadModule } from './module-download.ts';
export { replaceHostKey } from './replace-host-key.ts';
export { openConsole } from './serial-console.ts';

/** A machine that was not heard from for so long is given up, unless the options or the ssh configuration say otherwise. */
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
  const around = ownSurroundings();
  const target = {
    alias: entry.alias,
    log,
    activity: options.activity ?? (() => {}),
    consent: options.consent ?? (async () => true),
    allows: options.allows ?? (() => false),
  };
  /** @param configured what the ssh configuration says, in milliseconds */
  const over = async (transport: Transport, user: string, configured: number | null): Promise<Connection> => {
    const deadAfterMs = options.deadAfterMs ?? configured ?? DEAD_AFTER_MS;
    return await TargetConnection.start(transport, { ...target, user, deadAfterMs }, signal);
  };
  const { signal } = limit;
  try {
    if (entry.isLocal === true) {
      return await over(await LocalTransport.open(around.env), around.user, null);
    }
    const attempt = { prompts, around, log, signal };
    const byLibrary = async (alone: boolean): Promise<Connection> => {
      const host = await limit.race(resolveHost(entry, around, signal));
      log(`${entry.alias}: ${host.user} at ${host.hostname} port ${host.port}`);
      const remark =
        host.unused.length === 0 ? '' : `Not used of its ssh configuration: ${host.unused.join(', ')}.`;
      if (remark !== '') log(remark);
      const session = await openSession(host, { ...attempt, alone });
      return await over(new Ssh2Transport(session, remark), host.user, host.patienceMs);
    };
    try {
      return await byLibrary(false);
    } catch (error) {
      const what = lackOf(error);
      if (what === null || !isFailure(error)) throw error;
      const remark = `Connected by the system's own ssh: ZScope itself cannot handle ${what}.`;
      log(`${error.message} Trying the system's ssh`);
      let transport: SystemSsh;
      let rules: SystemRules;
      try {
        rules = await limit.race(systemRules(entry, around, signal));
        // A machine between us may have no algorithm of ours, and would be taken for any other there.
        if (rules.isLax && what === ALGORITHMS) throw error;
        // Where keys and passwords are all that is left, the library asks for the latter.
        const person = { prompts, log, asksPasswords: error.code !== 'auth-failed' };
        transport = await SystemSsh.connect(entry, rules, around, remark, person, signal);
      } catch (theirs) {
        if (!isFailure(theirs) || theirs.code === 'cancelled' || theirs === error) throw theirs;
        log(theirs.message);
        // It boots, or the network is away: the same again later.
        if (theirs.code === 'unreachable') throw theirs;
        // What is left are the ways to sign in that ask the person.
        if (error.code === 'auth-failed') return await byLibrary(true);
        const code = theirs.code === 'timeout' ? 'timeout' : error.code;
        throw new Failure(code, `${error.message} ${theirs.message}`, error.remedy);
      }
      return await over(transport, rules.user, rules.patienceMs);
    }
  } finally {
    limit.dispose();
  }
}

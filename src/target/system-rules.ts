import { Failure } from '../core/failure.ts';
import type { HostEntry } from './connection.ts';
import { readOptions } from './resolve-host.ts';
import { type Overrides, routeOf } from './route.ts';
import type { SshOptions, Surroundings } from './surroundings.ts';
import { patienceMs } from './times.ts';

/** What the system's ssh is told, beyond what the configuration says. */
export interface SystemRules {
  /** Value of StrictHostKeyChecking: `accept-new` only where the configuration has that. */
  readonly hostKeys: 'yes' | 'accept-new';
  /** The configuration takes any key of the host; ssh is told otherwise. */
  readonly isLax: boolean;
  /** The account that it signs in as. */
  readonly user: string;
  /** Given up after so long without a byte, in milliseconds; null where the configuration does not say. */
  readonly patienceMs: number | null;
}

/** Jump hosts on one way; more is a circle. */
const MOST_HOPS = 8;

/**
 * How the system's ssh may connect to a host. Options given to it do not reach the ssh that it starts
 * for a jump host (ssh(1), `-J`), so a configuration that takes any key there is refused.
 * @throws Failure unsupported, or as resolveHost does
 */
export async function systemRules(
  entry: HostEntry,
  around: Surroundings,
  signal: AbortSignal,
): Promise<SystemRules> {
  const ask = (alias: string, overrides: Overrides): Promise<SshOptions> =>
    readOptions({ alias, configFile: entry.configFile }, around, overrides, signal);
  const target = await ask(entry.alias, { user: null, port: null, hops: [] });
  let route = routeOf(entry.alias, target);
  for (let depth = 1; route.kind === 'jump'; depth += 1) {
    const nearest = route.hops.at(-1);
    if (nearest === undefined || depth > MOST_HOPS) break;
    const { host, user, port } = nearest;
    const options = await ask(host, { user, port, hops: route.hops.slice(0, -1) });
    if (isLax(options)) {
      throw new Failure(
        'unsupported',
        `The system's ssh is not used, since the ssh configuration has it take any host key of ${host}, on the way to ${entry.alias}.`,
        `Set StrictHostKeyChecking to ask, yes or accept-new for ${host}.`,
      );
    }
    route = routeOf(host, options);
  }
  return {
    hostKeys: wordOf(target, 'stricthostkeychecking') === 'accept-new' ? 'accept-new' : 'yes',
    isLax: isLax(target),
    user: target.get('user')?.[0] ?? around.user,
    patienceMs: patienceMs(target),
  };
}

/** `ssh -G` prints `false` for `no` and `off`. */
function isLax(options: SshOptions): boolean {
  return (
    ['no', 'off', 'false'].includes(wordOf(options, 'stricthostkeychecking')) ||
    ['yes', 'true'].includes(wordOf(options, 'nohostauthenticationforlocalhost'))
  );
}

function wordOf(options: SshOptions, keyword: string): string {
  return options.get(keyword)?.[0]?.toLowerCase() ?? '';
}

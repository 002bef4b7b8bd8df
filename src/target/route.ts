import { Failure } from '../core/failure.ts';
import { isSafeAlias, printable, type SshOptions } from './surroundings.ts';

/** How an SSH server is reached. */
export type Route =
  | { readonly kind: 'direct' }
  /** Through the output and input of a command; its tokens are not expanded yet. */
  | { readonly kind: 'command'; readonly command: string }
  /** Through other machines, the nearest to us first; at least one. */
  | { readonly kind: 'jump'; readonly hops: readonly JumpHop[] };

/** What ProxyJump says of one machine; the configuration has the rest. */
export interface JumpHop {
  readonly host: string;
  /** null: as the configuration has it. */
  readonly user: string | null;
  readonly port: number | null;
}

/** What stands above the configuration: as `-l`, `-p` and `-J` do on ssh's command line. */
export interface Overrides {
  readonly user: string | null;
  readonly port: number | null;
  /** Empty: as the configuration has it. */
  readonly hops: readonly JumpHop[];
}

/** What ProxyJump or ProxyCommand says, the first of them that says anything. */
export function routeOf(alias: string, options: SshOptions): Route {
  for (const [keyword, values] of options) {
    const value = values[0]?.trim() ?? '';
    if ((keyword !== 'proxyjump' && keyword !== 'proxycommand') || /^(none)?$/i.test(value)) continue;
    if (keyword === 'proxycommand') return { kind: 'command', command: value };
    const hops = value.split(',').map((text) => parseJump(text.trim()));
    if (!hops.every((hop) => hop !== null)) {
      throw new Failure(
        'unsupported',
        `The ProxyJump of ${alias} cannot be read: ${printable(value)}.`,
        'It is a list of [user@]host[:port] with commas between.',
      );
    }
    return { kind: 'jump', hops };
  }
  return { kind: 'direct' };
}

/** Reads `[user@]host[:port]` or `ssh://[user@]host[:port]`; null when it is neither or unsafe. */
export function parseJump(text: string): JumpHop | null {
  const parts = /^(?:ssh:\/\/)?(?:(.+)@)?(?:\[([^\]@]+)\]|([^:@[\]]+))(?::(\d{1,5}))?\/?$/i.exec(text);
  const host = parts?.[2] ?? parts?.[3];
  const user = parts?.[1] ?? null;
  if (host === undefined || !isSafeAlias(host) || (user !== null && !isSafeAlias(user))) return null;
  const port = parts?.[4] === undefined ? null : Number(parts[4]);
  if (port !== null && (port < 1 || port > 65535)) return null;
  return { host, user, port };
}

/** The value of ssh's option `-J`. */
export function formatJumps(hops: readonly JumpHop[]): string {
  return hops
    .map(({ host, user, port }) => {
      const name = host.includes(':') ? `[${host}]` : host;
      return `${user === null ? '' : `${user}@`}${name}${port === null ? '' : `:${port}`}`;
    })
    .join(',');
}

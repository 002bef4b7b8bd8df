import type { SshOptions } from './surroundings.ts';

/** Under this word options tell what our own reading of files left out: no keyword of ssh_config(5) has a colon. */
export const LEFT_OUT = 'zscope:left-out';

/** Criteria of Match that our own reading decides, and whether a value follows. */
const DECIDED: Readonly<Record<string, boolean>> = {
  all: false,
  host: true,
  originalhost: true,
  user: true,
  localuser: true,
};
/** Those that stand alone among the others; ssh_config(5). */
const ALONE = ['canonical', 'final'];

/** The criteria of a Match that our own reading cannot decide: it runs no command, and knows no tags. */
export function undecided(args: readonly string[]): string[] {
  const found: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const word = (args[at] ?? '').replace(/^!/, '').toLowerCase();
    const hasValue = DECIDED[word];
    if (hasValue === undefined) found.push(`Match ${word}`);
    if (hasValue ?? !ALONE.includes(word)) at += 1;
  }
  return found;
}

/** Directives that do nothing here, by the values that mean the same as none. */
const UNUSED: ReadonlyArray<readonly [name: string, none: readonly string[]]> = [
  ['ForwardAgent', ['no', 'false']],
  ['ForwardX11', ['no', 'false']],
  ['LocalForward', []],
  ['RemoteForward', []],
  ['DynamicForward', []],
  ['Tunnel', ['no', 'false']],
  ['RemoteCommand', ['none']],
  ['LocalCommand', ['none']],
  ['SetEnv', []],
  ['Compression', ['no', 'false']],
  ['HostbasedAuthentication', ['no', 'false']],
  ['VerifyHostKeyDNS', ['no', 'false']],
  ['CanonicalizeHostname', ['no', 'false', 'none']],
];

/** What a configuration asks for and does not get: directives that are not used, some of them on purpose. */
export function unusedDirectives(options: SshOptions): string[] {
  const unused = UNUSED.flatMap(([name, none]) => {
    const value = options.get(name.toLowerCase())?.[0];
    return value === undefined || value === '' || none.includes(value.toLowerCase()) ? [] : [name];
  });
  return [...new Set([...(options.get(LEFT_OUT) ?? []), ...unused])];
}

import { readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { LEFT_OUT } from './config-notices.ts';
import type { HostEntry } from './connection.ts';
import { matchesPattern } from './known-hosts.ts';
import { formatJumps, type Overrides } from './route.ts';
import { type Directive, HostOptions } from './ssh-config-match.ts';
import { isSafeAlias, type SshOptions, type Surroundings } from './surroundings.ts';

/** As ssh: an Include within an Include, and so on, at most so deep. */
const DEEPEST_INCLUDE = 16;
const LARGEST_FILE = 1024 * 1024;
const MOST_FILES = 500;

/** Directives whose value is a line for a shell. */
const COMMANDS: ReadonlySet<string> = new Set([
  'knownhostscommand',
  'localcommand',
  'proxycommand',
  'remotecommand',
]);

/**
 * Reads the directives of a configuration's text (ssh_config(5)): `Keyword args` or `Keyword=args`,
 * arguments in double quotes may hold spaces, `#` begins a comment line. A command is one argument
 * as it stands, quotes and all.
 */
export function parseDirectives(text: string): Directive[] {
  const directives: Directive[] = [];
  for (const line of text.split(/\r?\n/)) {
    // No pattern for the whole line: one that can part blanks in several ways takes time by their square.
    const head = /^\s*([A-Za-z]\w*)(?=[\s=])/.exec(line);
    if (head?.[1] === undefined) continue;
    const keyword = head[1].toLowerCase();
    const value = line.slice(head[0].length).trimStart().replace(/^=/, '').trim();
    directives.push({ keyword, args: COMMANDS.has(keyword) ? [value] : argumentsOf(value) });
  }
  return directives;
}

/** Words, those in double quotes with `\"` and `\\` for themselves, up to a comment. A quote that nothing closes is none. */
function argumentsOf(value: string): string[] {
  const args: string[] = [];
  const bare = /[^\s"]+/y;
  let isOpen = false;
  for (let at = 0; at < value.length; ) {
    const end: number = value[at] === '"' && !isOpen ? closingQuote(value, at + 1) : 0;
    // From then on there is no closing quote for any other one either.
    if (end < 0) isOpen = true;
    if (end > 0) {
      args.push(value.slice(at + 1, end).replace(/\\(["\\])/g, '$1'));
      at = end + 1;
      continue;
    }
    bare.lastIndex = at;
    const word = bare.exec(value)?.[0];
    if (word?.startsWith('#')) break;
    if (word !== undefined) args.push(word);
    at += word?.length ?? 1;
  }
  return args;
}

function closingQuote(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at;
  }
  return -1;
}

/** The directives of a file with those of every Include in it. A missing file has none. */
async function readDirectives(file: string, around: Surroundings): Promise<Directive[]> {
  return await read(file, around, 0, { files: 0 });
}

async function read(
  file: string,
  around: Surroundings,
  depth: number,
  count: { files: number },
): Promise<Directive[]> {
  count.files += 1;
  if (depth > DEEPEST_INCLUDE || count.files > MOST_FILES) return [];
  let text: string;
  try {
    const bytes = await readFile(file);
    if (bytes.length > LARGEST_FILE) return [];
    text = bytes.toString('utf8');
  } catch {
    return [];
  }
  const directives: Directive[] = [];
  for (const directive of parseDirectives(text)) {
    if (directive.keyword !== 'include') {
      directives.push(directive);
      continue;
    }
    const included: Directive[][] = [];
    for (const pattern of directive.args) {
      for (const name of await expandGlob(includePath(pattern, around))) {
        included.push(await read(name, around, depth + 1, count));
      }
    }
    directives.push({ ...directive, included });
  }
  return directives;
}

function includePath(pattern: string, around: Surroundings): string {
  if (pattern === '~' || pattern.startsWith('~/')) return around.home + pattern.slice(1);
  // Relative names of a user's configuration are in ~/.ssh, wherever the including file is.
  return isAbsolute(pattern) ? pattern : join(around.home, '.ssh', pattern);
}

/** The files that a path with `*` and `?` in its segments names, sorted. */
async function expandGlob(pattern: string): Promise<string[]> {
  if (!/[*?]/.test(pattern)) return [pattern];
  const segments = pattern.split('/');
  let paths = [segments.shift() ?? ''];
  for (const segment of segments) {
    if (!/[*?]/.test(segment)) {
      paths = paths.map((path) => `${path}/${segment}`);
      continue;
    }
    const next: string[] = [];
    for (const path of paths) {
      const names = await readdir(path === '' ? '/' : path).catch(() => []);
      for (const name of names.sort()) {
        const hidden = name.startsWith('.') && !segment.startsWith('.');
        if (!hidden && matchesPattern(name, segment)) next.push(`${path}/${name}`);
      }
    }
    paths = next;
  }
  return paths;
}

/**
 * The hosts that can be connected to by name: each `Host` word that is no pattern, in the order of
 * the files, each once. Files that are not there are no error.
 */
export async function listHostsOf(
  configFiles: readonly string[],
  userConfig: boolean,
  around: Surroundings,
): Promise<readonly HostEntry[]> {
  const sources: Array<{ file: string; configFile: string | null }> = [];
  if (userConfig) sources.push({ file: join(around.home, '.ssh', 'config'), configFile: null });
  for (const file of configFiles) sources.push({ file, configFile: file });
  const entries: HostEntry[] = [];
  for (const { file, configFile } of sources) {
    const seen = new Set<string>();
    for (const { keyword, args } of flat(await readDirectives(file, around))) {
      if (keyword !== 'host') continue;
      for (const alias of args) {
        if (/[*?!]/.test(alias) || !isSafeAlias(alias) || seen.has(alias)) continue;
        seen.add(alias);
        entries.push({ alias, configFile });
      }
    }
  }
  return entries;
}

/** The directives in the order of the text, those of included files in their place. */
function* flat(directives: readonly Directive[]): Generator<Directive> {
  for (const directive of directives) {
    yield directive;
    for (const file of directive.included ?? []) yield* flat(file);
  }
}

/** Where ssh looks for keys when IdentityFile names none; ssh_config(5). */
const DEFAULT_KEYS = ['id_rsa', 'id_ecdsa', 'id_ed25519'];

/**
 * The options of a host where there is no ssh to ask. `Match` with anything but `all`, `host`, `originalhost`, `user` and
 * `localuser` is left out, and {@link LEFT_OUT} says so: we run no command to find out.
 * @throws Failure `unsupported` for what is no configuration
 */
export async function computeFromFiles(
  entry: HostEntry,
  around: Surroundings,
  overrides?: Overrides,
): Promise<SshOptions> {
  const host = new HostOptions({ alias: entry.alias, localUser: around.user });
  const { options, leftOut } = host;
  if (overrides !== undefined) {
    const { user, port, hops } = overrides;
    if (user !== null) options.set('user', [user]);
    if (port !== null) options.set('port', [String(port)]);
    if (hops.length > 0) options.set('proxyjump', [formatJumps(hops)]);
  }
  host.apply(await readDirectives(entry.configFile ?? join(around.home, '.ssh', 'config'), around));
  firstProxyOnly(options);
  if (leftOut.length > 0) options.set(LEFT_OUT, leftOut);
  if (options.has('hostname')) options.set('hostname', [host.hostname()]);
  const ssh = join(around.home, '.ssh');
  if (!options.has('identityfile')) {
    options.set(
      'identityfile',
      DEFAULT_KEYS.map((name) => join(ssh, name)),
    );
  }
  if (!options.has('userknownhostsfile')) {
    options.set('userknownhostsfile', [join(ssh, 'known_hosts'), join(ssh, 'known_hosts2')]);
  }
  if (!options.has('globalknownhostsfile') && around.platform !== 'win32') {
    options.set('globalknownhostsfile', ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2']);
  }
  return options;
}

/** Of ProxyJump and ProxyCommand the first counts (ssh_config(5)); only `ProxyJump none` leaves room for the other. */
function firstProxyOnly(options: Map<string, string[]>): void {
  const [first] = [...options.keys()].filter((name) => name === 'proxyjump' || name === 'proxycommand');
  if (first === 'proxycommand') options.delete('proxyjump');
  else if (first === 'proxyjump' && options.get(first)?.[0]?.toLowerCase() !== 'none') {
    options.delete('proxycommand');
  }
}

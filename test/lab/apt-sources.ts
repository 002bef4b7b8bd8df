/**
 * Reads the host's apt configuration to learn which Debian mirror it uses, so that no address has
 * to be written down in the project. Both notations of sources.list(5) are understood: one line a
 * source (`*.list`) and deb822 stanzas (`*.sources`).
 */

/** One (type, uri, suite) with its components; a stanza with several of each becomes several. */
export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
}

/** Entries of a one-line-style file. Comments, `deb-src` and malformed lines are left out. */
export function parseListFile(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.replace(/#.*/, '').trim();
    // deb [ option=value ... ] uri suite component...
    const match = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)(?:\s+(.*))?$/.exec(line);
    const uri = match?.[1];
    const suite = match?.[2];
    if (uri === undefined || suite === undefined) continue;
    sources.push({ uri: trimSlash(uri), suite, components: words(match?.[3] ?? '') });
  }
  return sources;
}

/** Entries of a deb822 file; disabled stanzas (`Enabled: no`) and source-only ones are left out. */
export function parseSourcesFile(text: string): AptSource[] {
  const withoutComments = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n');
  return withoutComments.split(/\n[ \t]*\n/).flatMap(stanzaSources);
}

function stanzaSources(stanza: string): AptSource[] {
  const fields = new Map<string, string>();
  let name = '';
  for (const line of stanza.split('\n')) {
    const field = /^([A-Za-z-]+):(.*)$/.exec(line);
    if (field?.[1] !== undefined) {
      name = field[1].toLowerCase();
      fields.set(name, field[2] ?? '');
    } else if (/^\s/.test(line)) {
      fields.set(name, `${fields.get(name) ?? ''} ${line}`);
    }
  }
  if (/^(no|false|0|off|without|disable)$/i.test((fields.get('enabled') ?? '').trim())) return [];
  if (!words(fields.get('types') ?? '').includes('deb')) return [];
  const components = words(fields.get('components') ?? '');
  return words(fields.get('uris') ?? '').flatMap((uri) =>
    words(fields.get('suites') ?? '').map((suite) => ({ uri: trimSlash(uri), suite, components })),
  );
}

/** The mirrors of one Debian host. `security` is absent where the host has no security source. */
export interface DebianMirrors {
  readonly main: string;
  readonly security?: string;
}

/**
 * The Debian archive among the host's sources. A third party's archive is told apart by its
 * components (they rarely have one called `main`) and its suites (not the bare code name).
 *
 * @param codename the host's own release, VERSION_CODENAME of /etc/os-release
 */
export function findDebianMirrors(
  sources: readonly AptSource[],
  codename: string,
): DebianMirrors | undefined {
  const uriOf = (...suites: string[]): string | undefined =>
    sources.find((s) => suites.includes(s.suite) && s.components.includes('main'))?.uri;
  const main = uriOf(codename, 'stable', 'testing', 'unstable', 'sid');
  if (main === undefined) return undefined;
  const security = uriOf(`${codename}-security`, 'stable-security', 'testing-security');
  return security === undefined ? { main } : { main, security };
}

/** The source lines with which the VM's release is installed from those mirrors. */
export function sourceLines(mirrors: DebianMirrors, suite: string): string[] {
  const lines = [
    `deb ${mirrors.main} ${suite} main contrib`,
    `deb ${mirrors.main} ${suite}-updates main contrib`,
  ];
  if (mirrors.security !== undefined) {
    lines.push(`deb ${mirrors.security} ${suite}-security main contrib`);
  }
  return lines;
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function trimSlash(uri: string): string {
  return uri.replace(/\/+$/, '');
}

import { createHash, createHmac, randomBytes } from 'node:crypto';

/** One line of a known_hosts file that names a key, see sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT". */
export interface KnownHostsEntry {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly marker: 'none' | 'revoked' | 'cert-authority';
  readonly hosts: HostsField;
  readonly keyType: string;
  /** The key as the server sends it. */
  readonly key: Buffer;
}

type HostsField =
  | { readonly kind: 'patterns'; readonly patterns: readonly string[] }
  | { readonly kind: 'hashed'; readonly salt: Buffer; readonly hash: Buffer };

/** A file of more lines than this is not read further: nobody's known_hosts is that long. */
const MOST_LINES = 200_000;

/** Reads a file's text. Comments, blank and malformed lines are left out, as ssh does. */
export function parseKnownHosts(text: string, file: string): KnownHostsEntry[] {
  const entries: KnownHostsEntry[] = [];
  let number = 0;
  for (const raw of text.split('\n', MOST_LINES)) {
    number += 1;
    const entry = parseLine(raw.trim(), file, number);
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

function parseLine(line: string, file: string, number: number): KnownHostsEntry | null {
  if (line === '' || line.startsWith('#')) return null;
  const words = line.split(/[ \t]+/, 4);
  let marker: KnownHostsEntry['marker'] = 'none';
  if (line.startsWith('@')) {
    const word = words.shift();
    if (word === '@revoked') marker = 'revoked';
    else if (word === '@cert-authority') marker = 'cert-authority';
    else return null;
  }
  const [hostsWord, keyType, base64] = words;
  if (hostsWord === undefined || keyType === undefined || base64 === undefined) return null;
  const hosts = parseHosts(hostsWord);
  const key = Buffer.from(base64, 'base64');
  // The blob begins with its own type; a line where the two differ is damaged.
  if (hosts === null || blobKeyType(key) !== keyType) return null;
  return { file, line: number, marker, hosts, keyType, key };
}

function parseHosts(word: string): HostsField | null {
  if (!word.startsWith('|')) return { kind: 'patterns', patterns: word.toLowerCase().split(',') };
  const parts = /^\|1\|([A-Za-z0-9+/=]+)\|([A-Za-z0-9+/=]+)$/.exec(word);
  if (parts?.[1] === undefined || parts[2] === undefined) return null;
  return { kind: 'hashed', salt: Buffer.from(parts[1], 'base64'), hash: Buffer.from(parts[2], 'base64') };
}

/** The type that a public key blob names itself (RFC 4253, 6.6); null when it is no such blob. */
export function blobKeyType(blob: Buffer): string | null {
  if (blob.length < 8) return null;
  const length = blob.readUInt32BE(0);
  if (length === 0 || length > 64 || 4 + length > blob.length) return null;
  return blob.toString('latin1', 4, 4 + length);
}

/** True when the entry's first field names `name`, which is as {@link knownHostsName} makes it. */
export function matchesHost(hosts: HostsField, name: string): boolean {
  const host = name.toLowerCase();
  if (hosts.kind === 'hashed') return hostHash(host, hosts.salt).equals(hosts.hash);
  let found = false;
  for (const pattern of hosts.patterns) {
    if (pattern.startsWith('!')) {
      // A negated match wins over every other pattern of the line.
      if (matchesPattern(host, pattern.slice(1))) return false;
    } else if (matchesPattern(host, pattern)) {
      found = true;
    }
  }
  return found;
}

/**
 * `*` stands for any characters, `?` for one (ssh_config(5), PATTERNS). Greedy with one point to go
 * back to, so the time is at most the product of the lengths, for hostile patterns too.
 */
export function matchesPattern(text: string, pattern: string): boolean {
  let at = 0;
  let p = 0;
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    if (pattern[p] === '*') {
      star = p;
      starAt = at;
      p += 1;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[at])) {
      p += 1;
      at += 1;
    } else if (star >= 0) {
      p = star + 1;
      starAt += 1;
      at = starAt;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

function hostHash(host: string, salt: Buffer): Buffer {
  return createHmac('sha1', salt).update(host).digest();
}

/** How known_hosts names a host: bare on port 22, `[host]:port` elsewhere. */
export function knownHostsName(host: string, port: number): string {
  const lower = host.toLowerCase();
  return port === 22 ? lower : `[${lower}]:${port}`;
}

/** `SHA256:` and base64 without padding, as ssh-keygen -l prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** A new line for a key, without newline; hashed as HashKnownHosts wants it when `hashed`. */
export function formatEntry(name: string, key: Buffer, hashed: boolean): string {
  const type = blobKeyType(key);
  if (type === null) throw new RangeError('not a public key blob');
  let hosts = name.toLowerCase();
  if (hashed) {
    const salt = randomBytes(20);
    hosts = `|1|${salt.toString('base64')}|${hostHash(hosts, salt).toString('base64')}`;
  }
  return `${hosts} ${type} ${key.toString('base64')}`;
}

/**
 * A line of a file that names a host, with that name taken out: empty when it names no other.
 * @returns null when it names the host by a pattern, which may stand for others too
 */
export function withoutName(line: string, name: string): string | null {
  const parts = /^(\s*)(\S+)(.*)$/s.exec(line);
  const hosts = parts?.[2] ?? '';
  if (hosts.startsWith('|')) return '';
  const names = hosts.split(',');
  const rest = names.filter((one) => one.toLowerCase() !== name.toLowerCase());
  const field = parseHosts(rest.join(','));
  if (rest.length === names.length || (field !== null && rest.length > 0 && matchesHost(field, name))) {
    return null;
  }
  return rest.length === 0 ? '' : `${parts?.[1] ?? ''}${rest.join(',')}${parts?.[3] ?? ''}`;
}

/** What the files say of a key. */
export type KeyVerdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'unknown' }
  /** The host is known by these other keys; those of the same type come first. */
  | { readonly kind: 'changed'; readonly entries: readonly [KnownHostsEntry, ...KnownHostsEntry[]] }
  | { readonly kind: 'revoked'; readonly entry: KnownHostsEntry }
  /** The host is known by a certificate authority only. */
  | { readonly kind: 'authority'; readonly entry: KnownHostsEntry };

/**
 * Judges the key that a host showed. Revoked wins over everything; a key listed plainly is known;
 * a host of which other plain keys are listed has changed; one with an authority only is for that
 * authority to vouch for, never to be trusted on first use.
 */
export function judgeKey(entries: readonly KnownHostsEntry[], name: string, key: Buffer): KeyVerdict {
  const ours = entries.filter((entry) => matchesHost(entry.hosts, name));
  const revoked = ours.find((entry) => entry.marker === 'revoked' && entry.key.equals(key));
  if (revoked !== undefined) return { kind: 'revoked', entry: revoked };
  const plain = ours.filter((entry) => entry.marker === 'none');
  if (plain.some((entry) => entry.key.equals(key))) return { kind: 'known' };
  const type = blobKeyType(key);
  const [other, ...more] = [
    ...plain.filter((entry) => entry.keyType === type),
    ...plain.filter((entry) => entry.keyType !== type),
  ];
  if (other !== undefined) return { kind: 'changed', entries: [other, ...more] };
  const authority = ours.find((entry) => entry.marker === 'cert-authority');
  return authority === undefined ? { kind: 'unknown' } : { kind: 'authority', entry: authority };
}

/** Host key algorithms that ssh2 verifies and that don't rest on SHA-1, in order of preference. */
export const HOST_KEY_ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;
export type HostKeyAlgorithm = (typeof HOST_KEY_ALGORITHMS)[number];

/**
 * The algorithms to offer a host, those of its known keys first: a server with keys of several
 * types must show the one we know, else it would look changed.
 */
export function hostKeyAlgorithms(entries: readonly KnownHostsEntry[], name: string): HostKeyAlgorithm[] {
  const known = new Set<string>();
  for (const entry of entries) {
    if (entry.marker === 'none' && matchesHost(entry.hosts, name)) known.add(entry.keyType);
  }
  const isKnown = (algorithm: string): boolean =>
    known.has(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm);
  return [
    ...HOST_KEY_ALGORITHMS.filter(isKnown),
    ...HOST_KEY_ALGORITHMS.filter((algorithm) => !isKnown(algorithm)),
  ];
}

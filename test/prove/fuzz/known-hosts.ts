/** known_hosts files: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. */
import {
  hostKeyAlgorithms,
  judgeKey,
  matchesHost,
  parseKnownHosts,
} from '../../../src/target/known-hosts.ts';
import type { Random } from '../../support/random.ts';
import { broken, each, type Series, soup } from './series.ts';

/** The blob of a public key: the length and the name of its type, then anything. */
function blob(type: string, rest: string): string {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([length, name, Buffer.from(rest)]).toString('base64');
}

const KEYS = [`ssh-ed25519 ${blob('ssh-ed25519', 'one')}`, `ssh-rsa ${blob('ssh-rsa', 'two')}`];
const PIECES = [
  ...KEYS,
  ...KEYS.map((key) => `host ${key}\n`),
  'host',
  '[host]:2222',
  '*',
  'h?st,!other',
  ' ',
  '\n',
  '@revoked ',
  '@cert-authority ',
  '@other ',
  '|1|',
  '|1|c2FsdA==|aGFzaGhhc2hoYXNoaGFzaGhhc2g= ',
  '# ',
  'AAAA',
];
const NAMES = ['host', '[host]:2222', 'other', ''];
const KEY = Buffer.from(KEYS[0]?.split(' ')[1] ?? '', 'base64');

function one(random: Random): number {
  const text = soup(random, PIECES, 24);
  const entries = parseKnownHosts(text, 'f');
  const lines = text.split('\n');
  // Each line speaks for itself: what stands before or after it makes no difference.
  const alone = lines.flatMap((line, at) =>
    parseKnownHosts(line, 'f').map((entry) => ({ ...entry, line: at + 1 })),
  );
  if (JSON.stringify(entries) !== JSON.stringify(alone)) throw broken('lines depend on each other', text);
  const name = random.pick(NAMES);
  const verdict = judgeKey(entries, name, KEY);
  const ours = entries.filter(({ hosts, marker }) => marker === 'none' && matchesHost(hosts, name));
  const isListed = ours.some(({ key }) => key.equals(KEY));
  if (verdict.kind === 'known' && !isListed) throw broken('a key is known that no line has', text, name);
  if (verdict.kind === 'unknown' && ours.length > 0) throw broken('a known host is unknown', text, name);
  if (hostKeyAlgorithms(entries, name).length !== 6) throw broken('an algorithm was lost', text, name);
  return text.length;
}

const read = (text: string) => () => {
  const entries = parseKnownHosts(text, 'f');
  judgeKey(entries, 'a'.repeat(250), KEY);
};

export const knownHosts: Series = {
  name: 'known_hosts',
  property:
    'no error; each line is read as if it stood alone; no key is known that no line has, and no host unknown that one has',
  batches: 1000,
  batch: (random) => each(random, one),
  slow: [
    { what: 'many entries', of: (bytes) => read(`host ${KEYS[0]}\n`.repeat(bytes / 60)) },
    {
      what: 'many hashed entries',
      of: (bytes) => read(`|1|c2FsdA==|aGFzaA== ${KEYS[0]}\n`.repeat(bytes / 76)),
    },
    { what: 'one line of blanks', of: (bytes) => read(`h${' \t'.repeat(bytes / 2)}x`) },
    { what: 'one line of stars', of: (bytes) => read(`${'a*'.repeat(bytes / 2)}b ${KEYS[0]}`) },
    { what: 'one line of commas', of: (bytes) => read(`${'!,'.repeat(bytes / 2)} ${KEYS[0]}`) },
    { what: 'one long key', of: (bytes) => read(`h ssh-rsa ${'A'.repeat(bytes)}`) },
    { what: 'one hashed name that does not end', of: (bytes) => read(`|1|${'A='.repeat(bytes / 2)} x y`) },
  ],
};

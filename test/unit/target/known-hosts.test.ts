import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  fingerprint,
  formatEntry,
  hostKeyAlgorithms,
  judgeKey,
  knownHostsName,
  matchesHost,
  matchesPattern,
  parseKnownHosts,
  withoutName,
} from '../../../src/target/known-hosts.ts';

function blob(type: string, ...fill: readonly number[]): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([
    length,
    Buffer.from(type),
    Buffer.from([0, 0, 0, 4, ...fill, 0, 0, 0, 0].slice(0, 8)),
  ]);
}
const A = blob('ssh-ed25519', 1);
const B = blob('ssh-ed25519', 2);
const RSA = blob('ssh-rsa', 3);
const line = (
  hosts: string,
  key: Buffer,
  type = key.toString('latin1', 4, 4 + key.readUInt32BE(0)),
): string => `${hosts} ${type} ${key.toString('base64')}`;
const judge = (text: string, name: string, key: Buffer): string =>
  judgeKey(parseKnownHosts(text, 'f'), name, key).kind;

describe('verdicts', () => {
  test.each([
    ['nothing known', '', 'a', A, 'unknown'],
    ['known', line('a', A), 'a', A, 'known'],
    ['known among several names', line('x,a,y', A), 'a', A, 'known'],
    ['another host', line('b', A), 'a', A, 'unknown'],
    ['another key', line('a', B), 'a', A, 'changed'],
    ['another key, but this one too', `${line('a', B)}\n${line('a', A)}`, 'a', A, 'known'],
    ['a key of another type only', line('a', RSA), 'a', A, 'changed'],
    ['revoked for all', `@revoked ${line('*', A)}\n${line('a', A)}`, 'a', A, 'revoked'],
    ['another key revoked', `@revoked ${line('*', B)}\n${line('a', A)}`, 'a', A, 'known'],
    ['an authority only', `@cert-authority ${line('*', B)}`, 'a', A, 'authority'],
    ['an authority that is the key itself', `@cert-authority ${line('*', A)}`, 'a', A, 'authority'],
    ['an authority and the key', `@cert-authority ${line('*', B)}\n${line('a', A)}`, 'a', A, 'known'],
    ['a marker nobody knows', `@other ${line('a', A)}`, 'a', A, 'unknown'],
    ['a port of its own', line('[a]:2222', A), '[a]:2222', A, 'known'],
    ['the port matters', line('a', A), '[a]:2222', A, 'unknown'],
    ['negated', line('*,!a', A), 'a', A, 'unknown'],
    ['letter case of names does not matter', line('HoSt', A), 'host', A, 'known'],
    ['a comment line', `# ${line('a', A)}`, 'a', A, 'unknown'],
    ['CRLF', `${line('a', A)}\r\n`, 'a', A, 'known'],
    ['a trailing comment', `${line('a', A)} me@here and more`, 'a', A, 'known'],
    ['a type that the key does not have', line('a', A, 'ssh-rsa'), 'a', A, 'unknown'],
  ])('%s', (_name, text, host, key, verdict) => {
    expect(judge(text, host, key)).toBe(verdict);
  });

  test('a changed key names the line of the same type where there is one', () => {
    const verdict = judgeKey(parseKnownHosts(`\n${line('a', RSA)}\n${line('a', B)}`, 'f'), 'a', A);
    expect(verdict).toMatchObject({
      kind: 'changed',
      entries: [
        { file: 'f', line: 3, keyType: 'ssh-ed25519' },
        { file: 'f', line: 2, keyType: 'ssh-rsa' },
      ],
    });
  });

  test('what is written is read back', () => {
    for (const hashed of [true, false]) {
      for (const name of ['host', '[::1]:2222', '[127.0.0.1]:22022']) {
        expect(judge(formatEntry(name, A, hashed), name, A)).toBe('known');
        expect(judge(formatEntry(name, A, hashed), `${name}x`, A)).toBe('unknown');
      }
    }
  });

  test('the known types come first, RSA without SHA-1, and all are offered', () => {
    const order = hostKeyAlgorithms(parseKnownHosts(line('a', RSA), 'f'), 'a');
    expect(order.slice(0, 2)).toEqual(['rsa-sha2-512', 'rsa-sha2-256']);
    expect(order).not.toContain('ssh-rsa');
    expect(new Set(order).size).toBe(6);
    expect(hostKeyAlgorithms([], 'a')[0]).toBe('ssh-ed25519');
  });
});

test.each([
  ['a ssh-rsa AAAA', 'a', ''],
  ['|1|c2FsdA==|aGFzaA== ssh-rsa AAAA', 'a', ''],
  ['\tx,A,y ssh-rsa AAAA  why', 'a', '\tx,y ssh-rsa AAAA  why'],
  ['[a]:2222,a ssh-rsa AAAA', '[a]:2222', 'a ssh-rsa AAAA'],
  ['a,* ssh-rsa AAAA', 'a', null],
  ['a? ssh-rsa AAAA', 'ab', null],
  ['*.lab,!x.lab ssh-rsa AAAA', 'a.lab', null],
])('%j without %s is %j', (text, name, rest) => {
  expect(withoutName(text, name)).toBe(rest);
});

describe('patterns', () => {
  test.each([
    ['abc', 'abc', true],
    ['abc', 'a?c', true],
    ['abc', 'a*', true],
    ['abc', '*c', true],
    ['abc', 'a?', false],
    ['', '?', false],
    ['', '*', true],
    ['abc', '', false],
    ['[a]:22', '[a]:*', true],
    ['aXbXc', 'a*b*c', true],
  ])('%s by %s: %s', (text, pattern, expected) => {
    expect(matchesPattern(text, pattern)).toBe(expected);
  });

  test('as the same pattern written as a regular expression', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 });
    const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 8 });
    fc.assert(
      fc.property(letters, patterns, (text, pattern) => {
        const source = pattern.replaceAll('.', '\\.').replaceAll('?', '.').replace(/\*+/g, '.*');
        return matchesPattern(text, pattern) === new RegExp(`^${source}$`, 's').test(text);
      }),
      { numRuns: 3000 },
    );
  });

  test('hostile patterns take no time', () => {
    const startedAt = performance.now();
    expect(matchesPattern('a'.repeat(2000), `${'*a'.repeat(500)}b`)).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});

test('no text makes the reader throw', () => {
  const pieces = fc.constantFrom(
    '|1|',
    '@revoked ',
    '@',
    ' ',
    '\t',
    '\n',
    ',',
    '!',
    '*',
    '=',
    'AAAA',
    'ssh-rsa',
    'é',
    '\0',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 40 }), (parts) => {
      for (const entry of parseKnownHosts(parts.join(''), 'f')) matchesHost(entry.hosts, 'host');
    }),
    { numRuns: 3000 },
  );
});

test('names of hosts', () => {
  expect(knownHostsName('Host', 22)).toBe('host');
  expect(knownHostsName('::1', 2222)).toBe('[::1]:2222');
});

const hasKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;
describe.runIf(hasKeygen)('as ssh-keygen does it', () => {
  let dir = '';
  let key = Buffer.alloc(0);
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'zscope-known-'));
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'key')]);
    const text = execFileSync('ssh-keygen', ['-y', '-f', join(dir, 'key')], { encoding: 'utf8' });
    key = Buffer.from(text.split(' ')[1] ?? '', 'base64');
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  /** True when ssh-keygen -F finds the name in the text. */
  function keygenFinds(text: string, name: string): boolean {
    const file = join(dir, 'known_hosts');
    writeFileSync(file, text);
    return spawnSync('ssh-keygen', ['-F', name, '-f', file]).status === 0;
  }

  test('fingerprints', () => {
    const printed = execFileSync('ssh-keygen', ['-l', '-f', join(dir, 'key.pub')], { encoding: 'utf8' });
    expect(printed.split(' ')[1]).toBe(fingerprint(key));
  });

  test('its hashed entries are found by us, ours by it', () => {
    const file = join(dir, 'hashed');
    writeFileSync(file, `${line('host.example,[10.0.0.1]:2222', key)}\n`);
    execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' });
    const text = execFileSync('cat', [file], { encoding: 'utf8' });
    expect(text).toContain('|1|');
    expect(judge(text, 'host.example', key)).toBe('known');
    expect(judge(text, '[10.0.0.1]:2222', key)).toBe('known');
    expect(judge(text, '10.0.0.1', key)).toBe('unknown');
    expect(keygenFinds(`${formatEntry('[10.0.0.1]:2222', key, true)}\n`, '[10.0.0.1]:2222')).toBe(true);
  });

  test('the same names are found in lists of patterns', () => {
    const part = fc.string({
      unit: fc.constantFrom('a', 'b', '.', '*', '?', '[', ']', ':', '2'),
      minLength: 1,
      maxLength: 6,
    });
    const pattern = fc.tuple(fc.boolean(), part).map(([negated, text]) => `${negated ? '!' : ''}${text}`);
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', '2'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 3 }), name, (patterns, host) => {
        const text = `${line(patterns.join(','), key)}\n`;
        expect({ text, host, found: judge(text, host, key) === 'known' }).toEqual({
          text,
          host,
          found: keygenFinds(text, host),
        });
      }),
      { numRuns: 60 },
    );
  });

  test('the same lines are found among thousands, for each of many names', () => {
    const word = fc.constantFrom('a', 'b.c', 'b.example', '10.0.0.1', 'fe80::1');
    const port = fc.constantFrom('', '', ':22', ':2222');
    const name = fc.tuple(word, port).map(([host, at]) => (at === '' ? host : `[${host}]${at}`));
    const pattern = fc.oneof(
      name,
      name.map((text) => text.toUpperCase()),
      fc.constantFrom('*', 'b.*', '?', '*.example', '[*]:2222', '10.0.0.?', '[a]:22*', ''),
    );
    const hosts = fc.oneof(
      fc
        .array(fc.tuple(fc.boolean(), fc.boolean(), pattern), { minLength: 1, maxLength: 4 })
        .map((list) => list.map(([one, two, text]) => `${one && two ? '!' : ''}${text}`).join(',')),
      name.map((text) => formatEntry(text, key, true).split(' ')[0] ?? ''),
      fc.constantFrom('|1|broken', '|2|c2FsdA==|aGFzaA==', '#a'),
    );
    const entry = fc
      .tuple(fc.constantFrom('', '', '', '@revoked ', '@cert-authority ', '@nothing '), hosts)
      .map(([marker, field]) => `${marker}${line(field, key)}`);
    const lines = fc.sample(entry, 4000);
    const file = join(dir, 'many');
    writeFileSync(file, `${lines.join('\n')}\n`);
    const entries = parseKnownHosts(lines.join('\n'), file);
    const names = ['a', 'b.c', 'b.example', '10.0.0.1', 'fe80::1', 'other'].flatMap((host) => [
      host,
      `[${host}]:2222`,
    ]);
    for (const one of names) {
      const { stdout } = spawnSync('ssh-keygen', ['-F', one, '-f', file], { encoding: 'utf8' });
      const theirs = [...stdout.matchAll(/^# Host .* found: line (\d+)/gm)].map((match) => Number(match[1]));
      const ours = entries.filter(({ hosts: field }) => matchesHost(field, one)).map((found) => found.line);
      expect({ one, lines: ours.map((at) => lines[at - 1]) }).toEqual({
        one,
        lines: theirs.map((at) => lines[at - 1]),
      });
    }
  });
});

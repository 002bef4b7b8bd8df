/** Configurations of ssh as we read them where there is no ssh: ssh_config(5). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isFailure } from '../../../src/core/failure.ts';
import { interpret } from '../../../src/target/resolve-host.ts';
import { computeFromFiles, parseDirectives } from '../../../src/target/ssh-config-files.ts';
import type { Surroundings } from '../../../src/target/surroundings.ts';
import type { Random } from '../../support/random.ts';
import { bothReadings, randomConfiguration } from '../../support/ssh-configurations.ts';
import { BATCH, broken, each, type Series, soup } from './series.ts';

const PIECES = [
  'Host vm\n',
  'Host * !vm\n',
  'Host "a b" v?\n',
  'Match all\n',
  'Match host vm exec "false"\n',
  'Match originalhost vm user root\n',
  'HostName %h.example\n',
  'Port 22\n',
  'Port ',
  'User root\n',
  'IdentityFile "~/with space"\n',
  'IdentityFile %d/%u\n',
  'IdentityAgent SSH_AUTH_SOCK\n',
  'UserKnownHostsFile /a /b\n',
  'StrictHostKeyChecking ',
  'ProxyJump a,root@b:22\n',
  'ProxyCommand nc %h %p "x\n',
  'ConnectTimeout 5\n',
  'ServerAliveInterval 1\n',
  'Ciphers ^a,b\n',
  'yes\n',
  '=',
  ' ',
  '\t',
  '"',
  '\\"',
  '#',
  '\n',
];

function one(random: Random): number {
  const text = soup(random, PIECES, 24);
  const whole = parseDirectives(text);
  const alone = text.split(/\r?\n/).flatMap((line) => parseDirectives(line));
  if (JSON.stringify(whole) !== JSON.stringify(alone)) throw broken('lines depend on each other', text);
  const odd = whole.find(({ keyword }) => !/^[a-z]\w*$/.test(keyword));
  if (odd !== undefined) throw broken('a keyword that is none', text, odd);
  return text.length;
}

const read = (text: string) => () => parseDirectives(text);

export const directives: Series = {
  name: 'ssh configuration, its directives',
  property: 'no error; each line is read as if it stood alone; a keyword is a word',
  batches: 1000,
  batch: (random) => each(random, one),
  slow: [
    { what: 'many lines', of: (bytes) => read('Host vm\n'.repeat(bytes / 8)) },
    { what: 'blanks before what no line holds', of: (bytes) => read(`a${' '.repeat(bytes)}x\rz`) },
    { what: 'blanks alone', of: (bytes) => read(' '.repeat(bytes)) },
    { what: 'blanks after a word', of: (bytes) => read(`Host${' '.repeat(bytes)}`) },
    {
      what: 'separators of lines that end none here',
      of: (bytes) => read(`a ${'\u2028 '.repeat(bytes / 4)}`),
    },
    { what: 'carriage returns', of: (bytes) => read(`a ${'\r'.repeat(bytes)}b`) },
    { what: 'a string that does not end', of: (bytes) => read(`Host "${'a'.repeat(bytes)}`) },
    {
      what: 'quotes within a string that does not end',
      of: (bytes) => read(`Host "${'\\"'.repeat(bytes / 2)}`),
    },
    { what: 'quotes', of: (bytes) => read(`Host ${'"'.repeat(bytes)}`) },
    { what: 'one word', of: (bytes) => read(`Host ${'a'.repeat(bytes)}`) },
    { what: 'a keyword without an end', of: (bytes) => read('a'.repeat(bytes)) },
  ],
};

/** What is read from files: a folder of their own, removed at the end. */
class Folder {
  protected readonly folder = mkdtempSync(join(tmpdir(), 'zscope-fuzz-'));

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Files and all: what a host's options come to. */
export class WholeConfigurations extends Folder implements Series {
  readonly name = 'ssh configuration, from file to host';
  readonly property = 'an answer, or a failure that says what is wrong; never another error';
  readonly batches = 20;
  readonly slow = [];
  readonly #around: Surroundings = { home: this.folder, user: 'me', env: {}, platform: 'linux' };

  async batch(random: Random): Promise<number> {
    const configFile = join(this.folder, 'config');
    let bytes = 0;
    for (let i = 0; i < BATCH; i++) {
      const text = soup(random, PIECES, 24);
      bytes += text.length;
      writeFileSync(configFile, text);
      const entry = { alias: 'vm', configFile };
      try {
        interpret(entry, await computeFromFiles(entry, this.#around), this.#around);
      } catch (error) {
        if (!isFailure(error)) throw broken(`an error: ${String(error)}`, text);
      }
    }
    return bytes;
  }
}

/** Well-formed ones with includes, patterns and tokens, beside ssh itself. */
export class ComparedConfigurations extends Folder implements Series {
  readonly name = 'ssh configuration, against ssh -G';
  readonly property = 'what a host comes to is the same';
  readonly batches = 5;
  readonly slow = [];

  async batch(random: Random): Promise<number> {
    let bytes = 0;
    for (let i = 0; i < BATCH; i++) {
      const files = randomConfiguration(random, this.folder);
      const { ours, theirs } = await bothReadings(this.folder, files);
      const text = JSON.stringify([...files]);
      bytes += text.length;
      if (!isDeepStrictEqual(ours, theirs)) throw broken('another answer', text, { ours, theirs });
    }
    return bytes;
  }
}

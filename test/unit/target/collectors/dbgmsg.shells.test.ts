import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { firstUnread } from '../../../../src/core/zfs/dbgmsg-overlap.ts';
import {
  type DbgmsgEvent,
  type DbgmsgResume,
  dbgmsgDecoder,
  dbgmsgScript,
} from '../../../../src/target/collectors/dbgmsg.ts';
import { Random } from '../../../support/random.ts';
import { type Flavour, flavours, runScript } from './flavours.ts';

/** What one read of the list gives: lines, and whether it broke off with an error. */
interface Dump {
  readonly lines: readonly string[];
  readonly broken?: boolean;
}

const HEADER = 'timestamp    message ';
const root = mkdtempSync(join(tmpdir(), 'zscope-dbgmsg-'));
afterAll(() => rmSync(root, { recursive: true }));
let runs = 0;

/** Feeds the real script with dumps, one a read, and returns what it made of them. */
function follow(
  dumps: readonly Dump[],
  flavour: Flavour,
  options: { maxsize?: number; header?: string; resume?: DbgmsgResume } = {},
): DbgmsgEvent[] {
  runs += 1;
  const dir = join(root, String(runs));
  const file = `${dir}.list`;
  dumps.forEach(({ lines, broken }, i) => {
    const text = [options.header ?? HEADER, ...lines].map((line) => `${line}\n`).join('');
    // read number i + 1: after the last one the list is gone, which ends the script
    writeFileSync(`${dir}.${i + 1}`, lines.length === 0 && broken ? '' : text);
    writeFileSync(`${dir}.${i + 1}.status`, broken ? '1' : '0');
  });
  writeFileSync(file, '');
  writeFileSync(`${dir}.turn`, '0\n');
  writeFileSync(`${dir}.maxsize`, `${options.maxsize ?? 4 << 20}\n`);
  writeFileSync(
    `${dir}.reader`,
    `read -r turn <${dir}.turn; turn=$((turn + 1)); echo $turn >${dir}.turn
[ -e ${dir}.$turn ] || { rm -f ${file}; exit 1; }
cat ${dir}.$turn; read -r status <${dir}.$turn.status; exit $status\n`,
  );
  const script = dbgmsgScript(file, `exec sh ${dir}.reader`, `${dir}.maxsize`, 0);
  const decoder = dbgmsgDecoder(options.resume);
  const events = runScript(script, flavour)
    .stdout.split('\n')
    .flatMap((line) => [...decoder.line(line)]);
  expect(events.at(-1)).toMatchObject({ kind: 'failure' });
  return events.slice(0, -1);
}

const shown = (events: readonly DbgmsgEvent[]) =>
  events.map((e) => (e.kind === 'line' ? e.text : `<${e.kind}>`));

/** The kernel's list: appends, evicts at its head, and is read whole. Numbers stand for messages. */
class Ring {
  readonly all: string[] = [];
  head = 0;

  append(text: string): void {
    this.all.push(text);
  }

  get size(): number {
    return this.all.length - this.head;
  }

  dump(): string[] {
    return this.all.slice(this.head);
  }
}

/**
 * A life of the list, as dumps: bursts of equal lines, eviction, reads that eviction overtakes. `kept`: no
 * line is evicted before it was read, and more than one burst of those that were read stays, as in a
 * kernel, which keeps megabytes of them.
 */
function life(seed: number, texts: number, kept: boolean): { dumps: Dump[]; ring: Ring } {
  const random = new Random(seed);
  const rand = (below: number) => random.below(below);
  const ring = new Ring();
  const dumps: Dump[] = [];
  let read = 0;
  for (let i = 0; i < 20; i += 1) {
    ring.append(`1699999999   start ${i}`);
  }
  for (let turn = 0; turn < 40; turn += 1) {
    for (let burst = rand(4); burst > 0; burst -= 1) {
      const text = `${1_700_000_000 + Math.floor(turn / 8)}   m${rand(texts)}`;
      for (let copies = rand(3) === 0 ? 1 + rand(12) : 1; copies > 0; copies -= 1) {
        ring.append(text);
      }
    }
    if (rand(3) === 0) {
      const oldest = kept ? read - ring.head - 15 : ring.size;
      ring.head += Math.min(rand(20), Math.max(oldest, 0));
    }
    const lines = ring.dump();
    if (rand(6) === 0) {
      const part = rand(lines.length + 1);
      dumps.push({ lines: lines.slice(0, part), broken: true });
      read = Math.max(read, ring.head + part);
    } else {
      dumps.push({ lines });
      read = ring.all.length;
    }
  }
  dumps.push({ lines: ring.dump() });
  return { dumps, ring };
}

describe.each(flavours)('dbgmsg in $name', (flavour) => {
  const run = test.skipIf(!flavour.present);
  // What the script does is tried at length in one awk; the others must only understand it alike.
  const lives = flavour === flavours[0] ? 4 : 1;

  run('backlog first, then only what is new', () => {
    const events = follow(
      [{ lines: ['1 a', '1 b'] }, { lines: ['1 a', '1 b'] }, { lines: ['1 a', '1 b', '2 c'] }],
      flavour,
    );
    expect(shown(events)).toEqual(['1 a', '1 b', '2 c']);
  });

  run('the changing header of old versions is no message', () => {
    const header = '1 0 0x01 -1 0 2492357525542 2525836565501\ntimestamp    message';
    expect(shown(follow([{ lines: ['1 a'] }, { lines: ['1 a', '1 b'] }], flavour, { header }))).toEqual([
      '1 a',
      '1 b',
    ]);
  });

  run('a reader that comes again has a gap, and after it what is new to it', () => {
    const again = (known: readonly string[], dumps: readonly Dump[]) =>
      shown(follow(dumps, flavour, { resume: (held) => firstUnread(known, held), maxsize: 100 }));
    expect(
      again(['1 a', '1 b', '1 c'], [{ lines: ['1 b', '1 c', '2 d'] }, { lines: ['1 c', '2 d', '3 e'] }]),
    ).toEqual(['<gap>', '2 d', '3 e']);
    expect(again(['1 a'], [{ lines: ['1 a'] }, { lines: ['1 a', '2 b'] }])).toEqual(['<gap>', '2 b']);
    expect(again(['1 a'], [{ lines: ['5 x'] }])).toEqual(['<gap>', '5 x']);
    expect(
      again(['1 a'], [{ lines: ['1 a', '1 b'], broken: true }, { lines: ['1 a', '1 b', '1 c'] }]),
    ).toEqual(['<gap>', '1 b', '1 c']);
  });

  run('a message cannot pass for a marker', () => {
    const lines = [
      '!gap lost',
      '=x',
      '!gone',
      '1 \\n & "quoted" $(id)',
      'timestamp    message',
      '',
      '007',
      '7',
    ];
    expect(shown(follow([{ lines: [] }, { lines: lines.slice(0, 7) }, { lines }], flavour))).toEqual(lines);
  });

  run('eviction inside a burst of equal lines loses and doubles none', () => {
    const before = ['1 a', '1 a', '1 a', '1 b', '2 x', '2 x', '2 x'];
    const after = ['1 a', '1 b', '2 x', '2 x', '2 x', '2 x', '3 c'];
    expect(shown(follow([{ lines: before }, { lines: after }], flavour, { maxsize: 100 }))).toEqual([
      ...before,
      '2 x',
      '3 c',
    ]);
  });

  run('wrapped or cleared is a gap, once', () => {
    expect(shown(follow([{ lines: ['1 a'] }, { lines: ['2 b'] }], flavour, { maxsize: 9 }))).toEqual([
      '1 a',
      '<gap>',
      '2 b',
    ]);
    expect(
      shown(follow([{ lines: ['1 a'] }, { lines: [] }, { lines: [] }, { lines: ['2 b'] }], flavour)),
    ).toEqual(['1 a', '<gap>', '2 b']);
    // everything fits, so nothing can have been evicted: the list was cleared, and `1 b` came again
    expect(shown(follow([{ lines: ['1 a', '1 b'] }, { lines: ['1 b', '1 c'] }], flavour))).toEqual([
      '1 a',
      '1 b',
      '<gap>',
      '1 b',
      '1 c',
    ]);
  });

  run('where equal lines hide how many were dropped, the place is marked, once', () => {
    const events = follow(
      [
        { lines: ['1 a', '1 a', '1 a'] },
        { lines: ['1 a', '1 a', '1 a', '1 a'] },
        { lines: ['1 a', '1 a', '1 a', '1 a'] },
      ],
      flavour,
      { maxsize: 100 },
    );
    expect(shown(events)).toEqual(['1 a', '1 a', '1 a', '<gap>', '1 a']);
  });

  run('a read that eviction overtakes counts as far as it went', () => {
    const events = follow(
      [
        { lines: ['1 a', '1 b'], broken: true },
        { lines: ['1 b', '1 c', '1 d'] },
        { lines: ['1 b'], broken: true },
        { lines: [], broken: true },
        { lines: ['1 c', '1 d', '1 e'], broken: true },
        { lines: ['1 d', '1 e', '1 f'] },
      ],
      flavour,
      { maxsize: 100 },
    );
    expect(shown(events)).toEqual(['1 a', '1 b', '1 c', '1 d', '1 e', '1 f']);
  });

  run('while nothing unread is evicted, every line comes once and in order', () => {
    for (let seed = 1; seed <= lives; seed += 1) {
      const { dumps, ring } = life(seed, 1e9, true);
      expect(ring.head, 'lines were evicted').toBeGreaterThan(0);
      expect(shown(follow(dumps, flavour, { maxsize: 64 })), `seed ${seed}`).toEqual(ring.all);
    }
  });

  run('among few different texts, what is lost is marked and nothing is doubled or reordered', () => {
    let losses = 0;
    for (let seed = 100; seed < 100 + lives; seed += 1) {
      const { dumps, ring } = life(seed, 3, false);
      const events = shown(follow(dumps, flavour, { maxsize: 64 }));
      const lines = events.filter((text) => text !== '<gap>');
      // what is shown is a subsequence of what was written
      let at = 0;
      for (const line of lines) {
        at = ring.all.indexOf(line, at) + 1;
        expect(at, `seed ${seed}: doubled or reordered`).toBeGreaterThan(0);
      }
      losses += ring.all.length - lines.length;
      if (lines.length < ring.all.length) {
        expect(events, `seed ${seed}: lost silently`).toContain('<gap>');
      }
    }
    expect(losses).toBeGreaterThan(0);
  });
});

test('a line of an unknown kind is dropped, whatever it is called', () => {
  const decoder = dbgmsgDecoder();
  for (const line of ['!constructor', '!__proto__', '!toString', '!gap', '!', '', 'gone']) {
    expect(decoder.line(line), line).toEqual([]);
  }
});

test('a target without ZFS says so', () => {
  const decoder = dbgmsgDecoder();
  const [flavour] = flavours;
  if (flavour === undefined) {
    throw new Error('no flavours');
  }
  const { stdout } = runScript(dbgmsgScript('/nonexistent/dbgmsg'), flavour);
  expect(stdout.split('\n').flatMap((line) => [...decoder.line(line)])).toEqual([
    { kind: 'failure', sentence: expect.stringMatching(/not loaded.*modprobe zfs/) },
  ]);
});

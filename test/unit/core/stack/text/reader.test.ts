import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { classesOf, TOGETHER } from '../../../../../src/core/stack/text/characters.ts';
import type { FrameItem, StackItem } from '../../../../../src/core/stack/text/items.ts';
import { readStackItems, StackTextReader } from '../../../../../src/core/stack/text/reader.ts';

function items(text: string): StackItem[] {
  const found: StackItem[] = [];
  readStackItems(text, (item) => found.push(item));
  return found;
}

type Printed = Pick<FrameItem, 'function' | 'offset' | 'size' | 'module' | 'reliable'>;

function frames(text: string): Printed[] {
  return items(text).flatMap((item) =>
    item.kind === 'frame'
      ? [
          {
            function: item.function,
            offset: item.offset,
            size: item.size,
            module: item.module,
            reliable: item.reliable,
          },
        ]
      : [],
  );
}

const frame: fc.Arbitrary<Printed> = fc.record({
  function: fc.stringMatching(/^[a-z_][a-z0-9_]{3,30}(\.(isra|part|constprop|cold)(\.\d)?)?$/),
  offset: fc.integer({ min: 0, max: 0xfffff }),
  size: fc.integer({ min: 1, max: 0xfffff }),
  module: fc.option(
    // An address, tags of forums, and what tools call the kernel are no modules.
    fc
      .stringMatching(/^[a-z][a-z0-9_]{0,12}$/)
      .filter((name) => !/^(?:[\da-f]{8,}|inlined?|code|quote|pre|noparse|kernel|vmlinux)$/.test(name)),
  ),
  reliable: fc.boolean(),
});

/** As `%pB` prints it. */
function print({ function: name, offset, size, module, reliable }: Printed): string {
  const numbers = `+0x${(offset ?? 0).toString(16)}/0x${(size ?? 0).toString(16)}`;
  return `${reliable ? '' : '? '}${name}${numbers}${module === null ? '' : ` [${module}]`}`;
}

const word = fc.stringMatching(/^[a-z]{2,8}$/);
const clock = fc
  .tuple(fc.integer({ min: 10, max: 23 }), fc.integer({ min: 10, max: 59 }))
  .map(([hours, minutes]) => `${hours}:${minutes}:07`);
const seconds = fc.integer({ min: 0, max: 99_999_999 }).map((s) => `${s}.123456`.padStart(12));

/** What logs, mails and terminals put around a line. */
const decoration: fc.Arbitrary<(line: string) => string> = fc.oneof(
  fc.constantFrom<(line: string) => string>(
    (line) => line,
    (line) => `[<0>] ${line}`,
    (line) => `> ${line}`,
    (line) => `> > ${line}`,
    (line) => `| ${line} |`,
    (line) => `\t${line}`,
    (line) => `${line}\r`,
    (line) => `\x1b[1m${line}\x1b[0m`,
    (line) => `<code>${line}</code>`,
    (line) => `[code]${line}[/code]`,
    (line) => `kern  :warn  : ${line}`,
    (line) => line.replaceAll('_', '\\_').replaceAll('[', '\\['),
    (line) => line.replaceAll(' ', '\u00a0'),
    (line) => line.replaceAll(' ', '&nbsp;'),
    (line) => JSON.stringify({ MESSAGE: line }),
    (line) => `#011${line}`,
  ),
  seconds.map((time) => (line: string) => `[${time}]  ${line}`),
  seconds.map((time) => (line: string) => `<4>[${time}][ T1234] ${line}`),
  fc.tuple(word, word, clock).map(
    ([month, host, time]) =>
      (line: string) =>
        `${month}. 19 ${time} ${host} kernel: ${line}`,
  ),
  fc.tuple(word, clock).map(
    ([host, time]) =>
      (line: string) =>
        `2026-01-02T${time}.123+01:00 ${host} kernel: ${line}`,
  ),
  fc
    .bigInt({ min: 0xffffffff80000000n, max: 0xffffffffffffffffn })
    .map((address) => (line: string) => ` [<${address.toString(16)}>] ${line}`),
);

describe('frames with a size', () => {
  it('are read behind any decoration', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.array(decoration, { maxLength: 2 }), frame)), (lines) => {
        const text = lines
          .map(([around, one]) => around.reduce((line, put) => put(line), print(one)))
          .join('\n');
        expect(frames(text)).toEqual(lines.map(([, one]) => one));
      }),
    );
  });

  it('end with the colour that ends their line, also where a terminal is as wide as both', () => {
    const first = '[   12.345678]  tank_open_and_wait_for_it_all_along_the_way+0x100/0x1000';
    for (const line of [`\x1b[1m${first}\x1b[0m`, `${first.slice(0, 16)}\x1b[1m${first.slice(16)}\x1b[0m`]) {
      expect(line).toHaveLength(80);
      expect(frames(`${line}\ntank_close+0x10/0x20`).map((one) => [one.function, one.size])).toEqual([
        ['tank_open_and_wait_for_it_all_along_the_way', 0x1000],
        ['tank_close', 0x20],
      ]);
    }
  });

  it('are read wherever a terminal or a mail wrapped their lines', () => {
    const dump = fc.array(frame, { minLength: 1, maxLength: 12 });
    const head = fc.constantFrom('[   12.345678]  ', '[   12.345678]  [<ffffffffa0052b35>] ', '[<0>] ');
    fc.assert(
      fc.property(dump, head, fc.integer({ min: 45, max: 100 }), (all, before, width) => {
        const text = all
          .flatMap((one) => {
            const line = before + print(one);
            const parts: string[] = [];
            for (let at = 0; at < line.length; at += width) {
              parts.push(line.slice(at, at + width));
            }
            return parts;
          })
          .join('\n');
        expect(frames(text)).toEqual(all);
      }),
    );
  });

  it.each([
    ['a folded stack', `dd;${Array.from({ length: 60 }, (_, at) => `tank_level_${at}`).join(';')} 4711`],
    [
      'a library with a digit at its end',
      '            7f2c3a1b4d55 tank_push+0x1c (/usr/lib/x86_64-linux-gnu/libtankpool_a.so.2)',
    ],
    [
      'a line of the source',
      'tank_hold+0x1b/0x40 lib/tank_of_many_things/tank_of_more/tank_hold_release.c:1237 [inline]',
    ],
    [
      'a file with a digit before its ending',
      'RIP: 0010:tank_call+0x1b/0x40 arch/x86/tank_of_many_things/tank_of_more/call_64.S:293',
    ],
  ])('are those of %s that a terminal broke', (_, text) => {
    const broken = (text.match(/.{1,80}/g) ?? []).join('\n');
    expect(broken).not.toBe(text);
    const told = (all: StackItem[]) =>
      all.flatMap((item) =>
        item.kind === 'frame'
          ? [item.function, item.offset, item.module]
          : item.kind === 'source'
            ? [item.path, item.sourceLine]
            : [],
      );
    expect(told(items(text)).length).toBeGreaterThan(2);
    expect(told(items(broken))).toEqual(told(items(text)));
  });

  it('are read from strings with escaped newlines', () => {
    fc.assert(
      fc.property(
        fc.array(frame),
        fc.constantFrom('\n', '\n ', '\n[<0>] ', '\n[    1.000000]  '),
        (all, between) => {
          const text = JSON.stringify({ log: all.map((one) => between + print(one)).join('') });
          expect(frames(text)).toEqual(all);
        },
      ),
    );
  });

  it('are read when their newlines were lost', () => {
    fc.assert(
      fc.property(
        fc.array(frame),
        fc.constantFrom(' ', '  [   1.000001]  ', ' [<ffffffffa0052b35>] '),
        (all, between) => {
          expect(frames(all.map(print).join(between))).toEqual(all);
        },
      ),
    );
  });
});

describe('frames without a size', () => {
  it('keep their module, with the build-id behind it or not', () => {
    const text = ['zil_commit+0x20 [zfs]', 'zil_commit+0x20 [zfs 1234abcd]', 'zil_commit+0x20 [zfs maybe]'];
    expect(text.flatMap(frames).map(({ module, offset }) => [module, offset])).toEqual([
      ['zfs', 0x20],
      ['zfs', 0x20],
      [null, 0x20],
    ]);
  });
});

const golden = path.join(import.meta.dirname, 'golden');
const goldens = (...kinds: string[]) =>
  kinds
    .flatMap((kind) =>
      readdirSync(path.join(golden, kind))
        .filter((name) => name.endsWith('.txt'))
        .map((name) => readFileSync(path.join(golden, kind, name), 'utf8')),
    )
    .join('\n');

describe('what a line holds', () => {
  it('asks no fewer formats than find something in it', () => {
    const text = goldens('captured', 'written', 'none');
    const found: StackItem[] = [];
    const all: typeof classesOf = (line, from, to) => classesOf(line, from, to) | TOGETHER;
    const reader = new StackTextReader((item) => found.push(item), 0, all);
    reader.push(text);
    reader.end();
    expect(found).toEqual(items(text));
  });
});

describe('text that comes in pieces', () => {
  it('is read as the whole', () => {
    const text = goldens('captured', 'written');
    const whole = items(text);
    expect(whole.length).toBeGreaterThan(1000);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 50 }), (lengths) => {
        const found: StackItem[] = [];
        const reader = new StackTextReader((item) => found.push(item));
        for (let at = 0, turn = 0; at < text.length; turn++) {
          const length = lengths[turn % lengths.length] ?? 1;
          reader.push(text.slice(at, at + length));
          at += length;
        }
        reader.end();
        expect(found).toEqual(whole);
      }),
      { numRuns: 4 },
    );
  });
});

describe('other text', () => {
  it('holds no frame where it begins with a sum', () => {
    expect(frames('A+0')).toEqual([]);
    expect(frames('total\n    a+1')).toEqual([]);
  });

  it('holds no frames', () => {
    const prose = fc
      .array(
        fc.oneof(
          word,
          word.map((name) => `${name}()`),
          fc.nat().map(String),
          fc.constantFrom('+', '=', '(', ')', ',', '.', '[zfs]', '#3', '->', '0x10', '/', ':'),
        ),
      )
      .map((words) => words.join(' '));
    // Chance makes an entry of DTrace, bpftrace or ftrace once in thousands of runs: x`f+0, => f and f <-g are such, whoever wrote them.
    const noise = fc.string().filter((text) => !/\w\+\d|=> | <-/.test(text));
    fc.assert(
      fc.property(fc.array(fc.oneof(prose, noise)), (lines) => {
        expect(frames(lines.join('\n'))).toEqual([]);
      }),
    );
  });

  it('is read without an error, and what is found lies within its lines', () => {
    const piece = fc.constantFrom(
      ...[
        '+0x',
        '/0x',
        'a',
        'f',
        '1',
        ' ',
        '[',
        ']',
        'zfs',
        '? ',
        '.c:',
        ':',
        '()',
        '\n',
        '\r',
        '/',
        '\\n',
        '&lt;',
        '=',
        '> ',
        '@[',
        '#1 ',
        ' at ',
        ' in ',
        '`',
        '!',
        ';',
        '=> ',
        '<-',
        '"',
        '\u2192',
        '\x1b[0m',
        '\u00a0',
        '0x12345678',
        '   ',
        '\0',
        '\ud800',
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 80 }), (parts) => {
        const text = parts.join('');
        const lines = text.split('\n');
        let last = { line: 1, start: 0 };
        for (const { line, start, end } of items(text)) {
          expect(start).toBeLessThanOrEqual(end);
          expect(end).toBeLessThanOrEqual(lines[line - 1]?.length ?? -1);
          expect(line > last.line || (line === last.line && start >= last.start)).toBe(true);
          last = { line, start };
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('takes a place in prose for a place, and not for a frame', () => {
    const text = 'Changed in this commit: tank_wait (module/tank/wait.c:310)';
    expect(items(text)).toMatchObject([{ kind: 'source', path: 'module/tank/wait.c', sourceLine: 310 }]);
  });

  const hostile = [
    '[',
    '(',
    '+0x',
    'a+0x1/0x1 ',
    '.c:1 ',
    'a.c:1:',
    '\\n',
    '\\',
    '"\\',
    '&lt;',
    '\x1b[',
    '=3D',
    '> ',
    '[ 1.0]',
    '#1 0x1234 in a (',
    'a`b+1 ',
    'a!b+0x1 ',
    ';a',
    'a+0x1/\n',
    '[zfs]\n',
    '  a_b\n',
    ', line ',
    'Jan 1 10:10:10 ',
    `(${' '.repeat(9999)}`,
  ];
  const cpu = (unit: string, length: number) => {
    const text = unit.repeat(Math.ceil(length / unit.length));
    const before = process.cpuUsage();
    readStackItems(text, () => {});
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  test.each(hostile)('takes time in proportion to its length, of %j', (unit) => {
    // A quadratic reader would need five seconds and more; other work on the machine may double it.
    expect(cpu(unit, 500_000)).toBeLessThan(2000);
  });

  it.each(['a+0x1/0x2 [ab ', 'a+0x1/0x2 [/a'])(
    'looks no farther than a module for the bracket of %j',
    (unit) => {
      // To the end of the line from each, it takes four seconds.
      expect(cpu(unit, 3_000_000)).toBeLessThan(2000);
    },
  );

  it('are read in a table also where blanks end its rows', () => {
    const text = ['tank_wait', 'tank_sync', 'kthread', 'ret_from_fork', '22']
      .map((cell) => `| ${cell} |\n`)
      .join('');
    expect(items(text)).toHaveLength(4);
    expect(items(text.replaceAll('\n', '  \n'))).toEqual(items(text));
  });

  it('gives what was waited for before what is below it', () => {
    const text = 'Call trace:\n-> tank\nopen at tank.c:1\ntank_wait at tank.c:12\n';
    const lines = items(text).map(({ line }) => line);
    expect(lines).toEqual(lines.toSorted((a, b) => a - b));
  });

  it('takes no member of a structure below a frame for a chain of functions', () => {
    const text = 'tank_wait+0x1/0x20 [tank]\ntank->tk_lock->lk_owner\n';
    expect(items(text)).toHaveLength(1);
  });

  it('waits for no more of the words below the announcement of a stack than a stack could have', () => {
    // Counted again with each, they take minutes.
    const text = `Call Trace:\n${'word\n'.repeat(100_000)}`;
    expect(cpu(text, 1)).toBeLessThan(2000);
  });

  it('takes time in proportion to its length where a long line is joined with one that broke at a blank', () => {
    // Looked through from each warning, it takes half a minute, and from each carriage return as long.
    const warnings = `${'WARNING: '.repeat(80_000)}=\n${'x'.repeat(70)}\nfoo_bar+0x1 \n`;
    const returns = `${'\r'.repeat(200_000)}=\n[<1234>] Call Trace:\n`;
    expect(cpu(warnings + returns, 1)).toBeLessThan(2000);
  });

  it('takes time in proportion to its length where many places are behind a frame', () => {
    // Looked through from each of them to the frame, it takes ten seconds.
    expect(cpu(`a+0x1(0) b+0x1(0) ${'a.c:12:'.repeat(9000)}\n`, 1_000_000)).toBeLessThan(3000);
  });
});

describe('places', () => {
  it('end with their line, also where a terminal is that wide', () => {
    const line = 'panic: Assertion zap->zap_dbuf == db failed at /usr/src/sys/fs/zfs_ctl/zfs_ct.c:177';
    const text = `${line.slice(-80)}\ncpuid = 2\n`;
    expect(items(text)).toMatchObject([{ path: '/usr/src/sys/fs/zfs_ctl/zfs_ct.c', sourceLine: 177 }]);
  });
  test.each(['.c:12', 'a.c:0:f()', 'a.c:x', 'dir/.c:5', 'a.c: 3068', 'http://host/a.c:80', 'a.py:12'])(
    'none in %j',
    (text) => {
      expect(items(text)).toEqual([]);
    },
  );
});

describe('headings', () => {
  const heading = (text: string) => items(text).find((item) => item.kind === 'heading');

  test.each([
    [
      '[ 12.345678] INFO: task txg_sync:1608 blocked for more than 120 seconds.',
      'report',
      'txg_sync',
      1608,
      null,
    ],
    ['txg_sync        D 0000000000000004     0  1351      2 0x00000000', 'task', 'txg_sync', 1351, 'D'],
    [
      'z_wr_int/3      D ffff88107fc53180     0  2210      2    0 0x00000000',
      'task',
      'z_wr_int/3',
      2210,
      'D',
    ],
    ['dp_sync_taskq   D13224   731      2 0x00000000', 'task', 'dp_sync_taskq', 731, 'D'],
    ['zpool import    D    0  1801   1790 0x00000004', 'task', 'zpool import', 1801, 'D'],
    ['txg_quiesce     R  running task    11960  1320      2 0x80000008', 'task', 'txg_quiesce', 1320, 'R'],
    [
      'task:.NET TP Worker  state:D stack:    0 pid:21112 ppid: 21000 flags:0x00000320',
      'task',
      '.NET TP Worker',
      21112,
      'D',
    ],
    [
      'task:kworker/4:2     state:D stack:0     pid:1520  tgid:1520  ppid:2      task_flags:0x4288060 flags:0x00080000',
      'task',
      'kworker/4:2',
      1520,
      'D',
    ],
    [
      'CPU: 1 UID: 0 PID: 11931 Comm: z_wr_iss Tainted: P          IO       6.12.53-0-lts',
      'task',
      'z_wr_iss',
      11931,
      null,
    ],
    ['watchdog: BUG: soft lockup - CPU#6 stuck for 23s! [rm:1121909]', 'report', 'rm', 1121909, null],
    ['BUG: KASAN: use-after-free in a_b+0x1/0x2 [zfs]', 'report', null, null, null],
    ['PID: 20417    TASK: ffff8e2c4a3d2f80  CPU: 7    COMMAND: "txg_sync"', 'task', 'txg_sync', 20417, null],
    ['Call Trace:', 'stack', null, null, null],
  ])('%s', (text, what, comm, pid, state) => {
    expect(heading(text)).toMatchObject({ what, comm, pid, state, line: 1 });
  });

  test.each([
    'INFO: task txg_sync:1608 blocked for more than 120 seconds.',
    'BUG: soft lockup - CPU#6 stuck for 23s! [rm:1121909]',
    'WARNING: possible circular locking dependency detected',
    'PANIC: zfs: adding existent segment to range tree',
    'SPLError: 8:0:(zio.c:1:zio_wait()) SPL PANIC',
  ])('%s: one below the other are so many', (text) => {
    const found = items(`${text}\n`.repeat(3)).filter(({ kind }) => kind === 'heading');
    expect(found.map(({ line, start }) => [line, start])).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
  });

  it('of a line that also has a frame come in the order of the line', () => {
    const kinds = items('WARNING: CPU: 3 PID: 1234 at module/zfs/arc.c:12 arc_x+0x10/0x20 [zfs]').map(
      ({ kind }) => kind,
    );
    expect(kinds).toEqual(['heading', 'source', 'frame']);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Frame, formatFrame } from '../../../../src/core/stack/frame.ts';
import { readStackText } from '../../../../src/core/stack/text-frames.ts';

/** The frames of a text as the kernel prints them. */
function frames(text: string): string[] {
  return readStackText(text).frames.map((found) => formatFrame(found.frame));
}

/** What the ranges of frames and references cover. */
function covered(text: string): string[] {
  const lines = text.split('\n');
  const { frames, references } = readStackText(text);
  return [...frames, ...references].map(({ line, start, end }) => (lines[line] ?? '').slice(start, end));
}

describe('a frame', () => {
  const frame = 'zlog_commit+0x17/0x40 [zfs]';

  it.each([
    frame,
    `[<0>] ${frame}`,
    `[<ffffffffa0052b35>] ${frame}`,
    `[  247.109472]  ${frame}`,
    `<6>[  125.347772][  T140] ${frame}`,
    `Aug 26 22:16:28 host kernel:  ${frame}`,
    `2026-06-06T06:51:45.535325+00:00 host kernel: ${frame}`,
    `> > ${frame}`,
    ` => ${frame}`,
    `RIP: 0010:${frame}`,
    `BUG: KASAN: use-after-free in ${frame}`,
    `           cat-42 [001] d... 6910441.001452: p: (${frame})`,
    `${frame}\r`,
    `  5)    15160      32   ${frame}`,
  ])('is found in %j', (line) => {
    expect(frames(line)).toEqual([frame]);
    expect(covered(line)).toEqual([frame]);
  });

  it('keeps suffixes of the compiler, and a size or module that is not there is null', () => {
    expect(readStackText('zio_wait.part.0.isra.2+0xa/0x14').frames[0]?.frame).toEqual({
      symbol: 'zio_wait.part.0.isra.2',
      offset: 10,
      size: 20,
      module: null,
      reliable: true,
    });
    expect(readStackText('   cv_wait_common+0xcb [spl]').frames[0]?.frame).toMatchObject({
      size: null,
      module: 'spl',
    });
    expect(readStackText('\t\t__schedule+0x2de').frames[0]?.frame).toMatchObject({
      size: null,
      module: null,
    });
  });

  it.each([
    '        dmu_tx_count_write+0x139',
    '#4  0xffffffff81a7274a at dmu_tx_count_write+0x139',
    '[2.000000]  dmu_tx_count_write+0x139',
    ' => dmu_tx_count_write+0x139',
    '\tffffffff810a5ae7 dmu_tx_count_write+0x139',
  ])('needs no size behind decoration: %j', (line) => {
    expect(frames(line)).toEqual(['dmu_tx_count_write+0x139']);
  });

  it('may carry a build-id or taint letters behind its module', () => {
    const id = '0123456789abcdef0123456789abcdef01234567';
    expect(frames(`a+0x1/0x2 [zfs ${id}]`)).toEqual(['a+0x1/0x2 [zfs]']);
    expect(frames('a+0x1/0x2 [zfs(POE)]')).toEqual(['a+0x1/0x2 [zfs]']);
    expect(covered(`a+0x1/0x2 [zfs ${id}]`)).toEqual([`a+0x1/0x2 [zfs ${id}]`]);
  });

  it('is unreliable behind a question mark', () => {
    expect(frames('[1.000000]  ? a+0x1/0x2 [zfs]\n b+0x1/0x2 (unreliable)\n c+0x1/0x2')).toEqual([
      '? a+0x1/0x2 [zfs]',
      '? b+0x1/0x2',
      'c+0x1/0x2',
    ]);
  });

  it('may stand beside another', () => {
    expect(frames('(a+0x1/0x20 <- b+0x2/0x30 [zfs])')).toEqual(['a+0x1/0x20', 'b+0x2/0x30 [zfs]']);
  });

  it.each([
    '[<ffffffffffffffff>] 0xffffffffffffffff',
    '/usr/sbin/thing(+0xf100)[0x7fc0e88ee100]',
    ' > /lib/x86_64-linux-gnu/libc.so.6(pause+0x10) [0xd3dd0]',
    'the call fn() adds x+0x10 to it',
    'sum = a + 0x10/0x20',
    'RIP: 0033:0x7fa4bd8be687',
    'a+0x/0x10',
    'a+0x12345678901234567/0x10',
    '9a+0x1/0x2',
    'Code: e8 48 35 9f ff',
  ])('is not seen in %j', (line) => {
    expect(frames(line)).toEqual([]);
  });
});

describe('a source reference', () => {
  it.each([
    ['PANIC at zlog.c:123:zlog_commit()', 'zlog.c:123:zlog_commit()', 'zlog.c', 123, 'zlog_commit'],
    ['1521501685   ffff9ac6589f8000 spa.c:6241:f(): x', 'spa.c:6241:f()', 'spa.c', 6241, 'f'],
    [
      'UBSAN: x in /var/lib/dkms/zap.c:1415:22',
      '/var/lib/dkms/zap.c:1415:22',
      '/var/lib/dkms/zap.c',
      1415,
      null,
    ],
    ['f (./kernel/sched/core.c:10:2)', './kernel/sched/core.c:10:2', './kernel/sched/core.c', 10, null],
    ['at ../zio.c:7', '../zio.c:7', '../zio.c', 7, null],
    ['in list.h:5, then', 'list.h:5', 'list.h', 5, null],
  ])('is found in %j', (line, text, path, sourceLine, name) => {
    const [found] = readStackText(line).references;
    expect(found).toMatchObject({ path, sourceLine, function: name });
    expect(covered(line)).toEqual([text]);
  });

  it.each(['.c:12', 'a.c:0:f()', 'a.c:x', 'a.cc:12', 'dir/.c:5', 'a.c: 3068'])(
    'is not seen in %j',
    (line) => {
      expect(readStackText(line).references).toEqual([]);
    },
  );
});

describe('any text', () => {
  const symbol = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,20}(\.(isra|part|constprop)\.\d)?$/);
  const anyFrame: fc.Arbitrary<Frame> = fc.record({
    symbol,
    offset: fc.integer({ min: 0, max: 0xfffff }),
    size: fc.integer({ min: 1, max: 0xfffff }),
    module: fc.option(fc.stringMatching(/^[a-z_][a-z0-9_]{0,12}$/)),
    reliable: fc.boolean(),
  });
  const prefix = fc.constantFrom(
    '',
    '[<0>] ',
    ' ',
    '\t',
    '[  1.234567]  ',
    '> ',
    ' => ',
    '<4>[1.000000][ T1] ',
    'kernel: ',
  );

  it('gives back the frames that were printed into it, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(prefix, anyFrame, fc.constantFrom('\n', '\r\n'))), (lines) => {
        const text = lines.map(([before, one, end]) => `${before}${formatFrame(one)}${end}`).join('');
        expect(readStackText(text).frames.map((found) => found.frame)).toEqual(lines.map(([, one]) => one));
      }),
    );
  });

  it('is read without an error; ranges lie in their lines and do not overlap', () => {
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
        '.h:',
        ':',
        '()',
        '\n',
        '\r',
        '/',
        'é',
        '\0',
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (parts) => {
        const text = parts.join('');
        const lines = text.split('\n');
        for (const list of Object.values(readStackText(text))) {
          let last = { line: 0, end: 0 };
          for (const { line, start, end } of list) {
            expect(start).toBeLessThan(end);
            expect(end).toBeLessThanOrEqual(lines[line]?.length ?? -1);
            expect(line > last.line || start >= last.end).toBe(true);
            last = { line, end };
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('takes time in proportion to its length', () => {
    for (const unit of ['+0x', 'a', 'a+0x1/0x1', '.c:1', 'a.c:1:', '(', ' ', 'a+0x1 ', '] ', '\n']) {
      const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
      const started = performance.now();
      readStackText(text);
      expect(performance.now() - started, JSON.stringify(unit)).toBeLessThan(4000);
    }
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { formatFrame } from '../../../../src/core/stack/frame.ts';
import { readStackText } from '../../../../src/core/stack/text-frames.ts';

/** What the ranges of frames and references cover. */
function covered(text: string): string[] {
  const lines = text.split('\n');
  const { frames, references } = readStackText(text);
  return [...frames, ...references].map(({ line, start, end }) => (lines[line] ?? '').slice(start, end));
}

describe('what the server links', () => {
  it('covers a frame from its symbol to its module', () => {
    const text = '\n[  247.109472]  ? zil_commit+0x17/0x40 [zfs 0123456789abcdef]\nschedule+0x1/0x2 (T)';
    expect(covered(text)).toEqual(['zil_commit+0x17/0x40 [zfs 0123456789abcdef]', 'schedule+0x1/0x2']);
    expect(readStackText(text).frames.map(({ line, frame }) => [line, formatFrame(frame)])).toEqual([
      [1, '? zil_commit+0x17/0x40 [zfs]'],
      [2, 'schedule+0x1/0x2'],
    ]);
  });

  it('has a frame that is only named at its beginning', () => {
    expect(readStackText(' => do_sys_open').frames[0]?.frame).toEqual({
      symbol: 'do_sys_open',
      offset: 0,
      size: null,
      module: null,
      reliable: true,
    });
  });

  test.each([
    ['PANIC at zlog.c:123:zlog_commit()', 'zlog.c:123:zlog_commit()'],
    ['UBSAN: x in /var/lib/dkms/zap.c:1415:22', '/var/lib/dkms/zap.c:1415:22'],
    ['at ../zio.c:7', '../zio.c:7'],
  ])('covers a place in %j', (text, place) => {
    expect(covered(text)).toEqual([place]);
  });

  test.each(['.c:12', 'a.c:0:f()', 'a.c:x', 'dir/.c:5', 'a.c: 3068', 'http://host/a.c:80'])(
    'no place in %j',
    (text) => {
      expect(readStackText(text).references).toEqual([]);
    },
  );
});

describe('a text that was edited', () => {
  const golden = path.join(import.meta.dirname, 'text', 'golden');
  const text = ['captured', 'written']
    .flatMap((kind) =>
      readdirSync(path.join(golden, kind))
        .filter((name) => name.endsWith('.txt'))
        .map((name) => readFileSync(path.join(golden, kind, name), 'utf8')),
    )
    .join('\n');

  it('is read as if it were new', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '',
        'x',
        '\n',
        ' zil_commit+0x1/0x2 [zfs]\n',
        '+0x',
        '@[\n',
        'a.c:1',
        '\n\n\n',
        '[zfs]',
      ),
      fc.string({ maxLength: 20 }),
    );
    const edit = fc.tuple(fc.nat(text.length), fc.oneof(fc.nat(5), fc.nat(300), fc.nat(40_000)), piece);
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let now = text;
        let found = readStackText(text);
        for (const [at, length, put] of edits) {
          const next = now.slice(0, at) + put + now.slice(at + length);
          found = readStackText(next, { text: now, found });
          now = next;
        }
        expect(found).toEqual(readStackText(now));
      }),
      { numRuns: 40 },
    );
  });

  it('costs what the edit is long, not the text', () => {
    const log = text.repeat(Math.ceil(6_000_000 / text.length));
    const known = { text: log, found: readStackText(log) };
    const middle = log.indexOf('\n', log.length / 2);
    const next = `${log.slice(0, middle)} zil_commit+0x1/0x2 [zfs]${log.slice(middle)}`;
    readStackText(next, known);
    const before = process.cpuUsage();
    readStackText(next, known);
    const { user, system } = process.cpuUsage(before);
    // The whole takes ten times as long; the bound leaves room for a busy machine.
    expect((user + system) / 1000).toBeLessThan(100);
  });
});

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

import { describe, expect, it } from 'vitest';
import type { Place } from '../../../src/core/symbols/location.ts';
import type { StackLinks } from '../../../src/server/stack-links.ts';
import type { StackPlaces } from '../../../src/server/stack-places.ts';
import { lineLinks, nextFrame } from '../../../src/server/stack-requests.ts';
import { openStacks } from './open-stacks.ts';

const at = (line: number): Place => ({
  function: 'zlog_commit',
  inlined: false,
  uri: 'file:///w/zlog.c',
  path: 'zlog.c',
  line,
  how: 'function',
});

/** Everything of a module leads to line 1, what the text names itself to the line that it says. */
const places = {
  leads: ({ module }) => module !== null,
  of: async () => ({ places: [at(1)], buildId: null }),
  ofAddress: async ({ item }) => ({ places: item.module === 'zdb' ? [at(2)] : [], buildId: null }),
} satisfies Pick<StackPlaces, 'leads' | 'of' | 'ofAddress'>;
const links = { reference: ({ sourceLine }) => at(sourceLine) } satisfies Pick<StackLinks, 'reference'>;

describe('a line of a terminal has links', () => {
  it.each([
    ['[ 1.0]  zlog_commit+0x1/0x20 [zfs]', ['zlog_commit+0x1/0x20 [zfs] 1']],
    // A document's outline leaves these out: a stack follows that tells them again.
    ['RIP: 0010:zlog_commit+0x1/0x20 [zfs]', ['zlog_commit+0x1/0x20 [zfs] 1']],
    [
      'WARNING: CPU: 1 PID: 9 at zlog.c:12 zlog_commit+0x1/0x20 [zfs]',
      ['zlog.c:12 12', 'zlog_commit+0x1/0x20 [zfs] 1'],
    ],
    ['zlog.c:12:zlog_commit() vfs_fsync+0x1/0x2 zdb(+0x12)[0x55aa]', ['zlog.c:12:zlog_commit() 12']],
    ['/sbin/zdb(+0x12)[0x55aa]', ['+0x12 2']],
    ['/sbin/other(+0x12)[0x55aa]', []],
  ])('%s', async (line, expected) => {
    const found = await lineLinks(line, links, places);
    expect(
      found.map(({ start, end, places: [place] }) => `${line.slice(start, end)} ${place?.line}`),
    ).toEqual(expected);
  });

  it('fifty at most', async () => {
    expect(await lineLinks('zlog_commit+0x1/0x20 [zfs] '.repeat(200), links, places)).toHaveLength(50);
    expect(await lineLinks('zlog.c:12 '.repeat(200), links, places)).toHaveLength(50);
  });
});

describe('a walk along the frames', () => {
  /** The lines that it stops at, from the first on. */
  const walk = async (text: string, by: 1 | -1) => {
    const { stacks } = openStacks(text);
    const lines: number[] = [];
    let at = { line: by > 0 ? -1 : 99, character: 0 };
    for (;;) {
      const next = await nextFrame(stacks, places, { ...at, by });
      if (next === null) {
        return lines;
      }
      lines.push(next.line);
      at = { line: next.line, character: next.start };
    }
  };
  const MIXED = `Call Trace:
 ? zlog_grow+0x1/0x20 [zfs]
 schedule+0x1/0x20
 zlog_commit+0x1/0x20 [zfs]
 ? zlog_open+0x1/0x20 [zfs]
 zlog_sync+0x1/0x20 [zfs]
`;

  it('goes by those that were called, both ways', async () => {
    expect(await walk(MIXED, 1)).toEqual([3, 5]);
    expect(await walk(MIXED, -1)).toEqual([5, 3]);
    // From a guess on which the cursor was put.
    const { stacks } = openStacks(MIXED);
    expect(await nextFrame(stacks, places, { line: 4, character: 4, by: -1 })).toMatchObject({ line: 3 });
  });

  it('goes by all of a stack of guesses', async () => {
    expect(await walk(MIXED.replaceAll(/^ (?=\w)/gm, ' ? '), 1)).toEqual([1, 3, 4, 5]);
  });
});

import { describe, expect, it } from 'vitest';
import type { Frame } from '../../../src/core/stack/frame.ts';
import type { Place } from '../../../src/core/symbols/location.ts';
import {
  frameDescription,
  groupDescription,
  groupLabel,
  groupTooltip,
  stackText,
  stillText,
} from '../../../src/extension/hung-tasks/labels.ts';
import type { SeenTask } from '../../../src/extension/hung-tasks/task-history.ts';

const frame = (symbol: string, module: string | null = 'zfs'): Frame => ({
  symbol,
  offset: 0x3d,
  size: 0x110,
  module,
  reliable: true,
});
const task = (
  comm: string,
  pid: number,
  stillForSeconds: number | null = 45,
  sameStackForSeconds = 0,
): SeenTask => ({
  pid,
  tgid: pid,
  comm,
  state: 'D',
  stillForSeconds,
  sameStackForSeconds,
  hung: true,
});
const place = (part: Partial<Place>): Place => ({
  function: 'zil_commit',
  inlined: false,
  uri: null,
  path: null,
  line: null,
  how: null,
  ...part,
});
const trace = [
  frame('__schedule', null),
  frame('cv_wait_common', 'spl'),
  frame('txg_wait_synced_impl.isra.0'),
];

describe('a row of hung tasks', () => {
  it('names one task by comm and pid, and what it waits in', () => {
    const group = { trace, tasks: [task('sync', 3198)] };
    expect(groupLabel(group)).toBe('sync (3198)');
    expect(groupDescription(group)).toBe('D  45 s  txg_wait_synced_impl');
  });

  it('counts equal stacks, and tells the longest stay', () => {
    const group = { trace, tasks: [task('a', 1, 5), task('b', 2, 7300), task('c', 3, null), task('a', 4)] };
    expect(groupLabel(group)).toBe('a, b and 1 more');
    expect(groupDescription(group)).toBe('×4  D  2 h  txg_wait_synced_impl');
  });

  it('tells the stay of a task that wakes now and then, and in the tooltip when it last ran', () => {
    const group = {
      trace,
      tasks: [task('txg_sync', 1, 3, 301), task('sync', 2, 400, 301), task('a', 3, null, 8)],
    };
    expect(groupDescription({ trace, tasks: group.tasks.slice(0, 1) })).toBe(
      'D  5 min  txg_wait_synced_impl',
    );
    expect(groupTooltip(group).split('\n').slice(0, 3)).toEqual([
      'txg_sync (pid 1), state D, in this stack for 5 min, last ran 3 s ago',
      'sync (pid 2), state D, has not run for 6 min',
      'a (pid 3), state D, in this stack for 8 s',
    ]);
  });

  it('falls back to the innermost frame when all of them only sleep', () => {
    const group = { trace: trace.slice(0, 2), tasks: [task('x', 1)] };
    expect(groupDescription(group)).toContain('__schedule');
    expect(groupDescription({ trace: [], tasks: [task('x', 1, null)] })).toBe('D');
  });

  it('makes names inert that a target chose', () => {
    const group = { trace, tasks: [task('\u001b[31m\u202eevil', 1)] };
    for (const text of [groupLabel(group), groupTooltip(group), stackText(group)]) {
      expect(text).not.toMatch(/[\u001b\u202e]/);
    }
  });
});

describe('a frame', () => {
  it('shows offset, module and the exact line', () => {
    const exact = place({ path: 'module/zfs/zil.c', line: 3688, how: 'dwarf' });
    expect(frameDescription(frame('zil_commit'), exact)).toBe('zil.c:3688  +0x3d [zfs]');
  });

  it('says when the line is only the definition', () => {
    const call = place({ path: 'module/zfs/zil.c', line: 3688, how: 'call-site' });
    expect(frameDescription(frame('zil_commit'), call)).toContain('zil.c:3688 call site');
    const several = place({
      path: 'module/zfs/zil.c',
      line: 3655,
      how: 'function',
      candidates: [3668, 3686].map((line) => ({
        uri: 'file:///z',
        path: 'module/zfs/zil.c',
        line,
        text: '',
      })),
    });
    expect(frameDescription(frame('zil_commit'), several)).toContain('zil.c:3655 function, 2 lines possible');
    const definition = place({ path: 'module/zfs/zil.c', line: 3700, how: 'function' });
    expect(frameDescription(frame('zil_commit'), definition)).toBe('zil.c:3700 function  +0x3d [zfs]');
  });

  it('says when it is inlined, and nothing of a source it does not know', () => {
    expect(
      frameDescription(frame('f'), place({ inlined: true, path: 'list.h', line: 1, how: 'dwarf' })),
    ).toBe('list.h:1  inlined');
    expect(frameDescription(frame('schedule', null), place({}))).toBe('+0x3d');
  });
});

describe('how long', () => {
  it.each([
    [null, ''],
    [0.4, '0 s'],
    [119.9, '119 s'],
    [120, '2 min'],
    [7199, '119 min'],
    [7200, '2 h'],
    [200_000, '2 d'],
  ])('%s seconds is "%s"', (seconds, text) => {
    expect(stillText(seconds)).toBe(text);
  });
});

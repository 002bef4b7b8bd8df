import { describe, expect, it } from 'vitest';
import type { Frame } from '../../../src/core/stack/frame.ts';
import { compareStacks, groupTraces, type StackGroup } from '../../../src/core/stack/groups.ts';
import type { StackItem } from '../../../src/core/stack/text/items.ts';
import { readStackItems } from '../../../src/core/stack/text/reader.ts';
import { readTraces, type TextTask } from '../../../src/core/stack/traces.ts';
import {
  comparedText,
  groupedText,
  groupedTitle,
  snapshotGroups,
} from '../../../src/extension/stack-text/stack-labels.ts';

const frames = (...symbols: readonly string[]): Frame[] =>
  symbols.map((symbol) => ({ symbol, offset: 0x10, size: 0x40, module: 'zfs', reliable: true }));
const task = (comm: string | null, pid: number | null, state: string | null = 'D'): TextTask => ({
  comm,
  pid,
  state,
});
const group = (trace: readonly Frame[], ...tasks: readonly TextTask[]): StackGroup => ({
  frames: trace,
  count: tasks.length,
  tasks,
  lines: [],
});

/** The stacks of a text, as the server reads them. */
function read(text: string): StackGroup[] {
  const items: StackItem[] = [];
  readStackItems(text, (item) => items.push(item));
  const lines = text.split('\n');
  return groupTraces(readTraces(items, (line) => lines[line] ?? ''));
}

describe('the text of grouped stacks', () => {
  const groups = [
    group(frames('cv_wait_common', 'txg_wait_synced'), task('sync', 1), task('sync', 2), task('dd', 3)),
    group(frames('zio_wait'), task(null, 4, null)),
    { ...group(frames('spa_sync')), count: 12, lines: [5, 9] },
  ];

  it('is not made of such a text, which has each stack once', () => {
    expect(groupedTitle('a.log', false)).toBe('Stacks of a.log');
    expect(groupedTitle('Stacks of a.log', true)).toBeNull();
    // A person's own file, and a dump that the extension shows.
    expect(groupedTitle('Stacks of a.log', false)).toBe('Stacks of Stacks of a.log');
    expect(groupedTitle('sync (3198)', true)).toBe('Stacks of sync (3198)');
  });

  it('has the row of All Tasks, the tasks and the frames of each', () => {
    expect(groupedText(groups, 'a.log').split('\n')).toEqual([
      '3 different stacks of 16 in a.log',
      '',
      'sync, dd  ×3  D  txg_wait_synced',
      'sync:1 state D',
      'sync:2 state D',
      'dd:3 state D',
      '[<0>] cv_wait_common+0x10/0x40 [zfs]',
      '[<0>] txg_wait_synced+0x10/0x40 [zfs]',
      '',
      'task (4)  zio_wait',
      'task:4',
      '[<0>] zio_wait+0x10/0x40 [zfs]',
      '',
      '×12  line 5, 9',
      '[<0>] spa_sync+0x10/0x40 [zfs]',
      '',
    ]);
  });

  it('names a task once that the text shows again and again', () => {
    const again = [task('sync', 1), task('dd', 3), task('sync', 1), task('sync', 1, 'S')];
    const text = groupedText([group(frames('zio_wait'), ...again)], 'a.log');
    expect(text.split('\n').slice(2, 7)).toEqual([
      'sync, dd  ×4  D/S  zio_wait',
      'sync:1 state D',
      'dd:3 state D',
      'sync:1 state S',
      '[<0>] zio_wait+0x10/0x40 [zfs]',
    ]);
  });

  it('is read again as the same stacks of the same tasks', () => {
    const again = read(groupedText(groups.slice(0, 2), 'a.log'));
    expect(again.map(({ count, tasks }) => [count, tasks.map(({ pid }) => pid)])).toEqual([
      [3, [1, 2, 3]],
      [1, [4]],
    ]);
    expect(again.map((one) => one.frames)).toEqual(groups.slice(0, 2).map((one) => one.frames));
  });

  it('shows what a task calls itself and does nothing of it', () => {
    expect(groupedText([group(frames('zio_wait'), task('\u001b[31mx', 1))], 'a')).not.toContain('\u001b');
  });
});

describe('the text of a comparison', () => {
  it('counts tasks, and shows where those that moved were and are', () => {
    const before = [group(frames('zio_wait'), task('dd', 1), task('cat', 2))];
    const after = [group(frames('zio_wait'), task('dd', 1)), group(frames('spa_sync'), task('cat', 2))];
    expect(comparedText(compareStacks(before, after), 'a', 'b').split('\n')).toEqual([
      'From a to b: 0 new, 0 gone, 1 moved, 1 as before',
      '',
      '---- Moved ----',
      '',
      'cat (2)  D  spa_sync, was in',
      '[<0>] zio_wait+0x10/0x40 [zfs]',
      'is in',
      'cat:2 state D',
      '[<0>] spa_sync+0x10/0x40 [zfs]',
      '',
    ]);
  });

  it('takes the tasks of a target, and leaves out those without a stack', () => {
    const live = { pid: 1, tgid: 1, comm: 'dd', state: 'D', stillForSeconds: 3 };
    const groups = snapshotGroups({
      uptimeSeconds: 1,
      unreadable: 0,
      builds: new Map(),
      groups: [
        { trace: frames('zio_wait'), tasks: [live] },
        { trace: [], tasks: [{ ...live, pid: 2 }] },
      ],
    });
    const before = [group(frames('zio_wait'), task('dd', 1), task('cat', 2))];
    const { same, gone, fresh } = compareStacks(before, groups);
    expect([same, gone.map(({ tasks }) => tasks[0]?.pid), fresh]).toEqual([1, [2], []]);
  });
});

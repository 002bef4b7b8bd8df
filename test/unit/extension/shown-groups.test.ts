import { expect, it } from 'vitest';
import { parseFrame } from '../../../src/core/stack/proc-stack.ts';
import { countHung, groupId, shownGroups } from '../../../src/extension/hung-tasks/shown-groups.ts';
import type { SeenGroup } from '../../../src/extension/hung-tasks/task-history.ts';

const traceOf = (...lines: readonly string[]) => lines.map(parseFrame).filter((frame) => frame !== null);

function group(trace: SeenGroup['trace'], hung: boolean, ...names: readonly [pid: number, comm: string][]) {
  return {
    trace,
    tasks: names.map(([pid, comm]) => ({
      pid,
      tgid: pid,
      comm,
      state: hung ? ('D' as const) : ('S' as const),
      stillForSeconds: 60,
      sameStackForSeconds: 60,
      hung,
    })),
  };
}

const synced = group(traceOf('cv_wait_common+0xac/0x130 [spl]', 'txg_wait_synced+0x10/0x60 [zfs]'), true, [
  40,
  'sync',
]);
const written = group(
  traceOf('cv_wait_common+0xac/0x130 [spl]', 'zil_commit+0x90/0xa0 [zfs]'),
  true,
  [30, 'dd'],
  [31, 'zfs'],
);
const polling = group(traceOf('do_poll+0x10/0x200', 'do_sys_poll+0x20/0x40'), false, [7, 'sshd']);
const idle = group(
  traceOf('__cv_timedwait_idle+0x9a/0xd0 [spl]', 'l2arc_feed_thread+0xd4/0x9b0 [zfs]'),
  false,
  [50, 'l2arc_feed'],
);
const seen = [idle, synced, polling, written];

it('shows what hangs, most tasks first', () => {
  expect(shownGroups(seen, { all: false, idle: false, filter: '' })).toEqual({
    groups: [written, synced],
    idleHidden: 0,
  });
});

it('hides the idle threads of ZFS among all tasks, says how many, and shows them when asked', () => {
  expect(shownGroups(seen, { all: true, idle: false, filter: '' })).toEqual({
    groups: [written, polling, synced],
    idleHidden: 1,
  });
  expect(shownGroups(seen, { all: true, idle: true, filter: '' })).toEqual({
    groups: [written, polling, synced, idle],
    idleHidden: 0,
  });
});

it('keeps the tasks that the filter names, and the row of their stack with them', () => {
  const { groups } = shownGroups(seen, { all: false, idle: false, filter: 'zfs' });
  expect(groups).toEqual([written, synced]);
  const [dd] = shownGroups(seen, { all: false, idle: false, filter: 'dd' }).groups;
  expect(dd?.tasks.map((task) => task.comm)).toEqual(['dd']);
  expect(dd && groupId(dd)).toBe(groupId(written));
});

it('counts the tasks that hang, not the rows', () => {
  expect(countHung(seen)).toBe(3);
});

it('tells tasks without a stack apart by their pid', () => {
  expect(groupId(group([], true, [1, 'a']))).not.toBe(groupId(group([], true, [2, 'a'])));
});

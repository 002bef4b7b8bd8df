import { expect, it } from 'vitest';
import { parseFrame } from '../../../src/core/stack/proc-stack.ts';
import type { Task, TaskSnapshot } from '../../../src/core/tasks.ts';
import {
  inStackForSeconds,
  type SeenTask,
  TaskHistory,
} from '../../../src/extension/hung-tasks/task-history.ts';

const stackOf = (...lines: readonly string[]) => lines.map(parseFrame).filter((frame) => frame !== null);
const zioWait = stackOf('cv_wait_common+0xac/0x130 [spl]', 'zio_wait+0x2d6/0x5c0 [zfs]');
const other = stackOf('cv_wait_common+0xac/0x130 [spl]', 'txg_wait_synced+0x10/0x60 [zfs]');
const idle = stackOf('__cv_timedwait_idle+0x9a/0xd0 [spl]', 'l2arc_feed_thread+0xd4/0x9b0 [zfs]');

const syncing: Task = { pid: 661, tgid: 661, comm: 'txg_sync', state: 'D', stillForSeconds: 3 };

function look(uptimeSeconds: number, task: Partial<Task>, trace = zioWait): TaskSnapshot {
  // A history looks at nothing else of a snapshot.
  return { uptimeSeconds, groups: [{ trace, tasks: [{ ...syncing, ...task }] }] } as unknown as TaskSnapshot;
}

function see(history: TaskHistory, ...snapshot: Parameters<typeof look>): SeenTask {
  const [task] = history.see(look(...snapshot)).flatMap(({ tasks }) => tasks);
  if (task === undefined) {
    throw new Error('the task is gone');
  }
  return task;
}

it('knows from look to look for how long a task that wakes has been in its stack', () => {
  const history = new TaskHistory();
  expect(inStackForSeconds(see(history, 1000, {}))).toBe(3);
  expect(inStackForSeconds(see(history, 1005, {}))).toBe(5);
  // It woke just now, and hangs still.
  expect(see(history, 1010, { stillForSeconds: 0.1 })).toMatchObject({ hung: true, sameStackForSeconds: 10 });
  expect(see(history, 1015, { stillForSeconds: 4 })).toMatchObject({ hung: true, sameStackForSeconds: 15 });
});

it('forgets what happened in another stack, to another task of the same id, or before a long pause', () => {
  const history = new TaskHistory();
  see(history, 1000, {});
  see(history, 1100, {});
  expect(see(history, 1105, {}, other).sameStackForSeconds).toBe(0);
  expect(see(history, 1110, {}, other).sameStackForSeconds).toBe(5);
  expect(see(history, 1115, { comm: 'dd' }, other).sameStackForSeconds).toBe(0);
  see(history, 1120, { comm: 'dd' }, other);
  expect(see(history, 5000, { comm: 'dd' }, other).sameStackForSeconds).toBe(0);
});

it('takes a task for hung no longer when it runs again and again, or sleeps otherwise', () => {
  const history = new TaskHistory();
  expect(see(history, 1000, {}).hung).toBe(true);
  expect(see(history, 1005, { state: 'S' }).hung).toBe(false);
  expect(see(history, 1010, { stillForSeconds: 0 }).hung).toBe(true);
  // A reader of a slow disk is caught in the same stack each time, but never for long.
  expect(see(history, 1016, { stillForSeconds: 0 }).hung).toBe(false);
  const busy = see(history, 1021, { stillForSeconds: 0.2 });
  expect(busy.hung).toBe(false);
  expect(inStackForSeconds(busy)).toBe(0.2);
});

it('never takes a thread that waits for work for hung', () => {
  const history = new TaskHistory();
  see(history, 1000, {}, idle);
  expect(see(history, 1005, {}, idle).hung).toBe(false);
});

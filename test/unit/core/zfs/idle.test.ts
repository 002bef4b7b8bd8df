import { expect, test } from 'vitest';
import { parseProcStack } from '../../../../src/core/stack/proc-stack.ts';
import { isHung, isIdleTrace } from '../../../../src/core/zfs/idle.ts';

const stack = (...symbols: string[]) =>
  parseProcStack(symbols.map((symbol) => symbol.replace(/^(\S+)(.*)/, '$1+0x1/0x10$2')).join('\n'));
const task = (state: string) => ({ pid: 1, tgid: 1, comm: 'x', state, stillForSeconds: null });

test('a service thread that waits for work is idle, also in a full backtrace', () => {
  expect(isIdleTrace(stack('__cv_wait_idle [spl]', 'zthr_procedure [zfs]', 'kthread'))).toBe(true);
  expect(
    isIdleTrace(
      stack('__schedule', 'schedule', 'cv_wait_common [spl]', '__cv_wait_sig [spl]', 'txg_thread_wait [zfs]'),
    ),
  ).toBe(true);
  expect(isIdleTrace(stack('schedule', 'taskq_thread [spl]', 'kthread'))).toBe(true);
});

test('the same thread in another wait is not', () => {
  // txg_quiesce waits for an open transaction
  expect(isIdleTrace(stack('cv_wait_common [spl]', '__cv_wait [spl]', 'txg_quiesce_thread [zfs]'))).toBe(
    false,
  );
  expect(isIdleTrace(stack('__cv_wait_idle [spl]', 'txg_wait_open [zfs]', 'zthr_procedure [zfs]'))).toBe(
    false,
  );
  expect(isIdleTrace(stack('zio_wait [zfs]', 'taskq_thread [spl]'))).toBe(false);
  expect(isIdleTrace(stack('mutex_lock', 'zthr_procedure [zfs]'))).toBe(false);
  expect(isIdleTrace([])).toBe(false);
});

test('only state D hangs', () => {
  const trace = stack('zio_wait [zfs]');
  expect(['D', 'I', 'S', 'R', 'T'].filter((state) => isHung(task(state), trace))).toEqual(['D']);
});

test('a task that ran a moment ago does not hang yet; one of which nothing is known may', () => {
  const trace = stack('zio_wait [zfs]');
  const still = (stillForSeconds: number | null) => isHung({ ...task('D'), stillForSeconds }, trace);
  expect([null, 0, 0.9, 1, 300].map(still)).toEqual([true, false, false, true, true]);
});

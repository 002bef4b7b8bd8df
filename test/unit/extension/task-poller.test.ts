import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TaskPoller } from '../../../src/extension/hung-tasks/task-poller.ts';
import type { Connection, ConnectionState } from '../../../src/target/connection.ts';

// The bundle is not there in unit tests.
vi.mock(import('../../../src/extension/targets/lazy-target.ts'), () => ({
  targetModule: () => ({}) as never,
}));
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const INTERVAL_MS = 5000;

/** A poller of a connection whose looks are answered by hand. */
function scene() {
  const answers: Array<() => void> = [];
  const listeners = new Set<(state: ConnectionState) => void>();
  let state: ConnectionState = 'connected';
  let failures = 0;
  const connection = {
    get state() {
      return state;
    },
    run: () =>
      new Promise((resolve, reject) => answers.push(() => (state === 'silent' ? reject() : resolve(null)))),
    onState: (listener: (state: ConnectionState) => void) => {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
  } as unknown as Connection;
  const sink = { snapshot: () => {}, failed: () => (failures += 1), working: () => {} };
  const poller = new TaskPoller(sink, () => INTERVAL_MS);
  poller.connection = connection;
  poller.visible = true;
  const become = (next: ConnectionState) => {
    state = next;
    for (const listener of listeners) listener(next);
  };
  const answer = async (at: number) => {
    answers[at]?.();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { poller, become, answer, listeners, looks: () => answers.length, failures: () => failures };
}

test('a slow target is asked less often', async () => {
  const { answer, looks, poller } = scene();
  await vi.advanceTimersByTimeAsync(4000);
  await answer(0);
  await vi.advanceTimersByTimeAsync(11_900);
  expect(looks()).toBe(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(looks()).toBe(2);
  poller.dispose();
});

test('one that was silent is not slow: it is looked at once it is heard again, and then as often as any', async () => {
  const { answer, become, failures, listeners, looks, poller } = scene();
  become('silent');
  await vi.advanceTimersByTimeAsync(30_000);
  await answer(0);
  expect([looks(), failures()]).toEqual([1, 1]);
  await vi.advanceTimersByTimeAsync(1000);
  become('connected');
  expect(looks()).toBe(2);
  // Under way, it is not begun again.
  become('silent');
  become('connected');
  await vi.advanceTimersByTimeAsync(20_000);
  await answer(1);
  expect(looks()).toBe(2);
  await vi.advanceTimersByTimeAsync(INTERVAL_MS);
  expect(looks()).toBe(3);
  poller.dispose();
  expect([listeners.size, vi.getTimerCount()]).toEqual([0, 0]);
});

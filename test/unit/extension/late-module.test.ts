import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LateModule } from '../../../src/extension/targets/late-module.ts';
import type { Connection } from '../../../src/target/connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a target without ZFS is asked again after looks at its tasks until it has it, and not more often than that', async () => {
  const answers: (boolean | Error)[] = [false, new Error('slow'), true];
  const facts: { zfsVersion: string | null } = { zfsVersion: null };
  const connection = {
    state: 'connected',
    facts,
    refreshZfs: async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      facts.zfsVersion = answer === true ? '2.3.9-1' : null;
      return answer;
    },
  } as unknown as Connection;
  let look = () => {};
  let listens = false;
  let changed = 0;
  const noted: unknown[] = [];
  const late = new LateModule(
    { factsChanged: () => (changed += 1) },
    {
      connection,
      onSnapshot: (listener) => {
        look = listener as () => void;
        listens = true;
        return { dispose: () => (listens = false) };
      },
    },
    { note: (error) => String(noted.push(error)) },
  );
  const left: number[] = [];
  for (let second = 0; second < 40; second += 4) {
    look();
    await vi.advanceTimersByTimeAsync(4000);
    left.push(answers.length);
  }
  expect(left).toEqual([2, 2, 2, 1, 1, 1, 0, 0, 0, 0]);
  expect([changed, noted.length]).toEqual([1, 1]);
  late.dispose();
  expect(listens).toBe(false);
});

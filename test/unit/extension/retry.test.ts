import { expect, test } from 'vitest';
import { Failure, type FailureCode } from '../../../src/core/failure.ts';
import { Attempts, Backoff, retryDelay } from '../../../src/extension/targets/retry.ts';
import { pause } from '../../../src/target/pause.ts';

test('attempts come soon at first, and at most half a minute apart', () => {
  const middle = Array.from({ length: 8 }, (_, attempt) => retryDelay(attempt, 0.5));
  expect(middle).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  expect(retryDelay(0, 0)).toBe(750);
  expect(retryDelay(5000, 1)).toBe(37_500);
});

test('a connection that breaks soon is tried later each time; one that stood is tried soon', () => {
  const backoff = new Backoff();
  const after = (stood: number) => {
    backoff.stood(stood);
    return backoff.next(0.5);
  };
  expect([after(500_000), after(100), after(59_000), after(100), after(61_000), after(100)]).toEqual([
    1000, 2000, 4000, 8000, 1000, 2000,
  ]);
});

test.each<[FailureCode, number]>([
  ['refused', 100],
  ['unreachable', 100],
  ['lost', 100],
  // A machine that boots lets in nobody but root for a while.
  ['auth-failed', 4],
  ['cancelled', 4],
  ['host-key-changed', 1],
  ['host-key-refused', 1],
  ['unsupported', 1],
])('what fails with %s is tried %i times', (code, most) => {
  const attempts = new Attempts();
  let tried = 1;
  while (tried < 100 && attempts.goOn(new Failure(code, 'x'))) tried += 1;
  expect(tried).toBe(most);
  expect(attempts.goOn(new Error('x'))).toBe(false);
});

test('an aborted pause ends at once', async () => {
  const startedAt = performance.now();
  await pause(60_000, AbortSignal.abort());
  const abort = new AbortController();
  const paused = pause(60_000, abort.signal);
  abort.abort();
  await paused;
  expect(performance.now() - startedAt).toBeLessThan(30_000);
});

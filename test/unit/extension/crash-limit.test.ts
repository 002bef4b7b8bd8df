import { expect, it } from 'vitest';
import { CrashLimit } from '../../../src/extension/crash-limit.ts';

it('gives up when crashes come too close together, and only then', () => {
  let now = 0;
  const limit = new CrashLimit(3, 1000, () => now);
  const crashAt = (time: number) => {
    now = time;
    return limit.crashed();
  };
  expect([0, 900, 1100, 1800].map(crashAt)).toEqual([true, true, true, false]);
  expect(crashAt(5000)).toBe(true);
});

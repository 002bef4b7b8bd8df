import { expect, test } from 'vitest';
import { Failure } from '../../../src/core/failure.ts';
import { AskedOnce } from '../../../src/extension/stack-text/asked-once.ts';

test('each name is asked for once, again after a failure, and not after the person cancelled', async () => {
  const once = new AskedOnce();
  const asked: (readonly string[])[] = [];
  const ask = (names: readonly string[], error: Error | null = null) =>
    once.of(names, async (fresh) => {
      asked.push(fresh);
      if (error !== null) throw error;
    });
  await Promise.all([ask(['zdb']), ask(['zdb'])]);
  const late = new Failure('timeout', 'The target does not answer.');
  await expect(ask(['zdb', 'libzpool'], late)).rejects.toBe(late);
  const cancelled = new Failure('cancelled', 'It was cancelled.');
  await expect(ask(['zdb', 'libzpool'], cancelled)).rejects.toBe(cancelled);
  await ask(['zdb', 'libzpool', 'ztest']);
  expect(asked).toEqual([['zdb'], ['libzpool'], ['libzpool'], ['ztest']]);
});

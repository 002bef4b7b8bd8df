import { expect, test } from 'vitest';
import { Failure } from '../../../src/core/failure.ts';
import { findRoot } from '../../../src/target/root-access.ts';
import type { RootShell, UnlockResult } from '../../../src/target/root-shell.ts';

const target = { alias: 'box', user: 'me' };
const cannot = new Failure('not-root', 'No terminal here.');

/** doas cannot be tried at all; the others answer so. */
const withoutTerminal =
  (others: UnlockResult['end']) =>
  async ({ by }: RootShell): Promise<UnlockResult> => {
    if (by === 'doas') throw cannot;
    return others === 'root' ? { end: 'root', asked: true } : { end: 'refused', said: 'no' };
  };

test('a program that cannot be tried here leaves it to the next', async () => {
  const found = await findRoot(['doas', 'su'], target, async () => 'x', withoutTerminal('root'));
  expect(found?.by).toBe('su');
  const failed = findRoot(['doas', 'su'], target, async () => 'x', withoutTerminal('refused'));
  await expect(failed).rejects.toThrow('doas: No terminal here.; su: no');
});

test('what ends all attempts is no refusal of one program', async () => {
  const lost = new Failure('lost', 'gone');
  await expect(
    findRoot(
      ['doas', 'su'],
      target,
      async () => 'x',
      async () => {
        throw lost;
      },
    ),
  ).rejects.toBe(lost);
});

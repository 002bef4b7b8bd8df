import { expect, test } from 'vitest';
import { parseFrame } from '../../../../src/core/stack/proc-stack.ts';
import { StackPool } from '../../../../src/core/tracing/stack-pool.ts';

function stackOf(pool: StackPool, ...symbols: string[]) {
  return pool.stack(symbols.flatMap((symbol) => pool.frame(`${symbol}+0x3d/0x110 [zfs]`) ?? []));
}

test('equal frames and equal stacks are one object, others are not', () => {
  const pool = new StackPool();
  const first = stackOf(pool, 'zil_commit', 'zpl_fsync');
  expect(first).toEqual(
    ['zil_commit', 'zpl_fsync'].map((symbol) => parseFrame(`${symbol}+0x3d/0x110 [zfs]`)),
  );
  expect(stackOf(pool, 'zil_commit', 'zpl_fsync')).toBe(first);
  const other = stackOf(pool, 'zil_commit', 'zfs_sync');
  expect(other).not.toEqual(first);
  expect(other[0]).toBe(first[0]);
  expect(stackOf(pool, 'zpl_fsync', 'zil_commit')).toEqual([...first].reverse());
  expect(stackOf(pool)).toEqual([]);
  expect(pool.frame('no frame')).toBeNull();
});

test('at its limit it forgets, and never gives the stack of other frames', () => {
  const pool = new StackPool(2);
  const first = stackOf(pool, 'f0');
  expect(stackOf(pool, 'f0')).toBe(first);
  for (const symbol of ['f1', 'f2', 'f3', 'f0', 'f4']) {
    expect(stackOf(pool, symbol).map((frame) => frame.symbol)).toEqual([symbol]);
  }
  const again = stackOf(pool, 'f0');
  expect(again).toEqual(first);
  expect(again).not.toBe(first);
  // More frames than the limit in one stack.
  const long = ['a', 'b', 'c', 'd', 'a'];
  expect(stackOf(pool, ...long).map((frame) => frame.symbol)).toEqual(long);
});

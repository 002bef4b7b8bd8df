import { expect, it } from 'vitest';
import type { RaisedError } from '../../../../src/core/zfs/errno-lines.ts';
import { ErrorSites } from '../../../../src/core/zfs/errno-sites.ts';

const error = (more: Partial<RaisedError> = {}): RaisedError => ({
  kind: 'error',
  time: 1,
  comm: 'dd',
  pid: 10,
  file: '/build/module/zfs/dmu_tx.c',
  function: 'dmu_tx_try_assign',
  line: 1021,
  errno: 28,
  ...more,
});

it('counts by line and number, and knows who raised it last', () => {
  const sites = new ErrorSites();
  sites.add(error(), 1000);
  sites.add(error({ comm: 'txg_sync', pid: 7 }), 2000);
  sites.add(error({ errno: 5 }), 3000);
  const [first, second] = sites.all;
  expect(first).toMatchObject({ name: 'ENOSPC', count: 2, lastAt: 2000, expected: false });
  expect(first?.recent.map(({ pid }) => pid)).toEqual([7, 10]);
  expect([...(first?.tasks ?? [])]).toEqual([
    ['dd', 1],
    ['txg_sync', 1],
  ]);
  expect(second).toMatchObject({ name: 'EIO', count: 1 });
});

it('takes answers for what they are, and failures of the same place not', () => {
  const sites = new ErrorSites();
  sites.add(error({ file: 'dsl_prop.c', function: 'dodefault', errno: 2 }), 0);
  sites.add(error({ file: 'dsl_prop.c', function: 'dodefault', errno: 5 }), 0);
  sites.add(error({ file: 'x/zfs_dir.c', function: 'zfs_dirlook', errno: 2 }), 0);
  sites.add(error({ file: 'x/zfs_dir.c', function: 'zfs_link_create', errno: 2 }), 0);
  expect(sites.all.map(({ expected }) => expected)).toEqual([true, false, true, false]);
});

it('keeps a bounded number of places, tasks and occurrences, and counts the rest', () => {
  const sites = new ErrorSites();
  for (let i = 0; i < 5010; i++) {
    sites.add(error({ line: i }), i);
    sites.add(error({ line: 0, comm: `task${i}` }), i);
  }
  expect(sites.all).toHaveLength(5000);
  expect(sites.uncounted).toBe(10);
  expect(sites.count).toBe(10_020);
  expect(sites.all[0]?.recent).toHaveLength(20);
  expect(sites.all[0]?.tasks.size).toBe(100);
});

it('after a reboot of the target, times go on by the clock of this side', () => {
  const sites = new ErrorSites();
  sites.add(error({ time: 5000 }), 100_000);
  sites.clockBeginsAnew();
  sites.add(error({ time: 12 }), 160_000);
  sites.add(error({ time: 14 }), 162_000);
  expect(sites.all[0]?.recent.map(({ time }) => time)).toEqual([5062, 5060, 5000]);
});

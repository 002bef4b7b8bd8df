import { expect, it } from 'vitest';
import {
  type CallNode,
  selfNs,
  treeBelow,
  treeItems,
  treeOfCallers,
} from '../../../../src/core/tracing/call-tree.ts';
import type { BelowCall } from '../../../../src/core/tracing/events.ts';
import { call, frame } from './sessions/sample.ts';

const below = (depth: number, name: string, startNs: number, durationNs: number | null): BelowCall => ({
  depth,
  frame: frame(name, 'zfs', 0),
  startNs,
  durationNs,
});

/** A line a node: `  name calls total*`, the star for the slowest path. */
const drawn = (root: CallNode | null) =>
  root === null
    ? []
    : treeItems(root, 100).map(
        ({ node, depth, isSlowest }) =>
          `${'  '.repeat(depth)}${node.frame.symbol} ${node.calls} ${node.totalNs}${isSlowest ? '*' : ''}`,
      );

it('draws what calls called, the same functions together, and where the time went', () => {
  const root = treeBelow([
    call({
      durationNs: 100,
      below: [below(1, 'a', 1, 60), below(2, 'b', 2, 20), below(2, 'b', 3, 30), below(1, 'c', 7, 5)],
    }),
    call({ durationNs: 50, below: [below(1, 'a', 1, 10), below(1, 'd', 12, null)] }),
  ]);
  expect(drawn(root)).toEqual(['zil_commit 2 150*', '  a 2 70', '    b 2 50', '  c 1 5', '  d 1 0']);
  expect(root === null ? null : selfNs(root)).toBe(75);
  expect(
    drawn(treeBelow([call({ durationNs: 100, below: [below(1, 'a', 1, 60), below(2, 'b', 2, 50)] })])),
  ).toEqual(['zil_commit 1 100*', '  a 1 60*', '    b 1 50*']);
  expect(drawn(treeBelow([]))).toEqual([]);
});

it('draws who calls, from the callers up, the most frequent first', () => {
  const [own, fsync, sync] = [frame('zil_commit'), frame('zfs_fsync'), frame('zfs_sync')];
  const root = treeOfCallers('zil_commit', [
    { stack: [own, fsync, frame('do_fsync', null, 9)], count: 3 },
    { stack: [own, sync, frame('iterate_supers', null)], count: 10 },
    { stack: [fsync, frame('do_fsync', null, 12)], count: 4 },
    { stack: [own], count: 1 },
  ]);
  expect(drawn(root)).toEqual([
    'zil_commit 18 null',
    '  zfs_sync 10 null',
    '    iterate_supers 10 null',
    '  zfs_fsync 7 null',
    '    do_fsync 4 null',
    '    do_fsync 3 null',
  ]);
  expect(treeItems(root, 2)).toHaveLength(2);
});

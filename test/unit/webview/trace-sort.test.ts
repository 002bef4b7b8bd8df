import { expect, it } from 'vitest';
import type { TraceRow } from '../../../src/protocol/trace-view.ts';
import { RowStore } from '../../../src/webview/rows/row-store.ts';
import { SortedRows } from '../../../src/webview/rows/sorted-rows.ts';
import { nextSort, readTraceSort, sortKey, type TraceColumn } from '../../../src/webview/trace-sort.ts';

const row = (id: number, more: Partial<TraceRow> = {}): TraceRow => ({
  id,
  kind: 'call',
  time: '',
  comm: 'dd',
  pid: 1,
  cpu: 0,
  function: 'f',
  arguments: [],
  durationNs: null,
  returned: '',
  failed: false,
  text: '',
  ...more,
});

function sorted(rows: readonly TraceRow[], column: TraceColumn, descending: boolean) {
  const source = new RowStore<TraceRow>(100);
  source.append(rows);
  const order = new SortedRows<TraceRow>();
  order.sort(source, sortKey(column), descending);
  return Array.from({ length: order.count }, (_, index) => {
    const { id } = order.at(index) ?? { id: -1 };
    expect(order.lowerBound(id)).toBe(index);
    return id;
  });
}

it('orders by number or by text, what has none last, equal ones as they came', () => {
  const returned = ['5 EIO', '', '-12', 'abc', '5 EIO', '0x10'].map((text, id) =>
    row(id, { returned: text }),
  );
  expect(sorted(returned, 'returned', false)).toEqual([2, 0, 4, 5, 3, 1]);
  expect(sorted(returned, 'returned', true)).toEqual([3, 5, 0, 4, 2, 1]);
  const tasks = [
    row(0, { comm: 'b' }),
    row(1, { kind: 'loss' }),
    row(2, { comm: 'a' }),
    row(3, { comm: 'b' }),
  ];
  expect(sorted(tasks, 'task', false)).toEqual([2, 0, 3, 1]);
  expect(sorted(tasks, 'task', true)).toEqual([0, 3, 2, 1]);
  expect(sorted(tasks, 'time', true)).toEqual([3, 2, 0, 1]);
});

it('goes one way, the other way and back to the order of the calls', () => {
  const first = nextSort(null, 'duration');
  expect(first).toEqual({ column: 'duration', descending: true });
  expect(nextSort(first, 'pid')).toEqual({ column: 'pid', descending: false });
  expect(nextSort(nextSort(first, 'duration'), 'duration')).toBeNull();
  expect(readTraceSort(JSON.parse(JSON.stringify(first)))).toEqual(first);
  expect(readTraceSort({ column: 'toString', descending: true })).toBeNull();
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Row, RowStore } from '../../../../src/webview/rows/row-store.ts';

const rows = (from: number, count: number): Row[] =>
  Array.from({ length: count }, (_, i) => ({ id: from + i }));
const shown = (store: RowStore<Row>): (number | undefined)[] =>
  Array.from({ length: store.count }, (_, index) => store.at(index)?.id);
const even = (row: Row): boolean => row.id % 2 === 0;
const never = (): boolean => false;
const always = (): boolean => true;

/** Lets a store finish its work in the smallest steps there are. */
function finish(store: RowStore<Row>): number {
  let steps = 0;
  while (store.work(always)) {
    steps += 1;
  }
  return steps;
}

describe('RowStore', () => {
  it('shows the newest rows and counts the others', () => {
    const store = new RowStore<Row>(3);
    store.append(rows(0, 5));
    expect(shown(store)).toEqual([2, 3, 4]);
    expect([store.total, store.dropped]).toEqual([3, 2]);
    expect(store.at(-1)).toBeUndefined();
    expect(store.at(3)).toBeUndefined();
  });

  it('keeps the old rows on show until a new filter has seen all', () => {
    const store = new RowStore<Row>(1000);
    store.append(rows(0, 500));
    store.setFilter(even);
    expect(store.work(always)).toBe(true);
    expect(store.count).toBe(500);
    expect(finish(store)).toBeGreaterThan(5);
    expect(store.count).toBe(250);
    store.append(rows(500, 2));
    expect(store.count).toBe(250);
    expect(store.work(never)).toBe(false);
    expect(shown(store).slice(-2)).toEqual([498, 500]);
    store.setFilter(null);
    expect(store.count).toBe(502);
  });

  it('says when another filter came on show', () => {
    const store = new RowStore<Row>(10);
    store.append(rows(0, 4));
    store.setFilter(even);
    expect(store.filterings).toBe(0);
    finish(store);
    expect(store.filterings).toBe(1);
    store.append(rows(4, 4));
    finish(store);
    expect(store.filterings).toBe(1);
    store.setFilter(null);
    expect(store.filterings).toBe(2);
  });

  it('holds rows back while paused, and shows them in order afterwards', () => {
    const store = new RowStore<Row>(10);
    store.append(rows(0, 2));
    store.pause();
    store.append(rows(2, 3));
    expect(shown(store)).toEqual([0, 1]);
    expect([store.waiting, store.pausedAfter]).toEqual([3, 1]);
    store.resume();
    expect(shown(store)).toEqual([0, 1, 2, 3, 4]);
    expect([store.waiting, store.pausedAfter]).toEqual([0, null]);
  });

  it('stays paused where it was when the rows are sent again', () => {
    const store = new RowStore<Row>(10);
    store.pause(4);
    store.append(rows(0, 8));
    expect(shown(store)).toEqual([0, 1, 2, 3, 4]);
    expect(store.waiting).toBe(3);
  });

  it('counts what was dropped while it waited', () => {
    const store = new RowStore<Row>(3);
    store.append(rows(0, 2));
    store.pause();
    store.append(rows(2, 5));
    expect(shown(store)).toEqual([0, 1]);
    store.resume();
    expect(shown(store)).toEqual([4, 5, 6]);
    expect(store.dropped).toBe(4);
  });

  it('forgets the rows and keeps the filter when cleared', () => {
    const store = new RowStore<Row>(10);
    store.append(rows(0, 4));
    store.setFilter(even);
    store.pause();
    store.clear();
    expect([store.count, store.total, store.dropped, store.waiting, store.pausedAfter]).toEqual([
      0,
      0,
      0,
      0,
      null,
    ]);
    store.append(rows(0, 4));
    finish(store);
    expect(shown(store)).toEqual([0, 2]);
  });

  it('finds rows by id', () => {
    const store = new RowStore<Row>(10);
    store.append([{ id: 3 }, { id: 5 }, { id: 9 }]);
    expect([0, 3, 4, 9, 10].map((id) => store.lowerBound(id))).toEqual([0, 0, 1, 2, 3]);
  });

  it('shows what a plain list would, whatever happens in which order', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 0, max: 90 }) }),
      fc.record({ do: fc.constant('filter' as const), modulus: fc.integer({ min: 0, max: 4 }) }),
      fc.record({ do: fc.constant('work' as const) }),
      fc.record({ do: fc.constant('pause' as const) }),
      fc.record({ do: fc.constant('resume' as const) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 120 }), fc.array(step, { maxLength: 40 }), (capacity, steps) => {
        const store = new RowStore<Row>(capacity);
        let model: Row[] = [];
        let waiting: Row[] = [];
        let paused = false;
        let test = (_: Row): boolean => true;
        let next = 0;
        for (const now of steps) {
          if (now.do === 'append') {
            const added = rows(next, now.count);
            next += now.count;
            store.append(added);
            if (paused) {
              waiting.push(...added);
            } else {
              model = [...model, ...added].slice(-capacity);
            }
          } else if (now.do === 'filter') {
            const { modulus } = now;
            test = modulus === 0 ? always : (row) => row.id % modulus === 0;
            store.setFilter(modulus === 0 ? null : test);
          } else if (now.do === 'work') {
            store.work(always);
          } else if (now.do === 'pause') {
            store.pause();
            paused = true;
          } else {
            store.resume();
            model = [...model, ...waiting].slice(-capacity);
            waiting = [];
            paused = false;
          }
          expect(store.total).toBe(model.length);
          expect(shown(store)).not.toContain(undefined);
        }
        finish(store);
        expect(shown(store)).toEqual(model.filter(test).map(({ id }) => id));
        expect(store.total + store.dropped + store.waiting).toBe(next);
      }),
    );
  });
});

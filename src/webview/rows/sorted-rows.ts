import type { Row, RowSource } from './row-store.ts';

/** What rows are ordered by; null for rows that have no such value, which always come last. */
export type SortKey = number | string | null;

/** The rows of another source in an order of their own, as they were when they were sorted last. */
export class SortedRows<T extends Row> implements RowSource<T> {
  #source: RowSource<T> | null = null;
  /** Ids in the source's order, ascending. */
  #ids = new Float64Array(0);
  /** Indexes in {@link #ids}, in the order of the keys, and where each of them stands there. */
  #order = new Uint32Array(0);
  #places = new Uint32Array(0);

  /** Takes the rows of a source in; those with equal keys stay in its order. Numbers come before texts. */
  sort(source: RowSource<T>, keyOf: (row: T) => SortKey, descending: boolean): void {
    const ids: number[] = [];
    const keys: SortKey[] = [];
    for (let index = 0; index < source.count; index += 1) {
      const row = source.at(index);
      if (row !== undefined) {
        ids.push(row.id);
        keys.push(keyOf(row));
      }
    }
    const sign = descending ? -1 : 1;
    this.#source = source;
    this.#ids = Float64Array.from(ids);
    this.#order = Uint32Array.from(ids.keys());
    this.#order.sort((a, b) => compare(keys[a] ?? null, keys[b] ?? null, sign) || a - b);
    this.#places = new Uint32Array(ids.length);
    for (const [place, index] of this.#order.entries()) {
      this.#places[index] = place;
    }
  }

  get count(): number {
    return this.#order.length;
  }

  at(index: number): T | undefined {
    const id = this.#ids[this.#order[index] ?? -1];
    if (id === undefined || this.#source === null) {
      return undefined;
    }
    const row = this.#source.at(this.#source.lowerBound(id));
    return row?.id === id ? row : undefined;
  }

  /** Index of the row with this id; `count` when it is not there: ids do not grow from row to row here. */
  lowerBound(id: number): number {
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] ?? id) < id) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return this.#ids[low] === id ? (this.#places[low] ?? this.count) : this.count;
  }
}

function compare(a: SortKey, b: SortKey, sign: number): number {
  if (a === null || b === null) {
    return a === b ? 0 : a === null ? 1 : -1;
  }
  if (typeof a !== typeof b) {
    return typeof a === 'number' ? -sign : sign;
  }
  return a < b ? -sign : a > b ? sign : 0;
}

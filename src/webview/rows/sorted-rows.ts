import type { Row, RowSource } from './row-store.ts';

/** What rows are ordered by; null for rows that have no such value, which always come last. */
export type SortKey = number | string | null;

/** The rows of another source in an order of their own, as they were when they were sorted last. */
export class SortedRows<T extends Row> implements RowSource<T> {
  #rows: readonly T[] = [];
  #indexes = new Map<number, number>();

  /** Takes the rows of a source in; those with equal keys stay in its order. Numbers come before texts. */
  sort(source: RowSource<T>, keyOf: (row: T) => SortKey, descending: boolean): void {
    const rows: { readonly row: T; readonly key: SortKey }[] = [];
    for (let index = 0; index < source.count; index += 1) {
      const row = source.at(index);
      if (row !== undefined) {
        rows.push({ row, key: keyOf(row) });
      }
    }
    rows.sort((a, b) => compare(a.key, b.key, descending ? -1 : 1));
    this.#rows = rows.map(({ row }) => row);
    this.#indexes = new Map(this.#rows.map(({ id }, index) => [id, index]));
  }

  get count(): number {
    return this.#rows.length;
  }

  at(index: number): T | undefined {
    return this.#rows[index];
  }

  /** Index of the row with this id; `count` when it is not there: ids do not grow from row to row here. */
  lowerBound(id: number): number {
    return this.#indexes.get(id) ?? this.count;
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

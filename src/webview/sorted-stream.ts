import type { TraceRow } from '../protocol/trace-view.ts';
import type { RowSource } from './rows/row-store.ts';
import { SortedRows } from './rows/sorted-rows.ts';
import { sortKey, type TraceSort } from './trace-sort.ts';

/**
 * Milliseconds between two sortings while calls come: rows that jump about cannot be read. Where a sorting takes long, it is
 * that many times as long till the next.
 */
const PERIOD = { least: 1000, times: 10 } as const;

/** Rows that come one after another, sorted anew now and then. */
export class SortedStream {
  readonly rows = new SortedRows<TraceRow>();
  /** When they were sorted last, by performance.now(). */
  #sortedAt = Number.NEGATIVE_INFINITY;
  /** Milliseconds from then to the next time. */
  #period: number = PERIOD.least;
  #later: ReturnType<typeof setTimeout> | undefined;

  /** @param again called when it is time for the next {@link draw} */
  constructor(private readonly again: () => void) {}

  /** The next {@link draw} sorts. */
  expire(): void {
    this.#sortedAt = Number.NEGATIVE_INFINITY;
  }

  /** Sorts the rows of a source, or sees to it that it is asked again. @param isOther whether they are others than before */
  draw(source: RowSource<TraceRow>, { column, descending }: TraceSort, isOther: boolean): void {
    const wait = isOther ? 0 : this.#period - (performance.now() - this.#sortedAt);
    if (wait <= 0) {
      const began = performance.now();
      this.rows.sort(source, sortKey(column), descending);
      this.#sortedAt = performance.now();
      this.#period = Math.max(PERIOD.least, PERIOD.times * (this.#sortedAt - began));
    } else {
      this.#later ??= setTimeout(() => {
        this.#later = undefined;
        this.again();
      }, wait);
    }
  }
}

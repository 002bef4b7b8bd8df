import { type RowBuffer, RowRing } from './ring.ts';
import { SequenceQueue } from './sequence-queue.ts';

/** What every row of a list has. */
export interface Row {
  /** Ever-growing from 0 or more, unique in its store. */
  readonly id: number;
}

/** The rows that a list shows, oldest first. */
export interface RowSource<T extends Row> {
  readonly count: number;
  at(index: number): T | undefined;
  /** Index of the first row whose id is at least `id`; `count` when there is none. */
  lowerBound(id: number): number;
}

type Test<T> = (row: T) => boolean;

/** One pass over the rows with one test: what passed, and how far it has come. */
interface Scan<T> {
  readonly test: Test<T>;
  readonly passed: SequenceQueue;
  /** Sequence number of the row to test next. */
  next: number;
}

/** Rows tested between two looks at the clock. */
const SCAN_STRIDE = 32;

/**
 * The rows of a view: bounded, filtered in slices of time, and held back while the view is paused.
 *
 * A filter is applied by {@link work}, which the owner calls until it says that nothing is left. A
 * new filter is worked out beside the old one, whose rows stay on show until the new one has seen
 * every row, so that the list never flickers through half a result.
 */
export class RowStore<T extends Row> implements RowSource<T> {
  readonly #rows: RowBuffer<T>;
  readonly #waiting: RowBuffer<T>;
  /** The id after which rows wait; null while not paused. */
  #pausedAfter: number | null = null;
  /** Rows that were dropped without ever being on show. */
  #lostWhileWaiting = 0;
  #filterings = 0;
  /** Null shows every row. */
  #shown: Scan<T> | null = null;
  /** A new filter that has not caught up yet; undefined when there is none. */
  #coming: Scan<T> | undefined;

  /** @param buffer makes room for the rows that are kept, and for as many again while paused */
  constructor(capacity: number, buffer: (capacity: number) => RowBuffer<T> = (rows) => new RowRing(rows)) {
    this.#rows = buffer(capacity);
    this.#waiting = buffer(capacity);
  }

  /** Rows that are kept and not waiting, whether the filter shows them or not. */
  get total(): number {
    return this.#rows.length;
  }

  /** Older rows that are kept no more. */
  get dropped(): number {
    return this.#rows.first + this.#lostWhileWaiting;
  }

  /** Rows that came since the pause. */
  get waiting(): number {
    return this.#waiting.end;
  }

  get pausedAfter(): number | null {
    return this.#pausedAfter;
  }

  /** How often another filter came to be on show. */
  get filterings(): number {
    return this.#filterings;
  }

  /** Rows on show. */
  get count(): number {
    return this.#shown === null ? this.#rows.length : this.#shown.passed.length;
  }

  at(index: number): T | undefined {
    if (this.#shown === null) {
      return index >= 0 ? this.#rows.at(this.#rows.first + index) : undefined;
    }
    const sequence = this.#shown.passed.at(index);
    return sequence === undefined ? undefined : this.#rows.at(sequence);
  }

  #idAt(index: number): number | undefined {
    const sequence = this.#shown === null ? this.#rows.first + index : this.#shown.passed.at(index);
    return sequence === undefined ? undefined : this.#rows.idAt(sequence);
  }

  lowerBound(id: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const own = this.#idAt(middle);
      if (own !== undefined && own < id) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  append(rows: readonly T[]): void {
    for (const row of rows) {
      if (this.#pausedAfter !== null && row.id > this.#pausedAfter) {
        this.#waiting.push(row);
      } else {
        this.#rows.push(row);
      }
    }
    this.#dropOld();
  }

  clear(): void {
    this.#rows.clear();
    this.#waiting.clear();
    this.#pausedAfter = null;
    this.#lostWhileWaiting = 0;
    const test = this.#coming?.test ?? this.#shown?.test;
    this.#shown = test === undefined ? null : { test, passed: new SequenceQueue(), next: 0 };
    this.#coming = undefined;
  }

  /** Shows the rows that pass the test; null shows all. */
  setFilter(test: Test<T> | null): void {
    if (test === null) {
      this.#shown = null;
      this.#coming = undefined;
      this.#filterings += 1;
    } else {
      this.#coming = { test, passed: new SequenceQueue(), next: this.#rows.first };
    }
  }

  /**
   * Tests rows that no filter has seen yet, until all are or the time is up.
   * @param expired asked now and then; true ends the work for now
   * @returns whether something is left to do
   */
  work(expired: () => boolean): boolean {
    // The coming filter goes first: once it is there, nobody asks for the old one.
    if (this.#coming !== undefined) {
      if (!this.#advance(this.#coming, expired)) {
        return true;
      }
      this.#shown = this.#coming;
      this.#coming = undefined;
      this.#filterings += 1;
      return false;
    }
    return this.#shown !== null && !this.#advance(this.#shown, expired);
  }

  /** Holds back the rows whose id is above `after`, by default all that are still to come. */
  pause(after?: number): void {
    const newest = this.#rows.idAt(this.#rows.end - 1);
    this.#pausedAfter ??= after ?? newest ?? -1;
  }

  /** Puts the rows that waited behind the others. */
  resume(): void {
    this.#pausedAfter = null;
    for (let sequence = this.#waiting.first; sequence < this.#waiting.end; sequence += 1) {
      const row = this.#waiting.at(sequence);
      if (row !== undefined) {
        this.#rows.push(row);
      }
    }
    this.#lostWhileWaiting += this.#waiting.first;
    this.#waiting.clear();
    this.#dropOld();
  }

  /** @returns whether the scan has seen every row */
  #advance(scan: Scan<T>, expired: () => boolean): boolean {
    scan.next = Math.max(scan.next, this.#rows.first);
    while (scan.next < this.#rows.end) {
      const row = this.#rows.at(scan.next);
      if (row !== undefined && scan.test(row)) {
        scan.passed.push(scan.next);
      }
      scan.next += 1;
      if (scan.next % SCAN_STRIDE === 0 && expired()) {
        break;
      }
    }
    return scan.next >= this.#rows.end;
  }

  #dropOld(): void {
    this.#shown?.passed.dropBelow(this.#rows.first);
    this.#coming?.passed.dropBelow(this.#rows.first);
  }
}

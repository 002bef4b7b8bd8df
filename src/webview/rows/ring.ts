import type { Row } from './row-store.ts';

/** The newest rows of a list. Every row ever pushed has a sequence number, from 0. */
export interface RowBuffer<T extends Row> {
  /** Sequence number of the oldest row kept; also how many rows were dropped. */
  readonly first: number;
  /** One more than the sequence number of the newest row; also how many rows were ever pushed. */
  readonly end: number;
  readonly length: number;
  push(row: T): void;
  /** The row of a sequence number; undefined when it was dropped or is still to come. */
  at(sequence: number): T | undefined;
  idAt(sequence: number): number | undefined;
  /** Forgets all rows and starts again with sequence number 0. */
  clear(): void;
}

/**
 * Keeps the newest `capacity` items. Every item ever pushed has a sequence number, from 0; the ring
 * holds those from {@link first} up to, not including, {@link end}.
 */
export class Ring<T> {
  #items: T[] = [];
  #end = 0;

  /** @param capacity at least 1 */
  constructor(readonly capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new RangeError(`a ring cannot hold ${capacity} items`);
    }
  }

  /** Sequence number of the oldest item kept; also how many items were dropped. */
  get first(): number {
    return this.#end - this.length;
  }

  /** One more than the sequence number of the newest item; also how many items were ever pushed. */
  get end(): number {
    return this.#end;
  }

  get length(): number {
    return Math.min(this.#end, this.capacity);
  }

  push(item: T): void {
    // While the ring is not full this appends, so the array stays dense.
    this.#items[this.#end % this.capacity] = item;
    this.#end += 1;
  }

  /** The item of a sequence number; undefined when it was dropped or is still to come. */
  at(sequence: number): T | undefined {
    return sequence >= this.first && sequence < this.#end ? this.#items[sequence % this.capacity] : undefined;
  }

  /** Forgets all items and starts again with sequence number 0. */
  clear(): void {
    this.#items = [];
    this.#end = 0;
  }
}

/** Rows as they are. */
export class RowRing<T extends Row> extends Ring<T> implements RowBuffer<T> {
  idAt(sequence: number): number | undefined {
    return this.at(sequence)?.id;
  }
}

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

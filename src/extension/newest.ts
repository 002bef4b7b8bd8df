/** How much more than the items to keep may be there: they are cut in large steps, not one by one. */
const SLACK = 1.1;

/** The newest items of a list that only grows; each keeps its index in the whole list. */
export class Newest<T> {
  #items: T[] = [];
  #first = 0;

  /** @param kept how many of the newest items are kept at least */
  constructor(private readonly kept: number) {}

  /** Index of the oldest item that is kept. */
  get first(): number {
    return this.#first;
  }

  /** Index that the next item gets. */
  get end(): number {
    return this.#first + this.#items.length;
  }

  /** The items that are kept, oldest first. */
  get items(): readonly T[] {
    return this.#items;
  }

  /** The item with this index; undefined when it was dropped or never came. */
  at(index: number): T | undefined {
    return this.#items[index - this.#first];
  }

  push(batch: readonly T[]): void {
    for (const item of batch) {
      this.#items.push(item);
    }
    const excess = this.#items.length - this.kept;
    if (excess > this.kept * (SLACK - 1)) {
      this.#items = this.#items.slice(excess);
      this.#first += excess;
    }
  }

  /** Drops all items; indices go on. */
  clear(): void {
    this.#first = this.end;
    this.#items = [];
  }
}

/** A list in parts of at most `size` items: one a message, so that a page can draw between two. */
export function* inParts<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) {
    yield items.slice(start, start + size);
  }
}

/** Ascending numbers, added at the end and taken off the front. */
export class SequenceQueue {
  #numbers: number[] = [];
  #head = 0;

  get length(): number {
    return this.#numbers.length - this.#head;
  }

  /** @param number greater than every number added before */
  push(number: number): void {
    this.#numbers.push(number);
  }

  at(index: number): number | undefined {
    return index >= 0 ? this.#numbers[this.#head + index] : undefined;
  }

  /** Takes off all numbers below `limit`. */
  dropBelow(limit: number): void {
    while (this.#head < this.#numbers.length && (this.#numbers[this.#head] ?? limit) < limit) {
      this.#head += 1;
    }
    // Moving the rest costs its length, so it is done only when it is no longer than what is freed.
    if (this.#head > 1024 && this.#head * 2 >= this.#numbers.length) {
      this.#numbers = this.#numbers.slice(this.#head);
      this.#head = 0;
    }
  }
}

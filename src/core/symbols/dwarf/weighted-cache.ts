/** Keeps the values used last, up to a weight in all. */
export class WeightedCache<K, V extends { readonly weight: number }> {
  /** In order of last use. */
  readonly #values = new Map<K, V>();
  #weight = 0;

  constructor(readonly limit: number) {}

  /** The value of a key; made when it is not there. The one used last stays, however heavy. */
  get(key: K, make: () => V): V {
    const kept = this.#values.get(key);
    if (kept !== undefined) {
      // The order matters only once something may have to go.
      if (this.#weight > this.limit / 2) {
        this.#values.delete(key);
        this.#values.set(key, kept);
      }
      return kept;
    }
    const value = make();
    this.#values.set(key, value);
    this.#weight += value.weight;
    for (const [oldKey, old] of this.#values) {
      if (this.#weight <= this.limit || oldKey === key) {
        break;
      }
      this.#values.delete(oldKey);
      this.#weight -= old.weight;
    }
    return value;
  }

  has(key: K): boolean {
    return this.#values.has(key);
  }

  delete(key: K): void {
    this.#weight -= this.#values.get(key)?.weight ?? 0;
    this.#values.delete(key);
  }
}

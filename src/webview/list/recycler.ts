/**
 * Gives each row in sight a place in the page: a row keeps its own, and a new one gets that of a row that went, whose
 * elements then only change their texts. To make elements takes longest when a list is scrolled.
 */
export class Recycler {
  #places = new Map<number, number>();

  /** The place of each row, by its id: different numbers. Called with all rows in sight. */
  place(ids: readonly number[]): ReadonlyMap<number, number> {
    const before = this.#places;
    const places = new Map<number, number>();
    const taken = new Set<number>();
    for (const id of ids) {
      const own = before.get(id);
      if (own !== undefined) {
        places.set(id, own);
        taken.add(own);
      }
    }
    let next = 0;
    for (const id of ids) {
      if (!places.has(id)) {
        while (taken.has(next)) {
          next += 1;
        }
        places.set(id, next);
        taken.add(next);
      }
    }
    this.#places = places;
    return places;
  }
}

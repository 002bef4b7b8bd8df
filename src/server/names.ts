/** Names that are kept at most; those that follow are copied each time. */
const MAX_NAMES = 100_000;

/**
 * Names that were cut from texts, each once. A string that is cut from another keeps that one in memory, and a
 * text that is edited is a new one each time: a name of each would keep them all.
 */
export class Names {
  readonly #names = new Map<string, string>();

  /** The same name, without the text that it was cut from. */
  get(name: string): string {
    let known = this.#names.get(name);
    if (known === undefined) {
      known = detached(name);
      if (this.#names.size < MAX_NAMES) {
        this.#names.set(known, known);
      }
    }
    return known;
  }
}

/** The same text as a string of its own. */
export function detached(text: string): string {
  // V8 cuts a string without copying, and joins two by reference until the whole is read: so this one is copied.
  return `${text} `.slice(0, -1);
}

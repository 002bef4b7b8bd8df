/**
 * Frames that were read before. The tasks of a dump have most of their frames in common: what stands
 * from a symbol to the end of its line is compared with what it was the last time, and not read again.
 */
import type { FrameItem } from './items.ts';
import type { Token } from './token.ts';

/** A frame that ends its line. */
export interface Repeat {
  /** From the symbol to the end of the line. */
  readonly tail: string;
  /** Characters of the symbol. */
  readonly length: number;
  readonly function: string;
  readonly offset: number;
  readonly size: number;
  readonly module: string | null;
}

/** A power of two. */
const PLACES = 4096;
/** Frames at one place: names that end alike share one. */
const DEPTH = 8;

export class Repeats {
  readonly #places: (Repeat[] | undefined)[] = Array.from({ length: PLACES });

  /**
   * The frame whose `+` stands at `plus` in a line that ends at `end`; null where it was not read
   * before, or anything but a blank or a bracket stands before it.
   */
  find(text: string, plus: number, end: number): Repeat | null {
    const repeats = this.#places[place(text, plus, end)];
    if (repeats === undefined) {
      return null;
    }
    for (const known of repeats) {
      const start = plus - known.length;
      const before = text.charCodeAt(start - 1);
      if (
        start + known.tail.length === end &&
        (before === 32 || before === 93) &&
        // Takes less time than startsWith, which looks at one character after the other.
        text.slice(start, end) === known.tail
      ) {
        return known;
      }
    }
    return null;
  }

  /** Keeps the frame at `plus`, which `token` was read last; not if it does not end its line. */
  keep(text: string, plus: number, end: number, token: Token, frame: FrameItem): void {
    const { start } = token;
    if (token.plus !== plus || token.end !== end || token.size < 0) {
      return;
    }
    const at = place(text, plus, end);
    const repeats = this.#places[at] ?? [];
    this.#places[at] = repeats;
    if (repeats.length === DEPTH) {
      repeats.pop();
    }
    const { function: name, offset, size, module } = frame;
    repeats.unshift({
      // A copy: a slice would keep the whole text alive.
      tail: Array.from(text.slice(start, end)).join(''),
      length: plus - start,
      function: name,
      offset: offset ?? 0,
      size: size ?? 0,
      module,
    });
  }
}

/** Where a frame has its place: by the length of what is behind the `+`, which is part of it, and the characters around it. */
function place(text: string, plus: number, end: number): number {
  let hash = end - plus;
  hash = hash * 31 + text.charCodeAt(plus - 1);
  hash = hash * 31 + text.charCodeAt(plus - 2);
  hash = hash * 31 + text.charCodeAt(plus - 4);
  hash = (hash * 31 + text.charCodeAt(plus - 7)) | 0;
  hash = hash * 31 + text.charCodeAt(plus + 3);
  hash = hash * 31 + text.charCodeAt(plus + 4);
  hash = hash * 31 + text.charCodeAt(plus + 5);
  return (hash ^ (hash >>> 13)) & (PLACES - 1);
}

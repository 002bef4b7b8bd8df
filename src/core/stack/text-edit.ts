/** What is the same in two versions of a text, and what is between. */

/** Texts are compared in pieces of this many UTF-16 units, which is a comparison of memory. */
const PIECE = 16 * 1024;

/** How much of two texts is the same at their beginnings and at their ends; the two do not overlap. */
export interface Common {
  readonly prefix: number;
  readonly suffix: number;
}

export function commonParts(a: string, b: string): Common {
  const shorter = Math.min(a.length, b.length);
  let prefix = 0;
  while (prefix < shorter) {
    const length = Math.min(PIECE, shorter - prefix);
    if (!a.startsWith(b.slice(prefix, prefix + length), prefix)) {
      break;
    }
    prefix += length;
  }
  while (prefix < shorter && a.charCodeAt(prefix) === b.charCodeAt(prefix)) {
    prefix++;
  }
  const room = shorter - prefix;
  let suffix = 0;
  while (suffix < room) {
    const length = Math.min(PIECE, room - suffix);
    const end = b.length - suffix;
    if (!a.endsWith(b.slice(end - length, end), a.length - suffix)) {
      break;
    }
    suffix += length;
  }
  while (suffix < room && a.charCodeAt(a.length - suffix - 1) === b.charCodeAt(b.length - suffix - 1)) {
    suffix++;
  }
  return { prefix, suffix };
}

/** The part of a text around an edit. */
export interface Window {
  /** Offset of the first line's beginning. */
  readonly start: number;
  /** Offset behind the last line. */
  readonly end: number;
  /** 0-based number of the first line. */
  readonly firstLine: number;
  /** Lines in the window. */
  readonly lineCount: number;
  /** Length of the longest line before it. */
  readonly longest: number;
}

/** The lines that hold offsets `from` to `to`, and `around` lines before and behind them. */
export function windowAround(text: string, from: number, to: number, around: number): Window {
  // The beginnings and lengths of the last lines before `from`, each a ring.
  const starts = new Array<number>(around + 1).fill(0);
  const lengths = new Array<number>(around + 1).fill(0);
  let line = 0;
  let at = 0;
  let longest = 0;
  for (let newline = text.indexOf('\n'); newline >= 0 && newline < from; newline = text.indexOf('\n', at)) {
    const slot = line % (around + 1);
    if (line > around) {
      longest = Math.max(longest, lengths[slot] ?? 0);
    }
    starts[slot] = at;
    lengths[slot] = newline - at;
    at = newline + 1;
    line++;
  }
  const firstLine = Math.max(0, line - around);
  const start = line === 0 ? 0 : line <= around ? 0 : (starts[firstLine % (around + 1)] ?? 0);
  let end = at;
  let last = line;
  for (let behind = 0; behind <= around; last++) {
    const newline = text.indexOf('\n', end);
    if (newline < 0) {
      end = text.length;
      last++;
      break;
    }
    behind += newline >= to ? 1 : 0;
    end = newline + 1;
  }
  return { start, end, firstLine, lineCount: last - firstLine, longest };
}

export function countNewlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) {
    count++;
  }
  return count;
}

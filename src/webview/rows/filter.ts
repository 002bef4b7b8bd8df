/** What a person typed into a filter box, ready to be matched. */
export interface Filter {
  /** Folded words that must all occur. */
  readonly include: readonly string[];
  /** Folded words that must not occur. */
  readonly exclude: readonly string[];
}

/** Length of the filter text that is looked at, in UTF-16 units; it bounds the work of a row. */
export const FILTER_TEXT_MAX = 200;

/** A stretch of text, as UTF-16 offsets: from `start` up to, not including, `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads filter text: words apart by white space must all occur, in any order and case; a word that
 * starts with `-` must not occur; a `-` alone says nothing. Returns null when nothing is asked for.
 */
export function parseFilter(text: string): Filter | null {
  const include: string[] = [];
  const exclude: string[] = [];
  for (const word of text.slice(0, FILTER_TEXT_MAX).split(/\s+/)) {
    if (word.startsWith('-')) {
      if (word.length > 1) {
        exclude.push(fold(word.slice(1)));
      }
    } else if (word !== '') {
      include.push(fold(word));
    }
  }
  return include.length + exclude.length === 0 ? null : { include, exclude };
}

/**
 * Whether the fields of a row pass a filter. A word occurs when one field has it. Takes time linear
 * in the length of the fields, whatever they hold.
 */
export function matches(filter: Filter, fields: readonly string[]): boolean {
  const folded = fields.map(fold);
  const occurs = (word: string): boolean => folded.some((field) => field.includes(word));
  return filter.include.every(occurs) && !filter.exclude.some(occurs);
}

/** Where the wanted words of a filter occur in a text: ascending, apart from one another. */
export function matchRanges(filter: Filter | null, text: string): readonly Range[] {
  if (filter === null || filter.include.length === 0) {
    return [];
  }
  const folded = fold(text);
  const found: Range[] = [];
  for (const word of filter.include) {
    for (let at = folded.indexOf(word); at >= 0; at = folded.indexOf(word, at + word.length)) {
      found.push({ start: at, end: at + word.length });
    }
  }
  found.sort((a, b) => a.start - b.start);
  const merged: Range[] = [];
  for (const range of found) {
    const last = merged.at(-1);
    if (last !== undefined && range.start <= last.end) {
      merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
    } else {
      merged.push(range);
    }
  }
  return merged;
}

/**
 * Lower case, unit by unit, so that offsets in the result are offsets in the text: a unit whose
 * lower case is longer (U+0130) stays as it is.
 */
export function fold(text: string): string {
  // ASCII, which is nearly every line, keeps its length and has a fast path in the engine.
  if (!/[^\0-\x7f]/.test(text)) {
    return text.toLowerCase();
  }
  return text.replace(/[^\0-\x7f]|[A-Z]+/g, (part) => {
    const lower = part.toLowerCase();
    return lower.length === part.length ? lower : part;
  });
}

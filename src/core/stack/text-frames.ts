/**
 * The frames and source references of a text, as the language server links them. All formats are read
 * by {@link readStackItems}; this gives what it found in the types that the rest of the program locates.
 */
import type { Frame } from './frame.ts';
import type { StackItem } from './text/items.ts';
import { StackTextReader } from './text/reader.ts';
import { commonParts, countNewlines, windowAround } from './text-edit.ts';

/** A range within one line; UTF-16 units, 0-based, end exclusive. */
export interface TextRange {
  /** 0-based. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

/** A frame, with the range from its symbol to the last that belongs to it. */
export interface TextFrame extends TextRange {
  readonly frame: Frame;
}

/** A place that a text names: `zil.c:3194:zil_commit()`, `/build/module/zfs/zap_micro.c:1415:22`. */
export interface SourceReference extends TextRange {
  /** As written: a base name or a longer path. Untrusted. */
  readonly path: string;
  /** 1-based. */
  readonly sourceLine: number;
  /** The function that the text says it is in; null when it says none. */
  readonly function: string | null;
}

export interface StackText {
  readonly frames: readonly TextFrame[];
  readonly references: readonly SourceReference[];
}

/** Frames and references that are kept of one text; what follows is left alone. */
const MAX_FOUND = 200_000;

/** Text is given to the reader in pieces of this many UTF-16 units, so that it can stop between them. */
const PIECE = 1024 * 1024;

/** Lines around an edit that are read again; no stack's entry depends on one further away. */
const REREAD = 300;
/** Lines around those that are read with them, so that they are read as in the whole text. */
const CONTEXT = 300;

/** A version of a text, and what was found in it. */
export interface KnownText {
  readonly text: string;
  readonly found: StackText;
}

/** Reads a whole text; of one that was read before and then edited, only the lines around the edit. */
export function readStackText(text: string, before: KnownText | null = null): StackText {
  // Of what was cut short, an edit may bring up more.
  const isWhole = before !== null && before.found.frames.length + before.found.references.length < MAX_FOUND;
  return isWhole ? readEdited(text, before) : readAll(text, 0, 0);
}

function readEdited(text: string, before: KnownText): StackText {
  const { prefix, suffix } = commonParts(before.text, text);
  const end = text.length - suffix;
  const now = windowAround(text, prefix, end, REREAD + CONTEXT);
  const shift =
    countNewlines(text, prefix, end) - countNewlines(before.text, prefix, before.text.length - suffix);
  // Items of these lines are replaced; of the lines beside them, which were only context, kept.
  const first = now.firstLine === 0 ? 0 : now.firstLine + CONTEXT;
  const isLast = now.end === text.length;
  const last = isLast ? Number.POSITIVE_INFINITY : now.firstLine + now.lineCount - CONTEXT;
  const part = readAll(text.slice(now.start, now.end), now.firstLine, now.longest);
  const splice = <T extends TextRange>(known: readonly T[], fresh: readonly T[]): readonly T[] => {
    const head = indexOfLine(known, first);
    const tail = indexOfLine(known, last - shift);
    const from = indexOfLine(fresh, first);
    const to = indexOfLine(fresh, last);
    const rest = known.slice(tail);
    const moved = shift === 0 ? rest : rest.map((item) => ({ ...item, line: item.line + shift }));
    return known.slice(0, head).concat(fresh.slice(from, to), moved);
  };
  return {
    frames: splice(before.found.frames, part.frames),
    references: splice(before.found.references, part.references),
  };
}

/** Where the first item of `line` or a later one is. */
function indexOfLine(items: readonly TextRange[], line: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((items[middle]?.line ?? line) < line) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

function readAll(text: string, firstLine: number, longest: number): StackText {
  const frames: TextFrame[] = [];
  const references: SourceReference[] = [];
  const isFull = () => frames.length + references.length >= MAX_FOUND;
  const reader = new StackTextReader((item: StackItem) => {
    if (isFull() || item.kind === 'heading') {
      return;
    }
    const { line: number, start, end } = item;
    const line = number - 1 + firstLine;
    if (item.kind === 'source') {
      const { path, sourceLine } = item;
      references.push({ line, start, end, path, sourceLine, function: item.function });
    } else {
      const { offset, size, module, reliable } = item;
      // A frame that is only named is located as its function's beginning.
      const frame = { symbol: item.function, offset: offset ?? 0, size, module, reliable };
      frames.push({ line, start, end, frame });
    }
  }, longest);
  for (let from = 0; from < text.length && !isFull(); from += PIECE) {
    reader.push(text.slice(from, from + PIECE));
  }
  reader.end();
  return { frames, references };
}

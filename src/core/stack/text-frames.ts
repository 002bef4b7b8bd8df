/**
 * The frames and source references of a text, as the language server links them. All formats are read
 * by {@link readStackItems}; this gives what it found in the types that the rest of the program locates.
 */
import type { Frame } from './frame.ts';
import type { StackItem } from './text/items.ts';
import { StackTextReader } from './text/reader.ts';

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

/** Reads a whole text. */
export function readStackText(text: string): StackText {
  const frames: TextFrame[] = [];
  const references: SourceReference[] = [];
  const isFull = () => frames.length + references.length >= MAX_FOUND;
  const reader = new StackTextReader((item: StackItem) => {
    if (isFull() || item.kind === 'heading') {
      return;
    }
    const { line: number, start, end } = item;
    const line = number - 1;
    if (item.kind === 'source') {
      const { path, sourceLine } = item;
      references.push({ line, start, end, path, sourceLine, function: item.function });
    } else {
      const { offset, size, module, reliable } = item;
      // A frame that is only named is located as its function's beginning.
      const frame = { symbol: item.function, offset: offset ?? 0, size, module, reliable };
      frames.push({ line, start, end, frame });
    }
  });
  for (let from = 0; from < text.length && !isFull(); from += PIECE) {
    reader.push(text.slice(from, from + PIECE));
  }
  reader.end();
  return { frames, references };
}

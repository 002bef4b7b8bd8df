import { bodyEnd, bodyStart } from './decorations.ts';
import type { Span } from './items.ts';

/** From `column` on, a line's characters stand at `rawColumn` and on in `line` of the document. */
export interface Piece {
  readonly column: number;
  readonly line: number;
  readonly rawColumn: number;
}

/**
 * The line that readers look at: a part of a longer text, or a text of its own that was cleaned or
 * joined, and then knows by pieces where its characters came from. One object is moved from line to
 * line.
 */
export class Line {
  text = '';
  /** Where the line begins and ends in {@link text}; without the newline. */
  from = 0;
  to = 0;
  /** 1-based number in the document. */
  number = 1;
  /** Classes of the line's characters, see characters.ts. */
  classes = 0;
  #pieces: readonly Piece[] | null = null;
  #body: string | null = null;
  #bodyFrom = 0;
  #string: string | null = null;

  set(
    text: string,
    from: number,
    to: number,
    number: number,
    classes: number,
    pieces: readonly Piece[] | null,
  ): void {
    this.text = text;
    this.from = from;
    this.to = to;
    this.number = number;
    this.classes = classes;
    this.#pieces = pieces;
    this.#body = null;
    this.#string = null;
  }

  /** {@link set}, of a line as it stands in the text whose body is all from `start` on. */
  setBody(text: string, from: number, to: number, number: number, classes: number, start: number): void {
    this.set(text, from, to, number, classes, null);
    this.#body = text.slice(start, to);
    this.#bodyFrom = start - from;
  }

  /** Whether columns of the line are not those of the document. */
  get isPieced(): boolean {
    return this.#pieces !== null;
  }

  /** The whole line. */
  get string(): string {
    this.#string ??= this.text.slice(this.from, this.to);
    return this.#string;
  }

  /** The line without decoration around it. */
  get body(): string {
    if (this.#body === null) {
      this.#bodyFrom = bodyStart(this.string);
      this.#body = this.string.slice(this.#bodyFrom, bodyEnd(this.string, this.#bodyFrom));
    }
    return this.#body;
  }

  /** Column of the first character of {@link body}. */
  get bodyColumn(): number {
    return this.body === '' ? 0 : this.#bodyFrom;
  }

  /** Blanks directly before {@link body}; a tab counts as eight. */
  get indent(): number {
    let width = 0;
    for (let at = this.bodyColumn - 1; at >= 0; at--) {
      const unit = this.string.charCodeAt(at);
      if (unit !== 32 && unit !== 9) {
        break;
      }
      width += unit === 9 ? 8 : 1;
    }
    return width;
  }

  /** Where columns `start` to `end` of this line stand in the document. */
  span(start: number, end: number): Span {
    const pieces = this.#pieces;
    if (pieces === null) {
      return { line: this.number, start, end };
    }
    const first = pieceAt(pieces, start);
    const last = pieceAt(pieces, Math.max(end - 1, start));
    const rawStart = first.rawColumn + start - first.column;
    if (last.line === first.line) {
      return { line: first.line, start: rawStart, end: last.rawColumn + end - last.column };
    }
    // Wrapped: up to the end of its first line.
    let stop = end;
    for (const piece of pieces) {
      if (piece.line > first.line) {
        stop = piece.column;
        break;
      }
    }
    const before = pieceAt(pieces, Math.max(stop - 1, start));
    return { line: first.line, start: rawStart, end: before.rawColumn + stop - before.column };
  }
}

/** Pieces of the part of a line from column `start` to `end`. */
export function piecesFrom(pieces: readonly Piece[], start: number, end: number): readonly Piece[] {
  const first = indexAt(pieces, start);
  const part: Piece[] = [];
  for (let index = first; index < pieces.length; index++) {
    const piece = pieces[index];
    if (piece === undefined || (index > first && piece.column >= end)) {
      break;
    }
    // The first begins before the part.
    const column = Math.max(piece.column - start, 0);
    part.push({ column, line: piece.line, rawColumn: piece.rawColumn + Math.max(start - piece.column, 0) });
  }
  return part;
}

/** Pieces of a text that was cleaned after it was joined: `inner` leads to the joined text, `outer` on. */
export function composePieces(inner: readonly Piece[], outer: readonly Piece[]): readonly Piece[] {
  const composed: Piece[] = [];
  for (const [index, piece] of inner.entries()) {
    const next = inner[index + 1];
    const at = pieceAt(outer, piece.rawColumn);
    composed.push({ ...at, column: piece.column, rawColumn: at.rawColumn + piece.rawColumn - at.column });
    for (const border of outer) {
      const column = piece.column + border.column - piece.rawColumn;
      if (column > piece.column && (next === undefined || column < next.column)) {
        composed.push({ ...border, column });
      }
    }
  }
  return composed;
}

function pieceAt(pieces: readonly Piece[], column: number): Piece {
  return pieces[indexAt(pieces, column)] ?? { column: 0, line: 1, rawColumn: 0 };
}

/** The last piece that begins at `column` or before it. */
function indexAt(pieces: readonly Piece[], column: number): number {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pieces[middle]?.column ?? 0) <= column) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

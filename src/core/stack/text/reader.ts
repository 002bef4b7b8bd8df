/**
 * Reads the stacks of any text in one pass: each line is cleaned and joined where it has to be, then
 * shown to the readers of the formats. Linear in the text's length; never throws; never holds more
 * than one line and the piece of text it was given.
 */
import { AT, CLASS_OF, COLON, COMMA, PLUS, wideClass } from './characters.ts';
import { cleanLines, isPlain, needsCleaning } from './clean.ts';
import type { Format } from './formats/format.ts';
import { createFormats } from './formats/index.ts';
import { readHeading } from './headings.ts';
import type { ItemSink } from './items.ts';
import { findJoint, lengthOf, mayGoOn, TERMINAL_WIDTH } from './join.ts';
import { composePieces, Line, type Piece, piecesFrom } from './line.ts';
import { isCaller, readSizedFrames } from './linux.ts';
import { Marks } from './marks.ts';
import { Output } from './output.ts';
import { Repeats } from './repeats.ts';
import { readSources } from './source.ts';
import { entryColumns, mayHoldEntries } from './split.ts';
import { isQuestioned, token } from './token.ts';

/** A line longer than this, in UTF-16 units, is read in parts. */
const MAX_LINE = 64 * 1024 * 1024;

/** Lines that one frame may be wrapped over. */
const MAX_JOINED = 4;

/** Sets of classes for which the formats are kept: the lines of a text have few, random bytes have more. */
const MAX_CLASSES = 1024;

/** Reads text that comes in pieces; {@link end} reads what was waiting for more. */
export class StackTextReader {
  readonly #line = new Line();
  readonly #out: Output;
  readonly #formats: readonly Format[] = createFormats();
  /** Of them, those that a line with these classes may be of. */
  readonly #possible = new Map<number, readonly Format[]>();
  readonly #marks = new Marks();
  readonly #repeats = new Repeats();
  /** The format of the last line that had one: the next line is most likely of the same. */
  #current: Format | null = null;
  #number = 1;
  /** Characters of the longest line so far: where a terminal broke lines, none is longer than it is wide. */
  #longest: number;
  /** What came but was not read: the last whole line, which may go on in the next, and a part of one. */
  #waiting: string[] = [];
  #waitingLength = 0;

  /** @param longest characters of the longest line above the text */
  constructor(sink: ItemSink, longest = 0) {
    this.#out = new Output(sink, this.#line);
    this.#longest = longest;
  }

  push(text: string): void {
    let from = 0;
    if (this.#waitingLength > 0) {
      // What waits is read with the first lines of the text only, so that not all of it is copied.
      from = firstLinesEnd(text);
      this.#wait(text.slice(0, from));
      if (from === text.length && !text.includes('\n') && this.#waitingLength <= MAX_LINE) {
        return;
      }
      const head = this.#takeWaiting();
      const read = this.#read(head, 0, false);
      if (head.length - read <= from && from < text.length) {
        from -= head.length - read;
      } else {
        this.#wait(head.slice(read));
        if (from === text.length) {
          return;
        }
        this.#wait(text.slice(from));
        const rest = this.#takeWaiting();
        this.#wait(rest.slice(this.#read(rest, 0, false)));
        return;
      }
    }
    this.#wait(text.slice(this.#read(text, from, false)));
  }

  end(): void {
    const text = this.#takeWaiting();
    this.#read(text, 0, true);
  }

  #wait(text: string): void {
    if (text !== '') {
      this.#waiting.push(text);
      this.#waitingLength += text.length;
    }
  }

  #takeWaiting(): string {
    const text = this.#waiting.length === 1 ? (this.#waiting[0] ?? '') : this.#waiting.join('');
    this.#waiting = [];
    this.#waitingLength = 0;
    return text;
  }

  /** Reads the lines of `text` from `start` on whose next line is whole too; returns where what is left begins. */
  #read(text: string, start: number, all: boolean): number {
    const length = text.length;
    // Behind the newline before the last one, so that a line's next one is always whole.
    const lastNewline = all ? length : text.lastIndexOf('\n');
    const stop = all ? length : lastNewline <= 0 ? 0 : text.lastIndexOf('\n', lastNewline - 1) + 1;
    let at = start;
    const plain = isPlain(text);
    let plus = -1;
    let colon = -1;
    while (at < stop || (!all && length - at > MAX_LINE)) {
      if (plain) {
        // The lines there are most of need no other reader: frames without a colon, and what a kernel's log has between them.
        plus = plus < at ? indexFrom(text, '+', at) : plus;
        colon = colon < at ? indexFrom(text, ':', at) : colon;
        const newline = indexFrom(text, '\n', at);
        if (
          newline < length &&
          newline - at < MAX_LINE &&
          (plus < newline
            ? newline < colon &&
              !mayGoOn(text, at, newline, newline + 1) &&
              this.#readFrameLine(text, at, plus, newline)
            : this.#readBetween(text, at, newline))
        ) {
          this.#current = null;
          this.#number++;
          at = newline + 1;
          continue;
        }
      }
      let classes = 0;
      let end = at;
      const limit = Math.min(length, at + MAX_LINE);
      for (; end < limit; end++) {
        const unit = text.charCodeAt(end);
        if (unit === 10) {
          break;
        }
        classes |= unit < 256 ? (CLASS_OF[unit] ?? 0) : wideClass(unit);
      }
      const next = text.charCodeAt(end) === 10 ? end + 1 : end;
      this.#longest = Math.max(this.#longest, lengthOf(text, at, end));
      if (next < length && next > end && end > at && mayGoOn(text, at, end, next)) {
        const joined = this.#readJoined(text, at, end, next, length, all);
        if (joined < 0) {
          return at;
        }
        if (joined > 0) {
          at = joined;
          continue;
        }
      }
      const mark = this.#marks.lengthAt(text, at, end, next);
      if (mark > 0) {
        this.#readMarked(text.slice(at, end), mark);
      } else {
        this.#readRaw(text, at, end, classes);
      }
      at = next;
      this.#number += next > end ? 1 : 0;
    }
    return at;
  }

  /** Reads a line with a `+` and no colon; false where it holds no frame with a size. */
  #readFrameLine(text: string, from: number, plus: number, to: number): boolean {
    this.#longest = Math.max(this.#longest, to - from);
    const known = this.#repeats.find(text, plus, to);
    if (known !== null && !isCaller(text, plus - known.length)) {
      const start = plus - known.length;
      this.#out.repeated(this.#number, start - from, to - from, known, !isQuestioned(text, start, from));
      return true;
    }
    this.#line.set(text, from, to, this.#number, PLUS, null);
    const found = readSizedFrames(this.#line, this.#out);
    if (found === 0) {
      return false;
    }
    this.#out.flush();
    if (found === 1 && this.#out.last !== null) {
      this.#repeats.keep(text, plus, to, token, this.#out.last);
    }
    return true;
  }

  /** Reads a line of a kernel's log between frames; false where it may be anything else. */
  #readBetween(text: string, from: number, to: number): boolean {
    const between = this.#current === null ? betweenFrames(text, from, to) : null;
    if (between === null || mayGoOn(text, from, to, to + 1)) {
      return false;
    }
    this.#longest = Math.max(this.#longest, to - from);
    if (between === 'heading') {
      this.#line.set(text, from, to, this.#number, COLON, null);
      readHeading(this.#line, this.#out);
      this.#out.flush();
    }
    return true;
  }

  /**
   * Reads a line that goes on in the next; returns where the line behind them begins, 0 if it does not
   * go on, -1 if more text has to come before that is known.
   */
  #readJoined(
    text: string,
    from: number,
    to: number,
    nextLine: number,
    length: number,
    all: boolean,
  ): number {
    let joined = text.slice(from, to);
    let next = nextLine;
    const pieces: Piece[] = [{ column: 0, line: this.#number, rawColumn: 0 }];
    let count = 1;
    // Characters of the last line that was joined.
    let last = lengthOf(text, from, to);
    for (; count < MAX_JOINED && (next < length || !all); count++) {
      const newline = text.indexOf('\n', next);
      if (newline < 0 && !all) {
        return -1;
      }
      const end = newline < 0 ? length : newline;
      const second = text.slice(next, end);
      const isFull = this.#longest <= TERMINAL_WIDTH && last === TERMINAL_WIDTH;
      const joint = findJoint(joined, second, last, isFull);
      if (joint === null) {
        break;
      }
      joined = joined.slice(0, joint.cut) + joint.glue;
      pieces.push({ column: joined.length, line: this.#number + count, rawColumn: joint.resume });
      joined += second.slice(joint.resume);
      last = lengthOf(text, next, end);
      this.#longest = Math.max(this.#longest, last);
      next = newline < 0 ? length : newline + 1;
    }
    if (count === 1) {
      return 0;
    }
    this.#readPieces(joined, pieces);
    this.#number += count;
    return next;
  }

  #readPieces(text: string, pieces: readonly Piece[]): void {
    const classes = classesOf(text);
    if (!needsCleaning(classes, text, 0, text.length)) {
      this.#readEntries(text, 0, text.length, classes, pieces);
      return;
    }
    for (const clean of cleanLines(text, 0)) {
      const composed = composePieces(clean.pieces, pieces);
      this.#readEntries(clean.text, 0, clean.text.length, classesOf(clean.text), composed);
    }
  }

  /** Reads a line behind the mark that it has in common with its neighbours. */
  #readMarked(text: string, mark: number): void {
    this.#readPieces(text.slice(mark), [{ column: 0, line: this.#number, rawColumn: mark }]);
  }

  #readRaw(text: string, from: number, to: number, classes: number): void {
    if (!needsCleaning(classes, text, from, to)) {
      this.#readEntries(text, from, to, classes, null);
      return;
    }
    for (const clean of cleanLines(text.slice(from, to), this.#number)) {
      this.#readEntries(clean.text, 0, clean.text.length, classesOf(clean.text), clean.pieces);
    }
  }

  /** Reads a line, which holds more than one entry where newlines were lost. */
  #readEntries(
    text: string,
    from: number,
    to: number,
    classes: number,
    pieces: readonly Piece[] | null,
  ): void {
    const columns = mayHoldEntries(classes, to - from) ? entryColumns(text.slice(from, to)) : [];
    if (columns.length === 0) {
      this.#readLine(text, from, to, classes, pieces);
      return;
    }
    const raw = pieces ?? [{ column: 0, line: this.#number, rawColumn: 0 }];
    const line = text.slice(from, to);
    for (const [index, start] of [0, ...columns].entries()) {
      const end = columns[index] ?? line.length;
      const entry = line.slice(start, end);
      this.#readLine(entry, 0, entry.length, classesOf(entry), piecesFrom(raw, start, end));
    }
  }

  #readLine(text: string, from: number, to: number, classes: number, pieces: readonly Piece[] | null): void {
    const line = this.#line;
    const out = this.#out;
    line.set(text, from, to, this.#number, classes, pieces);
    const sized = (classes & PLUS) !== 0 ? readSizedFrames(line, out) : 0;
    if (sized > 0) {
      this.#current = null;
      if (out.named) {
        readHeading(line, out);
      }
    } else if (classes !== 0 || this.#current !== null) {
      this.#readFormats(line, out);
    }
    if ((classes & (sized > 0 ? COLON : COLON | COMMA | AT)) !== 0) {
      readSources(line, out);
    }
    out.flush();
  }

  #readFormats(line: Line, out: Output): void {
    const { classes } = line;
    const current = this.#current;
    if (current === null && isOfKernel(line.body)) {
      readHeading(line, out);
      return;
    }
    if (current !== null && mayBe(current, classes) && current.read(line, out)) {
      return;
    }
    for (const format of this.#formatsOf(classes)) {
      if (format !== current && format.read(line, out)) {
        this.#current = format.isGeneral === true ? null : format;
        return;
      }
    }
    readHeading(line, out);
  }

  #formatsOf(classes: number): readonly Format[] {
    const known = this.#possible.get(classes);
    if (known !== undefined) {
      return known;
    }
    const possible = this.#formats.filter((format) => mayBe(format, classes));
    if (this.#possible.size < MAX_CLASSES) {
      this.#possible.set(classes, possible);
    }
    return possible;
  }
}

/** Lines between the frames of a kernel's log, which no other format has: no format need be asked. */
function isOfKernel(body: string): boolean {
  return (
    body === '<TASK>' ||
    body === '</TASK>' ||
    body === 'Call Trace:' ||
    (body.startsWith('task:') && body.includes(' state:'))
  );
}

/** Whether a line with a time is one of {@link isOfKernel}; null where it is none. */
function betweenFrames(text: string, from: number, to: number): 'heading' | 'mark' | null {
  if (text.charCodeAt(from) !== 91) {
    return null;
  }
  const last = text.charCodeAt(to - 1);
  if (last === 62) {
    return text.startsWith(' <TASK>', to - 7) || text.startsWith(' </TASK>', to - 8) ? 'mark' : null;
  }
  if (last === 58) {
    return text.startsWith('] Call Trace:', to - 13) ? 'heading' : null;
  }
  const close = text.indexOf(']', from);
  const isTask = close < from + 24 && text.startsWith(' task:', close + 1);
  return isTask && indexFrom(text, ' state:', close) < to ? 'heading' : null;
}

function mayBe(format: Format, classes: number): boolean {
  const { needs, any } = format;
  return (classes & needs) === needs && (any === undefined || (classes & any) !== 0);
}

/** Where `what` is next, or behind the end where it is not. */
function indexFrom(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at < 0 ? text.length + 1 : at;
}

/** Where the lines that a wrapped line may need end in `text`: behind its fifth newline, or its end. */
function firstLinesEnd(text: string): number {
  let at = 0;
  for (let count = 0; count <= MAX_JOINED; count++) {
    const newline = text.indexOf('\n', at);
    if (newline < 0) {
      return text.length;
    }
    at = newline + 1;
  }
  return at;
}

/** Reads a whole text. */
export function readStackItems(text: string, sink: ItemSink): void {
  const reader = new StackTextReader(sink);
  reader.push(text);
  reader.end();
}

function classesOf(text: string): number {
  let classes = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    classes |= unit < 256 ? (CLASS_OF[unit] ?? 0) : wideClass(unit);
  }
  return classes;
}

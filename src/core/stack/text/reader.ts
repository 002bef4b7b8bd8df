/**
 * Reads the stacks of any text in one pass: each line is cleaned and joined where it has to be, then
 * shown to the readers of the formats. Linear in the text's length; never throws; never holds more
 * than one line and the piece of text it was given.
 */
import { AT, COLON, COMMA, classesOf, PLUS } from './characters.ts';
import { cleanLines, isPlain, needsCleaning } from './clean.ts';
import type { Format } from './formats/format.ts';
import { createFormats } from './formats/index.ts';
import { readHeading } from './headings.ts';
import type { ItemSink } from './items.ts';
import { findJoint, lengthOf, mayGoOn, TERMINAL_WIDTH } from './join.ts';
import { indexFrom, KernelLog } from './kernel-log.ts';
import { composePieces, Line, type Piece, piecesFrom } from './line.ts';
import { readSizedFrames } from './linux.ts';
import { Marks } from './marks.ts';
import { Output } from './output.ts';
import { readSources } from './source.ts';
import { entryColumns, mayHoldEntries } from './split.ts';

/** A line longer than this, in UTF-16 units, is read in parts. */
const MAX_LINE = 64 * 1024 * 1024;

/** Lines that one frame may be wrapped over: arguments of a debugger's are long, and a folded stack longer. */
const MAX_JOINED = 12;
/** The same of quoted-printable text, whose lines have the breaks of their own text written out, and may be long. */
const MAX_SOFT = 64;

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
  readonly #log: KernelLog;
  /** The format of the last line that had one: the next line is most likely of the same. */
  #current: Format | null = null;
  #number = 1;
  /** Characters of the longest line so far: where a terminal broke lines, none is longer than it is wide. */
  #longest: number;
  /** What came but was not read: the last whole line, which may go on in the next, and a part of one. */
  #waiting: string[] = [];
  #waitingLength = 0;

  /**
   * @param longest characters of the longest line above the text
   * @param classify says of lines what they hold; one that says more asks more formats, for the same answer
   */
  constructor(
    sink: ItemSink,
    longest = 0,
    private readonly classify = classesOf,
  ) {
    this.#out = new Output(sink, this.#line);
    this.#log = new KernelLog(this.#line, this.#out);
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
    const isKernelLog = isPlain(text);
    if (isKernelLog) {
      this.#log.begin(text);
    }
    while (at < stop || (!all && length - at > MAX_LINE)) {
      const newline = indexFrom(text, '\n', at);
      if (
        isKernelLog &&
        newline < length &&
        newline - at < MAX_LINE &&
        this.#log.read(at, newline, this.#number, this.#current === null)
      ) {
        this.#current = null;
        this.#longest = Math.max(this.#longest, newline - at);
        this.#number++;
        at = newline + 1;
        continue;
      }
      const end = Math.min(newline, length, at + MAX_LINE);
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
        this.#readRaw(text, at, end, this.classify(text, at, end));
      }
      at = next;
      this.#number += next > end ? 1 : 0;
    }
    return at;
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
    // Of more lines than a frame has, each must say itself that it goes on.
    const goesOn = () => count < MAX_JOINED || (count < MAX_SOFT && joined.endsWith('='));
    for (; goesOn() && (next < length || !all); count++) {
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
    const classes = this.classify(text, 0, text.length);
    if (!needsCleaning(classes, text, 0, text.length)) {
      this.#readEntries(text, 0, text.length, classes, pieces);
      return;
    }
    for (const clean of cleanLines(text, 0)) {
      const composed = composePieces(clean.pieces, pieces);
      this.#readClean(clean.text, composed);
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
      this.#readClean(clean.text, clean.pieces);
    }
  }

  #readClean(text: string, pieces: readonly Piece[]): void {
    this.#readEntries(text, 0, text.length, this.classify(text, 0, text.length), pieces);
  }

  /** Reads a line, which holds more than one entry where newlines were lost. */
  #readEntries(
    text: string,
    from: number,
    to: number,
    classes: number,
    pieces: readonly Piece[] | null,
  ): void {
    const columns = mayHoldEntries(classes, to - from) ? entryColumns(text.slice(from, to), classes) : [];
    if (columns.length === 0) {
      this.#readLine(text, from, to, classes, pieces);
      return;
    }
    const raw = pieces ?? [{ column: 0, line: this.#number, rawColumn: 0 }];
    const line = text.slice(from, to);
    for (const [index, start] of [0, ...columns].entries()) {
      const end = columns[index] ?? line.length;
      const entry = line.slice(start, end);
      this.#readLine(
        entry,
        0,
        entry.length,
        this.classify(entry, 0, entry.length),
        piecesFrom(raw, start, end),
      );
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

function mayBe(format: Format, classes: number): boolean {
  const { needs, any } = format;
  return (classes & needs) === needs && (any === undefined || (classes & any) !== 0);
}

/** Where the lines that a wrapped line may need end in `text`: behind so many newlines, or its end. */
function firstLinesEnd(text: string): number {
  let at = 0;
  for (let count = 0; count <= MAX_SOFT; count++) {
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

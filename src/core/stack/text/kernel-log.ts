/**
 * The lines there are most of in a kernel's log: frames without a colon, and what stands between the stacks of a dump
 * of all tasks. They need no other reader, and nothing that is taken off or joined.
 */
import { COLON, PLUS } from './characters.ts';
import { endsBody, timeEnd } from './decorations.ts';
import { CALL_TRACE, readHeading } from './headings.ts';
import { mayGoOn } from './join.ts';
import type { Line } from './line.ts';
import { isCaller, readSizedFrames } from './linux.ts';
import type { Output } from './output.ts';
import { Repeats } from './repeats.ts';
import { isQuestioned, token } from './token.ts';

export class KernelLog {
  readonly #repeats = new Repeats();
  #text = '';
  /** Where the next of them is, from the line that was asked for last on. */
  #plus = -1;
  #colon = -1;

  constructor(
    private readonly line: Line,
    private readonly out: Output,
  ) {}

  /** A text without anything that has to be taken out of its lines. */
  begin(text: string): void {
    this.#text = text;
    this.#plus = -1;
    this.#colon = -1;
  }

  /**
   * Reads the line from `from` to the newline at `to`; false where it may be anything else. To be asked for each line
   * in turn.
   * @param isFree whether the last line was of no other format, which would be asked first
   */
  read(from: number, to: number, number: number, isFree: boolean): boolean {
    const text = this.#text;
    if (this.#plus < from) {
      this.#plus = indexFrom(text, '+', from);
    }
    if (this.#colon < from) {
      this.#colon = indexFrom(text, ':', from);
    }
    if (this.#plus < to) {
      return to < this.#colon && !mayGoOn(text, from, to, to + 1) && this.#readFrame(from, to, number);
    }
    return isFree && this.#readBetween(from, to, number);
  }

  /** Reads a line with a `+` and no colon; false where it holds no frame with a size. */
  #readFrame(from: number, to: number, number: number): boolean {
    const text = this.#text;
    const plus = this.#plus;
    const known = this.#repeats.find(text, plus, to);
    if (known !== null && !isCaller(text, plus - known.length)) {
      const start = plus - known.length;
      this.out.repeated(number, start - from, to - from, known, !isQuestioned(text, start, from));
      return true;
    }
    this.line.set(text, from, to, number, PLUS, null);
    const found = readSizedFrames(this.line, this.out);
    if (found === 0) {
      return false;
    }
    this.out.flush();
    if (found === 1 && this.out.last !== null) {
      this.#repeats.keep(text, plus, to, token, this.out.last);
    }
    return true;
  }

  /** Reads a line of a dump between its frames, behind a time. */
  #readBetween(from: number, to: number, number: number): boolean {
    const text = this.#text;
    const start = timeEnd(text, from);
    if (start === from || mayGoOn(text, from, to, to + 1)) {
      return false;
    }
    if (isMark(text, start, to, '<TASK>') || isMark(text, start, to, '</TASK>')) {
      return true;
    }
    const isTask = text.startsWith('task:', start) && endsBody(text.charCodeAt(to - 1));
    if (!isMark(text, start, to, CALL_TRACE) && !(isTask && indexFrom(text, ' state:', start) < to)) {
      return false;
    }
    this.line.setBody(text, from, to, number, COLON, start);
    readHeading(this.line, this.out);
    this.out.flush();
    return true;
  }
}

function isMark(text: string, start: number, end: number, mark: string): boolean {
  return end - start === mark.length && text.startsWith(mark, start);
}

/** Where `what` is next, or behind the end where it is not. */
export function indexFrom(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at < 0 ? text.length + 1 : at;
}

/** Longest line that is kept, in UTF-16 units. */
export const LINE_LIMIT = 64 * 1024;

/** Stands at the end of a line that was longer than {@link LINE_LIMIT}. */
export const CUT_MARK = ' …[line cut]';

/**
 * Splits text that comes in pieces into lines at `\n`; the newline is not part of a line, a `\r`
 * before it stays. Never holds more than one line of {@link LINE_LIMIT}: the rest of a longer line
 * is dropped and {@link CUT_MARK} says so.
 */
export class LineSplitter {
  readonly #limit: number;
  #rest = '';
  #cutting = false;

  constructor(limit: number = LINE_LIMIT) {
    this.#limit = limit;
  }

  /** The lines that `text` completes, in order. */
  push(text: string): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', start)) {
      this.#keep(text, start, at);
      lines.push(this.#take());
      start = at + 1;
    }
    this.#keep(text, start, text.length);
    return lines;
  }

  /** What came after the last newline, as a line; nothing when that is empty. */
  end(): string[] {
    return this.#rest === '' && !this.#cutting ? [] : [this.#take()];
  }

  #keep(text: string, start: number, end: number): void {
    const room = this.#limit - this.#rest.length;
    if (end - start > room) {
      this.#cutting = true;
      this.#rest += text.slice(start, start + room);
    } else {
      this.#rest += text.slice(start, end);
    }
  }

  #take(): string {
    const line = this.#cutting ? this.#rest + CUT_MARK : this.#rest;
    this.#rest = '';
    this.#cutting = false;
    return line;
  }
}

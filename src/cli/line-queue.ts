/** Text as it came, given back by line numbers. */
export class LineQueue {
  #text = '';
  #at = 0;
  /** 1-based number of the line that {@link #at} is in. */
  #line = 1;
  #lines = 0;

  /** Whole lines that came so far. */
  get lines(): number {
    return this.#lines;
  }

  push(text: string): void {
    this.#text = this.#at === 0 ? this.#text + text : this.#text.slice(this.#at) + text;
    this.#at = 0;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
      this.#lines++;
    }
  }

  /** Everything before a line that was not taken yet, with the newlines. */
  takeBefore(line: number): string {
    const from = this.#at;
    while (this.#line < line) {
      const newline = this.#text.indexOf('\n', this.#at);
      if (newline < 0) {
        break;
      }
      this.#at = newline + 1;
      this.#line++;
    }
    return this.#text.slice(from, this.#at);
  }

  /** The next line without its newline, and that. */
  takeLine(): { readonly text: string; readonly newline: string } {
    const newline = this.#text.indexOf('\n', this.#at);
    const end = newline < 0 ? this.#text.length : newline;
    const text = this.#text.slice(this.#at, end);
    this.#at = newline < 0 ? end : newline + 1;
    this.#line++;
    return { text, newline: newline < 0 ? '' : '\n' };
  }

  /** The next lines, up to so many; they are not taken. */
  peek(lines: number): string[] {
    let end = this.#at;
    for (let count = 0; count < lines && end < this.#text.length; count++) {
      const newline = this.#text.indexOf('\n', end);
      end = newline < 0 ? this.#text.length : newline + 1;
    }
    return this.#text.slice(this.#at, end).split('\n');
  }

  takeRest(): string {
    const rest = this.#text.slice(this.#at);
    this.#at = this.#text.length;
    return rest;
  }
}

import { StackTextReader } from './reader.ts';

/** So much of the beginning of a text is read in any case, in UTF-16 units. */
const BEGINNING = 512 * 1024;

/** Places as ZFS names them, and entries of debuggers. */
const SIGN = /\.[ch]:\d{1,7}:[A-Za-z_]\w{0,255}\(\)|^ {0,8}#\d{1,3} +0x/m;

/** What the kernel says of a program that it ended. */
const CRASH = 'segfault at ';

/**
 * Tells whether a text holds a frame, or a place with its function, as ZFS names them and compilers do not. The text
 * comes in pieces of whole lines. The beginning and the last piece are read, of what is between only the pieces with a
 * sign of frames, as logs have them: to read other text takes ten times as long as to look for that.
 */
export class FrameFinder {
  #isFound = false;
  #length = 0;
  /** What came last, behind the beginning. */
  #last = '';
  readonly #reader = new StackTextReader((item) => {
    this.#isFound ||= item.kind === 'source' ? item.function !== null : item.kind !== 'heading';
  });

  /** Whether what was read so far holds one: nothing more need come then. */
  push(text: string): boolean {
    if (this.#length < BEGINNING) {
      this.#reader.push(text);
    } else {
      const before = this.#last;
      this.#last = text;
      if (before.includes('+0x') || before.includes(CRASH) || SIGN.test(before)) {
        this.#reader.push(before);
      }
    }
    this.#length += text.length;
    return this.#isFound;
  }

  end(): boolean {
    this.#reader.push(this.#last);
    this.#reader.end();
    return this.#isFound;
  }
}

/** Bytes that are put one behind the other. */
const NEWLINE = 0x0a;
const QUESTION_MARK = 0x3f;
const ZERO = 0x30;
/** Digits of a number of 32 bits. */
const MOST_DIGITS = 10;
/** Parts are copied four bytes at a time: reading and writing go so far behind them. */
const WORD = 4;

export class ByteBuffer {
  #bytes: Uint8Array;
  #view: DataView;
  /** How many there are. */
  length = 0;

  /** @param room for so many bytes at first */
  constructor(room: number) {
    this.#bytes = new Uint8Array(room + WORD);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** What is there so far; to be used before anything else is added. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  add(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** The bytes [start, end) of another one. A call of the host for each of so many takes longer. */
  addPart(other: ByteBuffer, start: number, end: number): void {
    this.#makeRoom(end - start);
    const from = other.#view;
    const view = this.#view;
    let to = this.length;
    for (let at = start; at < end; at += WORD) {
      view.setUint32(to, from.getUint32(at, true), true);
      to += WORD;
    }
    this.length += end - start;
  }

  /** The number of a line, a question mark for none, and a newline. */
  addLine(line: number): void {
    this.#makeRoom(MOST_DIGITS + 1);
    const bytes = this.#bytes;
    if (line <= 0) {
      bytes[this.length++] = QUESTION_MARK;
    } else {
      let digits = 1;
      for (let rest = line; rest >= 10; rest = Math.floor(rest / 10)) {
        digits++;
      }
      let rest = line;
      for (let at = this.length + digits - 1; at >= this.length; at--) {
        bytes[at] = ZERO + (rest % 10);
        rest = Math.floor(rest / 10);
      }
      this.length += digits;
    }
    bytes[this.length++] = NEWLINE;
  }

  #makeRoom(count: number): void {
    const room = this.#bytes.length - WORD;
    if (this.length + count > room) {
      const larger = new Uint8Array(Math.max(this.length + count, room * 2) + WORD);
      larger.set(this.bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
  }
}

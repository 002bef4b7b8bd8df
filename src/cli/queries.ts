/** What is asked for, in its order: addresses that are plain numbers, and other texts that may be addresses. */
const NEWLINE = 0x0a;
const ZERO = 0x30;
/** A letter of ASCII with this bit is a small one. */
const SMALL = 0x20;
const SMALL_A = 0x61;
const SMALL_X = 0x78;

const HEX = /^(?:0x)?[\da-f]{1,16}$/i;
/** Characters of a number that is exact whatever its digits are. */
const MOST_EXACT = 13;

export class Queries {
  /** NaN stands for another text. */
  readonly numbers: number[] = [];
  /** By their index in {@link numbers}. */
  readonly others = new Map<number, string>();

  add(text: string): void {
    if (!HEX.test(text)) {
      this.others.set(this.numbers.length, text);
      this.numbers.push(Number.NaN);
      return;
    }
    // Addresses of the kernel take all 64 bits; as debug info has them, they are small negative numbers.
    const number =
      text.length <= MOST_EXACT
        ? Number.parseInt(text, 16)
        : Number(BigInt.asIntN(64, BigInt(`0x${text.replace(/^0x/i, '')}`)));
    if (!Number.isSafeInteger(number)) {
      // No code is there, and it would be told as another address.
      this.others.set(this.numbers.length, text);
    }
    this.numbers.push(Number.isSafeInteger(number) ? number : Number.NaN);
  }

  /** Adds the lines that have an end. @returns how many bytes they take */
  addLines(bytes: Buffer): number {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const number = plainNumber(bytes, start, end);
      if (number >= 0) {
        this.numbers.push(number);
      } else {
        this.add(bytes.toString('latin1', start, end).trim());
      }
      start = end + 1;
    }
    return start;
  }
}

/** The number that bytes are, without a string of each; -1 for what is not plainly one. */
function plainNumber(bytes: Uint8Array, start: number, end: number): number {
  const hasMark = bytes[start] === ZERO && ((bytes[start + 1] ?? 0) | SMALL) === SMALL_X;
  const first = hasMark ? start + 2 : start;
  if (first >= end || end - start > MOST_EXACT) {
    return -1;
  }
  let number = 0;
  for (let at = first; at < end; at++) {
    const byte = bytes[at] ?? 0;
    const digit = byte - ZERO;
    const letter = (byte | SMALL) - SMALL_A;
    if (digit >= 0 && digit < 10) {
      number = number * 16 + digit;
    } else if (letter >= 0 && letter < 6) {
      number = number * 16 + letter + 10;
    } else {
      return -1;
    }
  }
  return number;
}

/** Little-endian bytes of an untrusted file: reading them in order, and saying that they make no sense. */
import { Failure, isFailure } from '../../failure.ts';

export const NOTHING = new Uint8Array(0);

/**
 * Letters of all names of one kind, of a unit, a line table or the sections; those of a whole kernel take some tens of MB.
 * Names may share parts in the file, so a small one could otherwise ask for more memory than there is.
 */
export const MOST_LETTERS = 1 << 26;

/** The longest LEB128 number that is read, padding included; compilers write at most 10 bytes. */
const LONGEST_LEB = 16;

/** A failure for contents that contradict themselves. `what` completes "The debug file is damaged: ...". */
export function damaged(what: string): Failure {
  return new Failure(
    'bad-file',
    `The debug file is damaged: ${what}.`,
    'Copy it from the machine that built it again, or build it again.',
  );
}

/**
 * Runs a reader of untrusted bytes. A `DataView` throws RangeError outside of its bytes, so every
 * read is checked; here that becomes a sentence.
 */
export function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isFailure(error) && error instanceof RangeError) {
      throw damaged('something in it points outside of it');
    }
    throw error;
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * A number of its low 32 bits and what is above. Nearly always that is nothing, and then the sum is not
 * calculated: it would make a floating-point number, for which code that is not compiled yet takes memory.
 */
export function join64(low: number, high: number): number {
  return high === 0 ? low : low + high * 0x1_0000_0000;
}

/** A signed 64-bit number. Kernel addresses (0xffffffff81000000) are small negative numbers, so exact. */
export function int64(view: DataView, at: number): number {
  return join64(view.getUint32(at, true), view.getInt32(at + 4, true));
}

/** Numbers of up to this many bits of a file are exact; larger ones are claims that cannot be true. */
export function uint64(view: DataView, at: number): number {
  return join64(view.getUint32(at, true), view.getUint32(at + 4, true));
}

// Part of every JavaScript host (encoding.spec.whatwg.org), but not of the ES library's types that
// this layer is checked against.
const { TextDecoder } = globalThis as unknown as {
  TextDecoder: new (label: string) => { decode(bytes: Uint8Array): string };
};
type Decoder = InstanceType<typeof TextDecoder>;
let utf8: Decoder | undefined;
let oneByte: Decoder | undefined;

function decodeUtf8(bytes: Uint8Array): string {
  utf8 ??= new TextDecoder('utf-8');
  return utf8.decode(bytes);
}

/** A call with more arguments than this may not fit onto the stack. */
const MOST_ARGUMENTS = 1024;

/** Text of a name; UTF-8. */
export function textOf(bytes: Uint8Array): string {
  if (bytes.length > MOST_ARGUMENTS) {
    return decodeUtf8(bytes);
  }
  for (let at = 0; at < bytes.length; at++) {
    if ((bytes[at] ?? 0) >= 0x80) {
      return decodeUtf8(bytes);
    }
  }
  // Names are short: a decoder takes longer than this, and adding characters makes a string in pieces.
  return Reflect.apply(String.fromCharCode, null, bytes);
}

/** Text with one character a byte, for searching in it with the host's own speed. */
export function searchable(bytes: Uint8Array): string {
  oneByte ??= new TextDecoder('latin1');
  return oneByte.decode(bytes);
}

/** Values that belong into bytes which still lack them. */
export interface Patches {
  /** The value at an offset of the section; null when the bytes there are right as they are. */
  valueAt(offset: number): number | null;
}

/** Reads numbers one after the other. Throws RangeError outside of the bytes. */
export class Cursor {
  #view: DataView | undefined;

  constructor(
    readonly bytes: Uint8Array,
    public position = 0,
    readonly patches: Patches | null = null,
    /** Offset of the first byte in its section: what `patches` count from. */
    readonly origin = 0,
  ) {}

  get view(): DataView {
    this.#view ??= viewOf(this.bytes);
    return this.#view;
  }

  get remaining(): number {
    return this.bytes.length - this.position;
  }

  u8(): number {
    const byte = this.bytes[this.position];
    if (byte === undefined) {
      throw new RangeError('outside');
    }
    this.position++;
    return byte;
  }

  i8(): number {
    return this.view.getInt8(this.position++);
  }

  u16(): number {
    this.position += 2;
    return this.view.getUint16(this.position - 2, true);
  }

  u24(): number {
    return this.u16() + this.u8() * 0x1_0000;
  }

  u32(): number {
    this.position += 4;
    return this.view.getUint32(this.position - 4, true);
  }

  i64(): number {
    this.position += 8;
    return int64(this.view, this.position - 8);
  }

  u64(): number {
    this.position += 8;
    return uint64(this.view, this.position - 8);
  }

  /** A number of so many bytes that a relocation may stand for; null when none does. */
  #patched(size: number): number | null {
    const value = this.patches?.valueAt(this.origin + this.position) ?? null;
    if (value !== null) {
      this.skip(size);
    }
    return value;
  }

  /** An offset or length of DWARF: 4 or 8 bytes. */
  offset(size: number): number {
    return this.#patched(size) ?? (size === 8 ? this.u64() : this.u32());
  }

  /** An address of a target with 4- or 8-byte addresses. */
  address(size: number): number {
    return this.#patched(size) ?? (size === 8 ? this.i64() : this.u32());
  }

  uleb(): number {
    const first = this.bytes[this.position];
    if (first !== undefined && first < 0x80) {
      this.position++;
      return first;
    }
    let byte = this.u8();
    let value = byte & 0x7f;
    let scale = 0x80;
    for (let length = 2; byte >= 0x80; length++) {
      if (length > LONGEST_LEB) {
        throw damaged('a number has no end');
      }
      byte = this.u8();
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    }
    return value;
  }

  sleb(): number {
    let byte = 0x80;
    let value = 0;
    // The same with all bits turned: exact for a negative number, however it is padded.
    let inverse = 0;
    let scale = 1;
    for (let length = 1; byte >= 0x80; length++) {
      if (length > LONGEST_LEB) {
        throw damaged('a number has no end');
      }
      byte = this.u8();
      value += (byte & 0x7f) * scale;
      inverse += (~byte & 0x7f) * scale;
      scale *= 0x80;
    }
    return byte & 0x40 ? -inverse - 1 : value;
  }

  /** Moves on; the position stays inside of the bytes or at their end. */
  skip(count: number): void {
    if (count > this.remaining) {
      throw new RangeError('outside');
    }
    this.position += count;
  }

  /** Moves behind the next zero byte. */
  skipString(): void {
    const end = this.bytes.indexOf(0, this.position);
    if (end < 0) {
      throw new RangeError('outside');
    }
    this.position = end + 1;
  }

  /** Text up to the next zero byte. */
  string(): string {
    const start = this.position;
    this.skipString();
    return textOf(this.bytes.subarray(start, this.position - 1));
  }
}

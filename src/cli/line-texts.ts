/**
 * The texts of many chains as bytes. As strings they would be moved by one garbage collection after the
 * other until they are printed, which takes longer than all the rest.
 */
import type { DebugLine } from '../core/symbols/location.ts';
import { inert } from '../core/text/inert.ts';

const CHUNK = 1 << 20;
/** Bytes of a number of 32 bits, and of what stands around name, path and line. */
const MOST_DIGITS = 10;
const MOST_AROUND = 4 + MOST_DIGITS;
const NEWLINE = 0x0a;
const COLON = 0x3a;
const QUESTION_MARK = 0x3f;
const ZERO = 0x30;

/** Nearly all names are; the expression for what is not takes longer to compile than an answer to find. */
const PLAIN = /^[ -~]*$/;

/** Where a text is. Numbers, not objects: there are as many as addresses. */
export interface TextPlaces {
  readonly chunks: Uint32Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

export class LineTexts {
  readonly #chunks: Uint8Array[] = [];
  #chunk = new Uint8Array(0);
  #at = 0;
  /** Names and paths as they are shown: many lines have the same. */
  readonly #names = new Map<string, Uint8Array>();
  /** What was added last: the next address often has the same. */
  #last: readonly DebugLine[] | undefined;
  #lastStart = 0;

  /** The text of a chain, a line each for function and place; `places` has it from now on at `index`. */
  add(chain: readonly DebugLine[], places: TextPlaces, index: number): void {
    if (chain !== this.#last) {
      this.#write(chain);
      this.#last = chain;
    }
    places.chunks[index] = this.#chunks.length - 1;
    places.starts[index] = this.#lastStart;
    places.ends[index] = this.#at;
  }

  /** A text, which is not to be changed; empty where none was added. */
  get({ chunks, starts, ends }: TextPlaces, index: number): Uint8Array {
    return (
      this.#chunks[chunks[index] ?? 0]?.subarray(starts[index], ends[index]) ?? this.#chunk.subarray(0, 0)
    );
  }

  #write(chain: readonly DebugLine[]): void {
    let most = 0;
    for (const { function: name, path } of chain) {
      most += this.#shown(name).length + this.#shown(path).length + MOST_AROUND;
    }
    if (this.#at + most > this.#chunk.length) {
      this.#chunk = new Uint8Array(Math.max(CHUNK, most));
      this.#chunks.push(this.#chunk);
      this.#at = 0;
    }
    this.#lastStart = this.#at;
    for (const { function: name, path, line } of chain) {
      this.#writeBytes(this.#shown(name));
      this.#writeByte(NEWLINE);
      this.#writeBytes(this.#shown(path));
      this.#writeByte(COLON);
      this.#writeNumber(line);
      this.#writeByte(NEWLINE);
    }
  }

  #writeByte(byte: number): void {
    this.#chunk[this.#at++] = byte;
  }

  #writeBytes(bytes: Uint8Array): void {
    this.#chunk.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #writeNumber(line: number): void {
    if (line <= 0) {
      this.#writeByte(QUESTION_MARK);
      return;
    }
    let digits = 1;
    for (let rest = line; rest >= 10; rest = Math.floor(rest / 10)) {
      digits++;
    }
    let rest = line;
    for (let at = this.#at + digits - 1; at >= this.#at; at--) {
      this.#chunk[at] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.#at += digits;
  }

  #shown(name: string): Uint8Array {
    let bytes = this.#names.get(name);
    if (bytes === undefined) {
      bytes = Buffer.from((PLAIN.test(name) ? name : inert(name)) || '??');
      this.#names.set(name, bytes);
    }
    return bytes;
  }
}

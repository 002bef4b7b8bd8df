import type { Writable } from 'node:stream';
import { encode } from './bytes.ts';

/** Written at once at least, UTF-16 units: a system call for each line would take most of the time. */
const PIECE = 64 * 1024;

/** Collects text, as a ByteDecoder gives it, and writes it in large pieces, no faster than the reader of it takes it. */
export class Output {
  #text = '';

  constructor(private readonly stream: Writable) {}

  add(text: string): void {
    this.#text += text;
  }

  /** Writes when enough has come together. Rejects when the stream has failed. */
  async breathe(): Promise<void> {
    if (this.#text.length >= PIECE) {
      await this.flush();
    }
  }

  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (text !== '') {
      await new Promise<void>((resolve, reject) => {
        this.stream.write(encode(text), (error) => (error ? reject(error) : resolve()));
      });
    }
  }
}

import type { ByteSource } from '../debug-file.ts';
import { damaged, NOTHING } from './bytes.ts';

const PAGE = 1 << 14;
/** Pages kept: 4 MB. More made nothing quicker: the host keeps the file's pages too. */
const MOST_PAGES = 256;

/** Memory that one thing after the other is read into. */
export class ReusedBytes {
  #bytes: Uint8Array = NOTHING;

  /** Memory for so many bytes, which may be that of the call before. */
  take(length: number): Uint8Array {
    if (length > this.#bytes.length) {
      this.#bytes = new Uint8Array(Math.max(length, this.#bytes.length * 2));
    }
    return this.#bytes.subarray(0, length);
  }
}

/** Reads small pieces of a file through pages that are kept, and large ones directly. */
export class PagedSource {
  readonly #pages = new Map<number, Uint8Array>();

  constructor(readonly source: ByteSource) {}

  /**
   * Bytes of [offset, offset + length). Not to be written to: they may be part of a page.
   * @param into what they may be read into: then they are good until it is used again
   */
  read(offset: number, length: number, into?: ReusedBytes): Uint8Array {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.source.size)) {
      throw damaged('it ends before something that it announces');
    }
    const first = Math.floor(offset / PAGE);
    const last = Math.floor((offset + length - 1) / PAGE);
    if (length <= PAGE && first === last) {
      const start = offset - first * PAGE;
      return this.#page(first).subarray(start, start + length);
    }
    return this.#direct(offset, length, into?.take(length));
  }

  #page(number: number): Uint8Array {
    let page = this.#pages.get(number);
    if (page === undefined) {
      if (this.#pages.size >= MOST_PAGES) {
        // The oldest page goes: it was read first.
        for (const oldest of this.#pages.keys()) {
          this.#pages.delete(oldest);
          break;
        }
      }
      const offset = number * PAGE;
      page = this.#direct(offset, Math.min(PAGE, this.source.size - offset));
      this.#pages.set(number, page);
    }
    return page;
  }

  #direct(offset: number, length: number, into?: Uint8Array): Uint8Array {
    const bytes = this.source.read(offset, length, into);
    if (bytes.length !== length) {
      throw damaged('it became shorter while it was read');
    }
    return bytes;
  }
}

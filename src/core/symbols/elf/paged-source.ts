import type { ByteSource } from '../debug-file.ts';
import { damaged } from './bytes.ts';

const PAGE = 1 << 14;
/** Pages kept: 4 MB. More made nothing quicker: the host keeps the file's pages too. */
const MOST_PAGES = 256;

/** Reads small pieces of a file through pages that are kept, and large ones directly. */
export class PagedSource {
  readonly #pages = new Map<number, Uint8Array>();

  constructor(readonly source: ByteSource) {}

  /** Bytes of [offset, offset + length). Not to be written to: they may be part of a page. */
  read(offset: number, length: number): Uint8Array {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.source.size)) {
      throw damaged('it ends before something that it announces');
    }
    const first = Math.floor(offset / PAGE);
    const last = Math.floor((offset + length - 1) / PAGE);
    if (length <= PAGE && first === last) {
      const start = offset - first * PAGE;
      return this.#page(first).subarray(start, start + length);
    }
    return this.#direct(offset, length);
  }

  release(): void {
    this.#pages.clear();
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

  #direct(offset: number, length: number): Uint8Array {
    const bytes = this.source.read(offset, length);
    if (bytes.length !== length) {
      throw damaged('it became shorter while it was read');
    }
    return bytes;
  }
}

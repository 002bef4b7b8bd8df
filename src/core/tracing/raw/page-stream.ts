/** A page of one processor's part of the ring buffer. */
export interface CpuPage {
  readonly cpu: number;
  readonly page: DataView;
}

/** `#zscope-`: what a line of a session begins with. Read as the time stamp of a page it lies a century ahead. */
const LINE_START = [0x23, 0x7a, 0x73, 0x63, 0x6f, 0x70, 0x65, 0x2d];
const NEWLINE = 0x0a;

/**
 * Takes pages out of a session's output: they begin after a line that says so, one behind the other, and end
 * where a line of the session begins.
 */
export class PageStream {
  #cpu = 0;
  #size = 0;
  #isOpen = false;
  #page = new Uint8Array(0);
  #filled = 0;

  /** @param add is given each whole page, which is its own */
  constructor(private readonly add: (page: CpuPage) => void) {}

  /** Pages follow. @param size bytes of each */
  open(cpu: number, size: number): void {
    this.#cpu = cpu;
    this.#size = size;
    this.#isOpen = true;
    this.#filled = 0;
    // One that was begun and given to nobody serves again.
    if (this.#page.length !== size) {
      this.#page = new Uint8Array(size);
    }
  }

  /** Whether what comes next may be a page. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Takes what is of pages.
   * @returns the bytes that follow the pages; empty while these go on
   */
  push(bytes: Uint8Array): Uint8Array {
    let rest = bytes;
    while (rest.length > 0) {
      // The beginning shows what it is: no less is decided on.
      const wanted = this.#filled < LINE_START.length ? LINE_START.length : this.#size;
      const taken = rest.subarray(0, wanted - this.#filled);
      this.#page.set(taken, this.#filled);
      this.#filled += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#filled === LINE_START.length && this.#isLine()) {
        const begun = this.#close();
        const at = bytes.length - rest.length - begun.length;
        // Most often all of it came in one piece.
        return at >= 0 ? bytes.subarray(at) : joined(begun, rest);
      }
      if (this.#filled === this.#size) {
        const { buffer } = this.#page;
        this.add({ cpu: this.#cpu, page: new DataView(buffer) });
        this.#page = new Uint8Array(this.#size);
        this.#filled = 0;
      }
    }
    return rest;
  }

  /** Output ended: what is there of a page is none. */
  end(): void {
    this.#close();
  }

  #isLine(): boolean {
    const at = this.#page[0] === NEWLINE ? 1 : 0;
    return LINE_START.every((byte, i) => i + at >= LINE_START.length || this.#page[i + at] === byte);
  }

  #close(): Uint8Array {
    this.#isOpen = false;
    const begun = this.#page.slice(0, this.#filled);
    this.#filled = 0;
    return begun;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

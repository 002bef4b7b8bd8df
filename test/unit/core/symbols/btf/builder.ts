/** Makes BTF by hand. */

type Part = number | string | readonly Part[];

export class BtfBuilder {
  readonly #types: number[] = [];
  readonly #strings: number[] = [0];
  #count: number;

  /** @param base what it goes on behind: numbers of types and bytes of names, of a kernel */
  constructor(
    readonly base: { readonly types: number; readonly strings: number } = { types: 1, strings: 0 },
  ) {
    this.#count = base.types;
  }

  /**
   * Adds a type; returns its number.
   * @param value size or type as the kind has it
   * @param rest words behind its head; a string is a name
   */
  type(
    kind: number,
    name: string,
    value: number,
    parts = 0,
    rest: readonly Part[] = [],
    flag = false,
  ): number {
    const info = ((flag ? 0x80000000 : 0) | (kind << 24) | parts) >>> 0;
    this.#words([name, info, value, rest]);
    return this.#count++;
  }

  #words(part: Part): void {
    if (typeof part === 'number') {
      this.#types.push(...[0, 8, 16, 24].map((shift) => (part >>> shift) & 0xff));
    } else if (typeof part === 'string') {
      this.#words(this.#string(part));
    } else {
      for (const inner of part) this.#words(inner);
    }
  }

  #string(text: string): number {
    if (text === '') return 0;
    const at = this.base.strings + this.#strings.length;
    this.#strings.push(...new TextEncoder().encode(text), 0);
    return at;
  }

  get end(): { readonly types: number; readonly strings: number } {
    return { types: this.#count, strings: this.base.strings + this.#strings.length };
  }

  bytes(): Uint8Array {
    const head = new DataView(new ArrayBuffer(24));
    head.setUint16(0, 0xeb9f, true);
    head.setUint8(2, 1);
    const words = [24, 0, this.#types.length, this.#types.length, this.#strings.length];
    for (const [i, word] of words.entries()) head.setUint32(4 + 4 * i, word, true);
    return Uint8Array.from([...new Uint8Array(head.buffer), ...this.#types, ...this.#strings]);
  }
}

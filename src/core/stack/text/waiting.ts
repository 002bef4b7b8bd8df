import type { Span } from './items.ts';
import type { Line } from './line.ts';
import type { Output } from './output.ts';

interface Entry {
  readonly at: Span;
  readonly name: string;
  readonly offset: number | null;
  readonly module: string | null;
  readonly reliable: boolean;
}

/** What looks like frames, until a later line tells whether it is a stack. */
export class Waiting {
  #entries: Entry[] = [];

  get length(): number {
    return this.#entries.length;
  }

  /** How many are names with an underscore, which words hardly ever have, and not of capitals alone, as constants are. */
  get named(): number {
    return this.#entries.filter(({ name }) => name.includes('_') && /[a-z]/.test(name)).length;
  }

  /** Whether one of the names is such. */
  has(pattern: RegExp): boolean {
    return this.#entries.some(({ name }) => pattern.test(name));
  }

  /** @param length characters of the frame, which stands at `index` of the line's body */
  add(
    line: Line,
    index: number,
    length: number,
    { name, offset, module, reliable = true }: Omit<Entry, 'at' | 'reliable'> & { reliable?: boolean },
  ): void {
    const start = line.bodyColumn + index;
    this.#entries.push({ at: line.span(start, start + length), name, offset, module, reliable });
  }

  /** The last of them is no frame. */
  dropLast(): void {
    this.#entries.pop();
  }

  clear(): void {
    if (this.#entries.length > 0) {
      this.#entries = [];
    }
  }

  /** Where all names end with `0x` and digits, these are offsets, whose `+` the printer left out. */
  partOffsets(): void {
    const parts = this.#entries.map(({ name }) => /^(.+?)0x([\da-f]{1,12})$/.exec(name));
    if (parts.length < 2 || parts.includes(null)) {
      return;
    }
    this.#entries = this.#entries.map((entry, index) => {
      const [, name = '', offset = ''] = parts[index] ?? [];
      return { ...entry, name, offset: Number.parseInt(offset, 16) };
    });
  }

  /** They are frames. */
  emit(out: Output): void {
    for (const { at, name, offset, module, reliable } of this.#entries) {
      const known = out.name(name);
      out.add({ kind: 'frame', ...at, function: known, offset, size: null, module, reliable });
    }
    this.clear();
  }
}

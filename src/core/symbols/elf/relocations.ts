/** Relocations of a module's debug sections (System V ABI, "Relocation"; elf(5), Elf64_Rela). */
import { damaged, join64, type Patches, uint64, viewOf } from './bytes.ts';
import { type ElfFile, type Section, SHT_RELA } from './elf-file.ts';
import type { ReusedBytes } from './paged-source.ts';
import type { SymbolTable } from './symbol-table.ts';

const ENTRY = 24;
const WORDS = ENTRY / 4;
/** Entries looked at before a table is taken for sorted, as every known assembler and linker writes it. */
const SAMPLES = 5;
/** Entries that are stepped over at first, one by one, then twice as many each time. */
const NEAR = 8;
const MOST_GUESSES = 12;
/** Offsets are read as numbers of 32 bits; debug info of a module takes some hundred MB. */
const MOST_BYTES = 2 ** 32;
const MOST_BOUNDS = 1 << 13;

/** What a relocation stands for: symbol + addend, minus its own place where it is relative. */
interface Kind {
  readonly relative: boolean;
}

/** The kinds that debug sections use. Psabi x86-64, "Relocation Types"; AAELF64, "Static Data relocations". */
const KINDS: Readonly<Record<'x86-64' | 'arm64', Readonly<Record<number, Kind>>>> = {
  'x86-64': {
    1: { relative: false }, // R_X86_64_64
    2: { relative: true }, // R_X86_64_PC32
    10: { relative: false }, // R_X86_64_32
    11: { relative: false }, // R_X86_64_32S
    24: { relative: true }, // R_X86_64_PC64
  },
  arm64: {
    257: { relative: false }, // R_AARCH64_ABS64
    258: { relative: false }, // R_AARCH64_ABS32
    260: { relative: true }, // R_AARCH64_PREL64
    261: { relative: true }, // R_AARCH64_PREL32
  },
};

/** The relocations of one section. */
export class Relocations {
  readonly #count: number;
  readonly #kinds: Readonly<Record<number, Kind>>;
  readonly #sectionSize: number;
  /** Results of searches: where one unit ends, the next one begins. */
  readonly #bounds = new Map<number, number>();
  /** All entries in order; only of a table that is not sorted in the file. */
  #sorted: Uint8Array | undefined;

  private constructor(
    readonly elf: ElfFile,
    readonly table: Section,
    section: Section,
    readonly symbols: SymbolTable,
  ) {
    this.#sectionSize = elf.sizeOf(section);
    if (this.#sectionSize > MOST_BYTES) {
      throw damaged(`its section ${section.name} takes ${this.#sectionSize} bytes`);
    }
    this.#count = Math.floor(elf.sizeOf(table) / ENTRY);
    this.#kinds = KINDS[elf.machine];
    if (!this.#looksSorted()) {
      this.#sorted = this.#sort();
    }
  }

  /** The relocations that apply to a section; null when there are none, as in a linked file. */
  static of(elf: ElfFile, section: Section, symbols: SymbolTable): Relocations | null {
    if (elf.kind !== 'module') {
      return null;
    }
    const table = elf.sections.find(({ type, info }) => type === SHT_RELA && info === section.index);
    return table && table.size >= ENTRY ? new Relocations(elf, table, section, symbols) : null;
  }

  /** Those of the bytes [start, end) of the section. */
  slice(start: number, end: number, into?: ReusedBytes): RelocationSlice {
    const first = this.#bound(start);
    const last = this.#bound(end);
    return new RelocationSlice(this.#entries(first, last, into), this.#kinds, this.symbols);
  }

  #entries(first: number, last: number, into?: ReusedBytes): Uint8Array {
    return this.#sorted
      ? this.#sorted.subarray(first * ENTRY, last * ENTRY)
      : this.elf.read(this.table, first * ENTRY, (last - first) * ENTRY, into);
  }

  #offsetAt(index: number): number {
    return uint64(viewOf(this.#entries(index, index + 1)), 0);
  }

  #bound(offset: number): number {
    let index = this.#bounds.get(offset);
    if (index === undefined) {
      index = this.#lowerBound(offset);
      if (this.#bounds.size < MOST_BOUNDS) {
        this.#bounds.set(offset, index);
      }
    }
    return index;
  }

  /**
   * The first entry whose offset is not below `offset`. Guesses by the share of the
   * section, since entries are spread evenly; after some guesses halves what is left.
   */
  #lowerBound(offset: number): number {
    let low = 0;
    let high = this.#count;
    let lowOffset = 0;
    let highOffset = this.#sectionSize;
    for (let guesses = 0; low < high; guesses++) {
      const share = (offset - lowOffset) / (highOffset - lowOffset);
      const guess = low + Math.floor((high - low) * share);
      const middle = guesses < MOST_GUESSES && guess >= low && guess < high ? guess : (low + high) >>> 1;
      const found = this.#offsetAt(middle);
      if (found < offset) {
        low = middle + 1;
        lowOffset = found;
      } else {
        high = middle;
        highOffset = found;
      }
    }
    return low;
  }

  #looksSorted(): boolean {
    const step = Math.max(1, Math.floor(this.#count / SAMPLES));
    let previous = -1;
    for (let index = 0; index < this.#count; index += step) {
      const offset = this.#offsetAt(index);
      if (offset < previous) {
        return false;
      }
      previous = offset;
    }
    return true;
  }

  #sort(): Uint8Array {
    const all = this.#entries(0, this.#count);
    const view = viewOf(all);
    const order = Uint32Array.from({ length: this.#count }, (_, index) => index);
    order.sort((a, b) => uint64(view, a * ENTRY) - uint64(view, b * ENTRY) || a - b);
    const sorted = new Uint8Array(this.#count * ENTRY);
    for (const [place, index] of order.entries()) {
      sorted.set(all.subarray(index * ENTRY, (index + 1) * ENTRY), place * ENTRY);
    }
    return sorted;
  }
}

/** The relocations of a part of a section, sorted by offset. Written for few calls: they are asked for nearly every address. */
export class RelocationSlice implements Patches {
  /** Six words for each entry: offset, type and symbol, addend; the low word first. */
  readonly #words: Uint32Array;
  /** Where the last search ended, in words: the next one is mostly just behind it. */
  #near = 0;
  /** The symbol that was asked for last, mostly that of a section, and its address. */
  #symbol = -1;
  #address = 0;

  constructor(
    entries: Uint8Array,
    readonly kinds: Readonly<Record<number, Kind>>,
    readonly symbols: SymbolTable,
  ) {
    // Words instead of a view: they are read for nearly every attribute. They must be aligned.
    const { buffer, byteOffset, length } = entries.byteOffset % 4 === 0 ? entries : entries.slice();
    this.#words = new Uint32Array(buffer, byteOffset, length / 4);
  }

  get byteLength(): number {
    return this.#words.byteLength;
  }

  /** The value that belongs at an offset of the section; null when no relocation applies there. */
  valueAt(offset: number): number | null {
    const words = this.#words;
    let at = this.#near;
    if (at > 0 && (words[at - WORDS] ?? 0) >= offset) {
      at = 0;
    }
    const close = Math.min(words.length, at + NEAR * WORDS);
    while (at < close && (words[at] ?? 0) < offset) {
      at += WORDS;
    }
    if (at === close) {
      at = this.#search(at, offset);
    }
    this.#near = at;
    return words[at] === offset ? this.#value(at) : null;
  }

  /** The first entry from one on whose offset is not below `offset`: twice as far with each step, then between two. */
  #search(from: number, offset: number): number {
    const words = this.#words;
    let low = from;
    let high = from;
    for (let step = NEAR; high < words.length && (words[high] ?? 0) < offset; step *= 2) {
      low = high + WORDS;
      high = Math.min(words.length, high + step * WORDS);
    }
    while (low < high) {
      const middle = low + WORDS * Math.floor((high - low) / WORDS / 2);
      if ((words[middle] ?? 0) < offset) {
        low = middle + WORDS;
      } else {
        high = middle;
      }
    }
    return low;
  }

  #value(at: number): number | null {
    const words = this.#words;
    const kind = this.kinds[words[at + 2] ?? 0];
    if (!kind) {
      return null;
    }
    const symbol = words[at + 3] ?? 0;
    if (symbol !== this.#symbol) {
      this.#symbol = symbol;
      this.#address = this.symbols.address(symbol);
    }
    // Addends are signed.
    const value = this.#address + join64(words[at + 4] ?? 0, (words[at + 5] ?? 0) | 0);
    return kind.relative ? value - (words[at] ?? 0) : value;
  }
}

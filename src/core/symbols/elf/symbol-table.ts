/** Symbols of an ELF file (System V ABI, "Symbol Table"; elf(5), Elf64_Sym). */
import { ascending, countAtMost } from '../ascending.ts';
import { int64, NOTHING, searchable, textOf, uint64, viewOf } from './bytes.ts';
import { type ElfFile, type Section, SHT_DYNSYM, SHT_SYMTAB, SHT_SYMTAB_SHNDX } from './elf-file.ts';
import type { Layout } from './layout.ts';
import { gapsBehind } from './module-memory.ts';

const ENTRY = 24;
const WORDS = ENTRY / 4;
const SHN_LORESERVE = 0xff00;
const SHN_XINDEX = 0xffff;
const STT_NOTYPE = 0;
const STT_FUNC = 2;
const STT_SECTION = 3;
const STT_FILE = 4;
const STT_TLS = 6;
const STT_GNU_IFUNC = 10;

/** A name that so many others end in is looked for in one pass over the table. */
const FEW = 16;

/** Extents that are found in a pass over the table each; more are worth having the table in order. */
const FEW_EXTENTS = 3;

/** Names of C++ reach some thousands of letters. */
const LONGEST_NAME = 1 << 16;

/** A symbol that has an address. */
export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  /** Index of its section. */
  readonly section: number;
  /** In the {@link Layout}. */
  readonly address: number;
  /** In bytes. */
  readonly size: number;
}

interface SortedFunctions {
  readonly addresses: Float64Array;
  /** Index of the symbol at each of them. */
  readonly functions: Uint32Array;
}

export class SymbolTable {
  readonly count: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #words: Uint32Array;
  readonly #sections: DataView;
  readonly #layout: Layout;
  readonly #isModule: boolean;
  readonly #nameSection: Section | undefined;
  #nameBytes: Uint8Array | undefined;
  #text: string | undefined;
  #extents = 0;
  #boundaries: Float64Array | undefined;
  #functions: SortedFunctions | undefined;

  readonly #elf: ElfFile;

  constructor(elf: ElfFile, layout: Layout) {
    this.#elf = elf;
    const { sections } = elf;
    const table =
      sections.find(({ type }) => type === SHT_SYMTAB) ?? sections.find(({ type }) => type === SHT_DYNSYM);
    const extended = sections.find(({ type, link }) => type === SHT_SYMTAB_SHNDX && link === table?.index);
    const contents = (section: Section | undefined) => (section ? elf.contents(section) : NOTHING);
    // A typed array of words must start at a multiple of four.
    const bytes = contents(table);
    this.#bytes = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    this.count = Math.floor(this.#bytes.length / ENTRY);
    this.#view = viewOf(this.#bytes);
    this.#words = new Uint32Array(this.#bytes.buffer, this.#bytes.byteOffset, this.count * WORDS);
    this.#nameSection = table && sections[table.link];
    this.#sections = viewOf(contents(extended));
    this.#layout = layout;
    this.#isModule = elf.kind === 'module';
  }

  /** Read when a name is asked for: relocations need none. */
  get #names(): Uint8Array {
    this.#nameBytes ??= this.#nameSection ? this.#elf.contents(this.#nameSection) : NOTHING;
    return this.#nameBytes;
  }

  /** The address that relocations against a symbol start from; 0 for what is defined elsewhere. */
  address(index: number): number {
    if (index >= this.count) {
      return 0;
    }
    const at = index * ENTRY;
    const value = int64(this.#view, at + 8);
    // In a relocatable file a value is an offset into the symbol's section, else an address.
    return this.#isModule ? this.#layout.start(this.#section(index)) + value : value;
  }

  /** Symbols of exactly this name that have an address, in file order. */
  named(name: string): ElfSymbol[] {
    return this.#indicesNamed(name)
      .filter((index) => this.#hasAddress(index))
      .map((index) => this.#symbol(index));
  }

  /** Names that start like this one; of very many the first. */
  namesStartingWith(start: string): string[] {
    const text = this.#searchableNames();
    const found: string[] = [];
    for (
      let at = text.indexOf(`\0${start}`);
      at >= 0 && found.length < FEW;
      at = text.indexOf(`\0${start}`, at + 1)
    ) {
      const end = text.indexOf('\0', at + 1);
      found.push(text.slice(at + 1, end < 0 ? undefined : end));
    }
    return found;
  }

  /**
   * Bytes from a symbol to the next one, or to the end of all code: what the kernel takes for its size
   * (kernel/module/kallsyms.c, find_kallsyms_symbol). Several numbers where that depends on the kernel.
   * Of a linked file up to the end of the section at most.
   */
  extents(symbol: ElfSymbol): readonly [number, ...number[]] {
    const end = this.#layout.end(symbol.section);
    const next = this.#nextBoundary(symbol.address, symbol.section);
    if (next <= end || !this.#isModule) {
      return [Math.min(next, end) - symbol.address];
    }
    const [gap = 0, ...others] = gapsBehind(this.#elf, symbol.section, (section) => {
      const start = this.#layout.start(section);
      const first = this.#nextBoundary(start - 1, section);
      return first <= this.#layout.end(section) ? first - start : null;
    }).map((behind) => end + behind - symbol.address);
    return [gap, ...others];
  }

  /** The first of {@link extents}. */
  extent(symbol: ElfSymbol): number {
    return this.extents(symbol)[0];
  }

  /** Where the next symbol begins; behind the section when it is in none that follows there. */
  #nextBoundary(address: number, section: number): number {
    this.#extents++;
    const isPlain = this.#isModule && section < SHN_LORESERVE;
    if (this.#boundaries === undefined && isPlain && this.#extents <= FEW_EXTENTS) {
      return this.#nextInSection(address, section);
    }
    const boundaries = this.#sortedBoundaries();
    const next = countAtMost(address, boundaries);
    return boundaries[next] ?? Number.POSITIVE_INFINITY;
  }

  /** The same in one pass; words only, since a first frame goes through code that is not compiled yet. */
  #nextInSection(address: number, section: number): number {
    const words = this.#words;
    const start = this.#layout.start(section);
    const from = address - start;
    let next = Number.POSITIVE_INFINITY;
    for (let at = WORDS; at < words.length; at += WORDS) {
      const value = words[at + 2] ?? 0;
      if (value > from && value < next && (words[at + 1] ?? 0) >>> 16 === section) {
        next = this.#isBoundary(at / WORDS) ? value : next;
      }
    }
    return start + next;
  }

  /**
   * The last symbol of code in the section that is not behind an address: like the kernel, and like
   * addr2line, it takes the padding behind a function for a part of it. Much of a kernel's entry code has
   * symbols without a type (include/linux/linkage.h, SYM_CODE_START and SYM_INNER_LABEL).
   */
  functionAt(address: number): ElfSymbol | null {
    const { addresses, functions } = this.#sortedFunctions();
    const index = functions[countAtMost(address, addresses) - 1];
    if (index === undefined) {
      return null;
    }
    const symbol = this.#symbol(index);
    return symbol.section === this.#layout.sectionAt(address) ? symbol : null;
  }

  #symbol(index: number): ElfSymbol {
    const at = index * ENTRY;
    return {
      index,
      name: this.#name(index),
      section: this.#isModule
        ? this.#section(index)
        : // A linked file's symbols are where their addresses are, whatever the index says.
          this.#layout.sectionAt(this.address(index)),
      address: this.address(index),
      size: uint64(this.#view, at + 16),
    };
  }

  #name(index: number): string {
    const start = this.#view.getUint32(index * ENTRY, true);
    const name = this.#names.subarray(start, start + LONGEST_NAME);
    const end = name.indexOf(0);
    return textOf(name.subarray(0, end < 0 ? undefined : end));
  }

  #type(index: number): number {
    return this.#view.getUint8(index * ENTRY + 4) & 0xf;
  }

  /** Index of a symbol's section; 0 for none. */
  #section(index: number): number {
    const short = this.#view.getUint16(index * ENTRY + 6, true);
    if (short === SHN_XINDEX) {
      const at = index * 4;
      return at + 4 <= this.#sections.byteLength ? this.#sections.getUint32(at, true) : 0;
    }
    return short >= SHN_LORESERVE ? 0 : short;
  }

  #hasAddress(index: number): boolean {
    const type = this.#type(index);
    return this.#section(index) !== 0 && type !== STT_SECTION && type !== STT_FILE && type !== STT_TLS;
  }

  #searchableNames(): string {
    this.#text ??= searchable(this.#names);
    return this.#text;
  }

  /**
   * Indices of the symbols of a name. Names may share their ends (`stat` inside of `fstat`), so every
   * place where the name ends counts. The searches run at the host's own speed, which matters for
   * the first frame; a map of all names would cost more than the rest of the answer.
   */
  #indicesNamed(name: string): number[] {
    if (name === '' || name.includes('\0')) {
      return [];
    }
    const text = this.#searchableNames();
    const pattern = `${name}\0`;
    const starts: number[] = [];
    for (
      let at = text.indexOf(pattern);
      at >= 0 && starts.length <= FEW;
      at = text.indexOf(pattern, at + 1)
    ) {
      starts.push(at);
    }
    const found: number[] = [];
    if (starts.length > FEW) {
      for (let index = 0; index < this.count; index++) {
        if (text.startsWith(pattern, this.#words[index * WORDS])) {
          found.push(index);
        }
      }
      return found;
    }
    for (const start of starts) {
      for (let at = this.#words.indexOf(start); at >= 0; at = this.#words.indexOf(start, at + 1)) {
        if (at % WORDS === 0) {
          found.push(at / WORDS);
        }
      }
    }
    return found.sort((a, b) => a - b);
  }

  /**
   * Whether the kernel lets a symbol end at this one: not at one without a name, nor at what assemblers
   * mark code and data with, `$x`, `.L1`, `L0` (include/linux/module_symbol.h, is_mapping_symbol).
   */
  #isBoundary(index: number): boolean {
    const name = this.#view.getUint32(index * ENTRY, true);
    const first = this.#names[name] ?? 0;
    const second = this.#names[name + 1];
    const isMark =
      first === 0x24 || (first === 0x2e && second === 0x4c) || (first === 0x4c && second === 0x30);
    return first !== 0 && !isMark && this.#hasAddress(index);
  }

  /** Addresses of all symbols, ascending. */
  #sortedBoundaries(): Float64Array {
    if (!this.#boundaries) {
      const addresses: number[] = [];
      for (let index = 1; index < this.count; index++) {
        if (this.#isBoundary(index)) {
          addresses.push(this.address(index));
        }
      }
      this.#boundaries = Float64Array.from(addresses).sort();
    }
    return this.#boundaries;
  }

  /** Symbols of code by ascending address; of aliases functions come last, of these the first. */
  #sortedFunctions(): SortedFunctions {
    if (!this.#functions) {
      const functions: number[] = [];
      const labels: number[] = [];
      for (let index = 1; index < this.count; index++) {
        const type = this.#type(index);
        if (this.#section(index) !== 0 && (type === STT_FUNC || type === STT_GNU_IFUNC)) {
          functions.push(index);
        } else if (type === STT_NOTYPE && this.#isBoundary(index)) {
          labels.push(index);
        }
      }
      const ofAliases = Uint32Array.from([...labels, ...functions.reverse()]);
      const addresses = Float64Array.from(ofAliases, (index) => this.address(index));
      const { sorted, indices } = ascending(addresses, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
      this.#functions = { addresses: sorted, functions: indices.map((at) => ofAliases[at] ?? 0) };
    }
    return this.#functions;
  }
}

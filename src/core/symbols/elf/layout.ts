/** One number for every address, also in a module whose sections have none yet. */
import { countAtMost } from '../ascending.ts';
import type { SectionAddress } from '../debug-file.ts';
import { type ElfFile, SHF_ALLOC, SHF_EXECINSTR } from './elf-file.ts';

/** Space between sections, so that the end of one is not the start of the next. */
const GAP = 0x1000;

/**
 * Where the sections of a file lie. Those of a linked file lie at their addresses. Those of a module
 * all start at 0 in the file: here they are laid out one behind the other, so that `.text+0x10` and
 * `.init.text+0x10` are different numbers, in debug info too once relocations are applied.
 */
export class Layout {
  /** Start of each section by its index; 0 for sections that are not loaded (debug info). */
  readonly starts: readonly number[];
  /** Indices of loaded sections by ascending start. */
  readonly #loaded: readonly number[];
  readonly #loadedStarts: Float64Array;
  #names: Map<string, number> | undefined;

  constructor(readonly elf: ElfFile) {
    const { sections } = elf;
    const starts = new Array<number>(sections.length).fill(0);
    this.starts = starts;
    const loaded = sections.filter(({ flags }) => flags & SHF_ALLOC);
    let next = GAP;
    for (const { index, address, size } of loaded) {
      starts[index] = elf.kind === 'module' ? next : address;
      next += size + GAP;
    }
    this.#loaded = loaded
      .filter(({ size }) => size > 0)
      .map(({ index }) => index)
      .sort((a, b) => this.start(a) - this.start(b));
    this.#loadedStarts = Float64Array.from(this.#loaded, (index) => this.start(index));
  }

  start(index: number): number {
    return this.starts[index] ?? 0;
  }

  /** End of a section: the address after its last byte. */
  end(index: number): number {
    return this.start(index) + (this.elf.sections[index]?.size ?? 0);
  }

  /** Index of the section that holds an address; -1 for none. */
  sectionAt(address: number): number {
    const index = this.#loaded[countAtMost(address, this.#loadedStarts) - 1];
    return index !== undefined && address < this.end(index) ? index : -1;
  }

  /** False for what debug info says about code that the linker dropped: it is at 0 or at -1. */
  isCode(address: number): boolean {
    const section = this.elf.sections[this.sectionAt(address)];
    return section !== undefined && (section.flags & SHF_EXECINSTR) !== 0;
  }

  /** Name of a section; with its index where several have the name: `.text.hot[7]`. */
  nameOf(index: number): string {
    const name = this.elf.sections[index]?.name ?? '';
    return this.#byName().get(name) === index ? name : `${name}[${index}]`;
  }

  /** An address as people write it; null when no section holds it. */
  describe(address: number): SectionAddress | null {
    const index = this.sectionAt(address);
    return index < 0 ? null : { section: this.nameOf(index), offset: address - this.start(index) };
  }

  /** Where a section begins and ends; null when it is not there. */
  rangeOf(section: string): { readonly start: number; readonly end: number } | null {
    const index = this.#byName().get(section);
    return index === undefined ? null : { start: this.start(index), end: this.end(index) };
  }

  /** The number for an address in a section; null when the section is not there or shorter. */
  locate({ section, offset }: SectionAddress): number | null {
    const range = this.rangeOf(section);
    return range && offset >= 0 && range.start + offset < range.end ? range.start + offset : null;
  }

  #byName(): ReadonlyMap<string, number> {
    if (!this.#names) {
      this.#names = new Map();
      for (const index of this.#loaded) {
        const name = this.elf.sections[index]?.name ?? '';
        this.#names.set(this.#names.has(name) ? `${name}[${index}]` : name, index);
      }
    }
    return this.#names;
  }
}

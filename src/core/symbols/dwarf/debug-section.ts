/** Contents of the `.debug_*` sections with relocations applied. */
import { Cursor, damaged, textOf } from '../elf/bytes.ts';
import type { ElfFile, Section } from '../elf/elf-file.ts';
import type { ReusedBytes } from '../elf/paged-source.ts';
import { type RelocationSlice, Relocations } from '../elf/relocations.ts';
import type { SymbolTable } from '../elf/symbol-table.ts';

/** Lists of one unit lie together and mostly take less than this. */
const WINDOW = 1 << 15;
const FIRST_TRY = 64;
/** C++ names reach some thousands of characters. */
const LONGEST_STRING = 1 << 16;

export class DebugSection {
  readonly size: number;
  #relocations: Relocations | null | undefined;
  /** The part that was read last. */
  #window: { readonly start: number; readonly end: number; readonly cursor: Cursor } | undefined;

  constructor(
    readonly elf: ElfFile,
    readonly section: Section,
    readonly symbols: () => SymbolTable,
  ) {
    this.size = elf.sizeOf(section);
  }

  /** Bytes as they are in the file; see {@link relocationsOf}. Not to be written to. */
  raw(start: number, length: number, into?: ReusedBytes): Uint8Array {
    return this.elf.read(this.section, start, length, into);
  }

  relocationsOf(start: number, length: number, into?: ReusedBytes): RelocationSlice | null {
    return this.#table()?.slice(start, start + length, into) ?? null;
  }

  /** Reads the bytes [start, start + length); addresses and offsets as they are after relocation. */
  cursor(start: number, length: number): Cursor {
    return new Cursor(this.raw(start, length), 0, this.relocationsOf(start, length), start);
  }

  /**
   * Runs a reader of something whose length is not known beforehand. It gets as many bytes as it
   * turns out to take, so it may run more than once. It must not keep the cursor.
   */
  reading<T>(offset: number, read: (cursor: Cursor) => T): T {
    if (!(offset >= 0 && offset < this.size)) {
      throw damaged(`something points outside of its section ${this.section.name}`);
    }
    for (let length = WINDOW; ; length *= 4) {
      const { start, end, cursor } = this.#windowAt(offset, length);
      cursor.position = offset - start;
      try {
        return read(cursor);
      } catch (error) {
        if (!(error instanceof RangeError) || end >= this.size) {
          throw error;
        }
      }
    }
  }

  /** The string at an offset, up to its zero byte. */
  string(offset: number): string {
    for (let length = FIRST_TRY; ; length *= 4) {
      const bytes = this.raw(offset, Math.max(0, Math.min(length, this.size - offset)));
      const end = bytes.indexOf(0);
      if (end >= 0) {
        return textOf(bytes.subarray(0, end));
      }
      if (offset + bytes.length >= this.size || length > LONGEST_STRING) {
        throw damaged(`a string in ${this.section.name} has no end`);
      }
    }
  }

  #table(): Relocations | null {
    if (this.#relocations === undefined) {
      this.#relocations =
        this.elf.kind === 'module' ? Relocations.of(this.elf, this.section, this.symbols()) : null;
    }
    return this.#relocations;
  }

  /** A part that contains `offset`; a new one has `length` bytes from there on, or all the rest. */
  #windowAt(offset: number, length: number): { start: number; end: number; cursor: Cursor } {
    const kept = this.#window;
    if (kept && offset >= kept.start && offset < kept.end && length === WINDOW) {
      return kept;
    }
    // What is asked for next may be a little before.
    const start = Math.max(0, offset - WINDOW / 4);
    const end = Math.min(offset + length, this.size);
    this.#window = { start, end, cursor: this.cursor(start, end - start) };
    return this.#window;
  }
}

/** The debug sections of a file; null for those that it does not have. */
export interface DebugSections {
  readonly info: DebugSection;
  readonly abbrev: DebugSection;
  readonly line: DebugSection | null;
  readonly str: DebugSection | null;
  readonly lineStr: DebugSection | null;
  readonly strOffsets: DebugSection | null;
  readonly addr: DebugSection | null;
  readonly ranges: DebugSection | null;
  readonly rnglists: DebugSection | null;
  readonly aranges: DebugSection | null;
  readonly loc: DebugSection | null;
  readonly loclists: DebugSection | null;
  readonly frame: DebugSection | null;
}

/** The sections, or null when the file has no debug info. */
export function debugSections(elf: ElfFile, symbols: () => SymbolTable): DebugSections | null {
  const find = (name: string): DebugSection | null => {
    const section = elf.section(name);
    return section && section.size > 0 ? new DebugSection(elf, section, symbols) : null;
  };
  const info = find('.debug_info');
  const abbrev = find('.debug_abbrev');
  return (
    info &&
    abbrev && {
      info,
      abbrev,
      line: find('.debug_line'),
      str: find('.debug_str'),
      lineStr: find('.debug_line_str'),
      strOffsets: find('.debug_str_offsets'),
      addr: find('.debug_addr'),
      ranges: find('.debug_ranges'),
      rnglists: find('.debug_rnglists'),
      aranges: find('.debug_aranges'),
      loc: find('.debug_loc'),
      loclists: find('.debug_loclists'),
      frame: find('.debug_frame'),
    }
  );
}

/** The entries of a unit and the values of their attributes (DWARF 5, sections 7.5.4 to 7.5.6). */
import { Cursor, damaged } from '../elf/bytes.ts';
import { ReusedBytes } from '../elf/paged-source.ts';
import type { RelocationSlice } from '../elf/relocations.ts';
import { type Abbreviation, Abbreviations, STRIDE, skipForm, skipStep } from './abbreviations.ts';
import * as dw from './constants.ts';
import type { DebugSections } from './debug-section.ts';
import { readUnitHeader, type UnitHeader } from './unit-header.ts';
import { type Bases, readRoot, type UnitRoot } from './unit-root.ts';

/** What one unit after the other is read with. */
export class UnitScratch {
  readonly bytes = new ReusedBytes();
  readonly relocations = new ReusedBytes();
  /** Strings of `.debug_str` by their offset: units have most of their names in common. */
  readonly #strings = new Map<number, string>();
  #letters = 0;

  string(offset: number): string | undefined {
    return this.#strings.get(offset);
  }

  keepString(offset: number, text: string): void {
    if (this.#strings.size < MOST_STRINGS && this.#letters < MOST_KEPT_LETTERS) {
      this.#strings.set(offset, text);
      this.#letters += text.length;
    }
  }
}

/** Strings that are kept for the next units, and letters of all of them. */
const MOST_STRINGS = 1 << 16;
const MOST_KEPT_LETTERS = 1 << 23;

interface UnitOptions {
  /** How much of the unit to read at most, when only `root` is wanted. */
  readonly most?: number;
  /** What it is read into; then it must not be used any more once another one is. */
  readonly scratch?: UnitScratch;
}

/** The largest units, made by link-time optimization of a kernel, take some tens of MB. */
const MOST_BYTES = 1 << 28;

/** Offset of the first entry of `.debug_str_offsets` and the like when a unit does not say. */
const headSize = (header: UnitHeader): number => (header.offsetSize === 8 ? 16 : 8);

export class UnitReader {
  readonly header: UnitHeader;
  readonly abbreviations: Abbreviations;
  readonly root: UnitRoot;
  readonly bases: Bases;
  readonly #bytes: Uint8Array;
  readonly #relocations: RelocationSlice | null;
  readonly #scratch: UnitScratch | undefined;

  /** @param start where the unit begins in `.debug_info` */
  constructor(
    readonly sections: DebugSections,
    start: number,
    { most = Number.POSITIVE_INFINITY, scratch }: UnitOptions = {},
  ) {
    const { info } = sections;
    this.#scratch = scratch;
    const length = Math.min(most, readUnitHeader(info, start, null).end - start);
    if (length > MOST_BYTES) {
      throw damaged(`one of its units takes ${length} bytes`);
    }
    this.#bytes = info.raw(start, length, scratch?.bytes);
    this.#relocations = info.relocationsOf(start, length, scratch?.relocations);
    const header = readUnitHeader(info, start, this.#relocations);
    this.header = header;
    this.abbreviations = abbreviationsOf(sections, header);
    this.bases = { strings: headSize(header), addresses: headSize(header), rangeLists: 0, locationLists: 0 };
    this.root = readRoot(this);
  }

  /** Bytes that it keeps. */
  get weight(): number {
    return this.#bytes.length + (this.#relocations?.byteLength ?? 0);
  }

  /** At an entry; `offset` is that in `.debug_info`. Positions of cursors count from the unit's start. */
  cursor(offset = this.header.root): Cursor {
    if (offset < this.header.root || offset >= this.header.end) {
      throw damaged('an entry refers to one outside of its unit');
    }
    const { start } = this.header;
    return new Cursor(this.#bytes, offset - start, this.#relocations, start);
  }

  /**
   * A number: an address, a constant, a flag, an offset into another section, or for a reference the
   * offset of the entry in `.debug_info`. Indices of tables stay indices, except those of addresses.
   * Moves behind other values and returns 0 for them.
   */
  number(cursor: Cursor, form: number, implicit: number): number {
    const { header } = this;
    switch (form) {
      case dw.FORM_ADDR:
        return cursor.address(header.addressSize);
      case dw.FORM_SEC_OFFSET:
      case dw.FORM_STRP:
      case dw.FORM_LINE_STRP:
        return cursor.offset(header.offsetSize);
      case dw.FORM_REF_ADDR:
        return cursor.offset(header.version <= 2 ? header.addressSize : header.offsetSize);
      case dw.FORM_DATA1:
      case dw.FORM_FLAG:
      case dw.FORM_STRX1:
        return cursor.u8();
      case dw.FORM_DATA2:
      case dw.FORM_STRX2:
        return cursor.u16();
      case dw.FORM_STRX3:
        return cursor.u24();
      case dw.FORM_DATA4:
        // DWARF 2 and 3 have no form of its own for offsets.
        return header.version <= 3 ? cursor.offset(4) : cursor.u32();
      case dw.FORM_STRX4:
        return cursor.u32();
      case dw.FORM_DATA8:
        return header.version <= 3 ? cursor.address(8) : cursor.i64();
      case dw.FORM_SDATA:
        return cursor.sleb();
      case dw.FORM_UDATA:
      case dw.FORM_STRX:
      case dw.FORM_LOCLISTX:
      case dw.FORM_RNGLISTX:
      case dw.FORM_GNU_STR_INDEX:
        return cursor.uleb();
      case dw.FORM_REF1:
        return header.start + cursor.u8();
      case dw.FORM_REF2:
        return header.start + cursor.u16();
      case dw.FORM_REF4:
        return header.start + cursor.u32();
      case dw.FORM_REF8:
        return header.start + cursor.u64();
      case dw.FORM_REF_UDATA:
        return header.start + cursor.uleb();
      case dw.FORM_ADDRX:
      case dw.FORM_GNU_ADDR_INDEX:
        return this.#addressAt(cursor.uleb());
      case dw.FORM_ADDRX1:
        return this.#addressAt(cursor.u8());
      case dw.FORM_ADDRX2:
        return this.#addressAt(cursor.u16());
      case dw.FORM_ADDRX3:
        return this.#addressAt(cursor.u24());
      case dw.FORM_ADDRX4:
        return this.#addressAt(cursor.u32());
      case dw.FORM_FLAG_PRESENT:
        return 1;
      case dw.FORM_IMPLICIT_CONST:
        return implicit;
      case dw.FORM_INDIRECT: {
        const actual = cursor.uleb();
        if (actual === dw.FORM_INDIRECT || actual === dw.FORM_IMPLICIT_CONST) {
          throw damaged('an indirect form is indirect again');
        }
        return this.number(cursor, actual, 0);
      }
      default:
        skipForm(cursor, form, header);
        return 0;
    }
  }

  /** Offset of the entry that is referred to; null for one in a supplementary file or in a type unit. */
  reference(cursor: Cursor, form: number): number | null {
    switch (form) {
      case dw.FORM_REF_SUP4:
      case dw.FORM_REF_SUP8:
      case dw.FORM_REF_SIG8:
      case dw.FORM_GNU_REF_ALT:
        skipForm(cursor, form, this.header);
        return null;
      default:
        return this.number(cursor, form, 0);
    }
  }

  /** Bytes of a block or an expression; null for other values, which it moves behind. */
  block(cursor: Cursor, form: number): Uint8Array | null {
    let length: number;
    switch (form) {
      case dw.FORM_EXPRLOC:
      case dw.FORM_BLOCK:
        length = cursor.uleb();
        break;
      case dw.FORM_BLOCK1:
        length = cursor.u8();
        break;
      case dw.FORM_BLOCK2:
        length = cursor.u16();
        break;
      case dw.FORM_BLOCK4:
        length = cursor.u32();
        break;
      default:
        skipForm(cursor, form, this.header);
        return null;
    }
    const start = cursor.position;
    cursor.skip(length);
    return cursor.bytes.subarray(start, start + length);
  }

  /** A string; empty for one in a supplementary file, and for other values. */
  string(cursor: Cursor, form: number): string {
    switch (form) {
      case dw.FORM_STRING:
        return cursor.string();
      case dw.FORM_STRP:
        return this.#debugString(this.number(cursor, form, 0));
      case dw.FORM_LINE_STRP:
        return this.sections.lineStr?.string(this.number(cursor, form, 0)) ?? '';
      case dw.FORM_STRX:
      case dw.FORM_STRX1:
      case dw.FORM_STRX2:
      case dw.FORM_STRX3:
      case dw.FORM_STRX4:
      case dw.FORM_GNU_STR_INDEX:
        return this.#stringAt(this.number(cursor, form, 0));
      default:
        skipForm(cursor, form, this.header);
        return '';
    }
  }

  /** Calls back for every attribute of the entry at the cursor; who does not read the value skips it. */
  forEachAttribute(
    cursor: Cursor,
    abbreviation: Abbreviation,
    visit: (attribute: number, form: number, implicit: number) => void,
  ): void {
    const { attributes } = this.abbreviations;
    for (let at = abbreviation.firstAttribute; at < abbreviation.lastAttribute; at += STRIDE) {
      const before = cursor.position;
      const form = attributes[at + 1] ?? 0;
      visit(attributes[at] ?? 0, form, attributes[at + 2] ?? 0);
      if (cursor.position === before) {
        skipStep(cursor, attributes[at + 3] ?? 0, this.header);
      }
    }
  }

  /** Moves from behind the abbreviation code of an entry to behind all that is inside of it. */
  skipEntry(cursor: Cursor, abbreviation: Abbreviation): void {
    if (this.#jump(cursor, abbreviation)) {
      return;
    }
    for (let depth = abbreviation.hasChildren ? 1 : 0; depth > 0 && cursor.remaining > 0; ) {
      const code = cursor.uleb();
      if (code === 0) {
        depth--;
        continue;
      }
      const inner = this.abbreviations.get(code);
      if (!this.#jump(cursor, inner) && inner.hasChildren) {
        depth++;
      }
    }
  }

  /** Goes to the next sibling if the entry says where that is, else behind its attributes. */
  #jump(cursor: Cursor, abbreviation: Abbreviation): boolean {
    const { siblingAt, siblingForm } = abbreviation;
    if (!abbreviation.hasChildren || siblingAt < 0) {
      this.abbreviations.skip(cursor, abbreviation);
      return false;
    }
    const before = cursor.position;
    cursor.skip(siblingAt);
    const sibling =
      siblingForm === dw.FORM_REF4 ? cursor.u32() : this.number(cursor, siblingForm, 0) - this.header.start;
    if (sibling <= before || sibling > cursor.bytes.length) {
      throw damaged('an entry says that the next one is before it or outside of its unit');
    }
    cursor.position = sibling;
    return true;
  }

  #addressAt(index: number): number {
    const { addressSize } = this.header;
    return (
      this.sections.addr?.reading(this.bases.addresses + index * addressSize, (cursor) =>
        cursor.address(addressSize),
      ) ?? 0
    );
  }

  #stringAt(index: number): string {
    const { offsetSize } = this.header;
    const offset = this.sections.strOffsets?.reading(this.bases.strings + index * offsetSize, (cursor) =>
      cursor.offset(offsetSize),
    );
    return offset === undefined ? '' : this.#debugString(offset);
  }

  #debugString(offset: number): string {
    const kept = this.#scratch?.string(offset);
    if (kept !== undefined) {
      return kept;
    }
    const text = this.sections.str?.string(offset) ?? '';
    this.#scratch?.keepString(offset, text);
    return text;
  }
}

/** The table that was read last: units that were compiled together share one. */
const lastTables = new WeakMap<DebugSections, { readonly key: string; readonly table: Abbreviations }>();

function abbreviationsOf(sections: DebugSections, header: UnitHeader): Abbreviations {
  const { version, offsetSize, addressSize, abbreviations } = header;
  const key = [abbreviations, version, offsetSize, addressSize].join(' ');
  const last = lastTables.get(sections);
  if (last?.key === key) {
    return last.table;
  }
  const table = sections.abbrev.reading(abbreviations, (cursor) => new Abbreviations(cursor, header));
  lastTables.set(sections, { key, table });
  return table;
}

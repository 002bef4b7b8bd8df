/** The root entry of a unit (DWARF 5, section 3.1.1). */
import { damaged } from '../elf/bytes.ts';
import { isAddressForm } from './abbreviations.ts';
import * as dw from './constants.ts';
import type { UnitReader } from './unit-reader.ts';

/** What the root entry of a unit says about all of it. */
export interface UnitRoot {
  /** Base of the addresses of its lists; 0 when it has none. */
  readonly lowPc: number;
  /** End of its code; null when it is not one range. */
  readonly highPc: number | null;
  /** Its list of ranges, as {@link RangeReference}. */
  readonly ranges: RangeReference | null;
  /** Where its line table begins in `.debug_line`. */
  readonly lines: number | null;
  /** Directory of the compiler: what relative paths begin with. */
  readonly directory: string;
  readonly name: string;
  /** True when the unit stands in for one in a `.dwo` file. */
  readonly isSplit: boolean;
}

/** A list of ranges: where it is, or its number in the unit's table of lists. */
export interface RangeReference {
  readonly value: number;
  readonly isIndex: boolean;
}

/** Where the unit's part of each table of indices begins. */
export interface Bases {
  strings: number;
  addresses: number;
  rangeLists: number;
  locationLists: number;
}

/** Reads the root entry; the bases that it names become those of the unit. */
export function readRoot(unit: UnitReader): UnitRoot {
  const cursor = unit.cursor();
  const code = cursor.uleb();
  if (code === 0) {
    throw damaged('a unit has no root entry');
  }
  const abbreviation = unit.abbreviations.get(code);
  const start = cursor.position;
  // Bases first: other attributes may be indices that count from them.
  let isSplit = unit.header.isSkeleton;
  unit.forEachAttribute(cursor, abbreviation, (attribute, form, implicit) => {
    switch (attribute) {
      case dw.AT_STR_OFFSETS_BASE:
        unit.bases.strings = unit.number(cursor, form, implicit);
        break;
      case dw.AT_ADDR_BASE:
      case dw.AT_GNU_ADDR_BASE:
        unit.bases.addresses = unit.number(cursor, form, implicit);
        break;
      case dw.AT_RNGLISTS_BASE:
        unit.bases.rangeLists = unit.number(cursor, form, implicit);
        break;
      case dw.AT_LOCLISTS_BASE:
        unit.bases.locationLists = unit.number(cursor, form, implicit);
        break;
      case dw.AT_DWO_NAME:
      case dw.AT_GNU_DWO_NAME:
        isSplit = true;
        break;
    }
  });
  cursor.position = start;
  let lowPc = 0;
  let high: { value: number; isAddress: boolean } | null = null;
  let ranges: RangeReference | null = null;
  let lines: number | null = null;
  let directory = '';
  let name = '';
  unit.forEachAttribute(cursor, abbreviation, (attribute, form, implicit) => {
    switch (attribute) {
      case dw.AT_LOW_PC:
        lowPc = unit.number(cursor, form, implicit);
        break;
      case dw.AT_HIGH_PC:
        high = { value: unit.number(cursor, form, implicit), isAddress: isAddressForm(form) };
        break;
      case dw.AT_RANGES:
        ranges = { value: unit.number(cursor, form, implicit), isIndex: form === dw.FORM_RNGLISTX };
        break;
      case dw.AT_STMT_LIST:
        lines = unit.number(cursor, form, implicit);
        break;
      case dw.AT_COMP_DIR:
        directory = unit.string(cursor, form);
        break;
      case dw.AT_NAME:
        name = unit.string(cursor, form);
        break;
    }
  });
  // Assigned in a callback, which the compiler does not follow.
  const end = high as { value: number; isAddress: boolean } | null;
  const highPc = end && (end.isAddress ? end.value : lowPc + end.value);
  return { lowPc, highPc, ranges, lines, directory, name, isSplit };
}

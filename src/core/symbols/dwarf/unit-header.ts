/** The head of a unit of `.debug_info` (DWARF 5, section 7.5.1). */
import { Cursor, damaged, type Patches } from '../elf/bytes.ts';
import type { Encoding } from './abbreviations.ts';
import { UT_SKELETON, UT_SPLIT_COMPILE, UT_SPLIT_TYPE, UT_TYPE } from './constants.ts';
import type { DebugSection } from './debug-section.ts';

/** The longest head: 64-bit DWARF 5 with a type's signature and offset. */
const LONGEST = 40;

export interface UnitHeader extends Encoding {
  /** Where it begins in `.debug_info`. */
  readonly start: number;
  /** Where the next unit begins. */
  readonly end: number;
  /** Where the root entry begins. */
  readonly root: number;
  /** Where its abbreviations begin in `.debug_abbrev`. */
  readonly abbreviations: number;
  readonly isType: boolean;
  /** True when the unit stands in for one in a `.dwo` file. */
  readonly isSkeleton: boolean;
}

/** Length of a contribution: 4 bytes, or an escape and 8 bytes for 64-bit DWARF (section 7.4). */
export function readLength(cursor: Cursor): { length: number; offsetSize: 4 | 8 } {
  const length = cursor.u32();
  if (length === 0xffffffff) {
    return { length: cursor.u64(), offsetSize: 8 };
  }
  if (length >= 0xfffffff0) {
    throw damaged('a length has a reserved value');
  }
  return { length, offsetSize: 4 };
}

/** @param patches relocations; without them the place of the abbreviations is not right in a module */
export function readUnitHeader(info: DebugSection, start: number, patches: Patches | null): UnitHeader {
  const cursor = new Cursor(info.raw(start, Math.min(LONGEST, info.size - start)), 0, patches, start);
  const { length, offsetSize } = readLength(cursor);
  const end = start + cursor.position + length;
  if (end > info.size) {
    throw damaged('a unit ends behind its section');
  }
  const version = cursor.u16();
  if (version < 2 || version > 5) {
    throw damaged(`a unit is of DWARF version ${version}`);
  }
  const type = version >= 5 ? cursor.u8() : 0;
  let addressSize = version >= 5 ? cursor.u8() : 0;
  const abbreviations = cursor.offset(offsetSize);
  if (version < 5) {
    addressSize = cursor.u8();
  }
  if (addressSize !== 8 && addressSize !== 4) {
    throw damaged(`a unit has addresses of ${addressSize} bytes`);
  }
  const isType = type === UT_TYPE || type === UT_SPLIT_TYPE;
  if (isType) {
    cursor.skip(8 + offsetSize);
  } else if (type === UT_SKELETON || type === UT_SPLIT_COMPILE) {
    cursor.skip(8);
  }
  return {
    start,
    end,
    root: start + cursor.position,
    version,
    offsetSize,
    addressSize,
    abbreviations,
    isType,
    isSkeleton: type === UT_SKELETON,
  };
}

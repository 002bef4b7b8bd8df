/** Abbreviations: what the entries of a unit look like (DWARF 5, section 7.5.3). */
import { type Cursor, damaged } from '../elf/bytes.ts';
import {
  AT_LOW_PC,
  AT_RANGES,
  AT_SIBLING,
  FORM_ADDR,
  FORM_ADDRX,
  FORM_ADDRX1,
  FORM_ADDRX2,
  FORM_ADDRX3,
  FORM_ADDRX4,
  FORM_BLOCK,
  FORM_BLOCK1,
  FORM_BLOCK2,
  FORM_BLOCK4,
  FORM_DATA1,
  FORM_DATA2,
  FORM_DATA4,
  FORM_DATA8,
  FORM_DATA16,
  FORM_EXPRLOC,
  FORM_FLAG,
  FORM_FLAG_PRESENT,
  FORM_GNU_ADDR_INDEX,
  FORM_GNU_REF_ALT,
  FORM_GNU_STR_INDEX,
  FORM_GNU_STRP_ALT,
  FORM_IMPLICIT_CONST,
  FORM_INDIRECT,
  FORM_LINE_STRP,
  FORM_LOCLISTX,
  FORM_REF_ADDR,
  FORM_REF_SIG8,
  FORM_REF_SUP4,
  FORM_REF_SUP8,
  FORM_REF_UDATA,
  FORM_REF1,
  FORM_REF2,
  FORM_REF4,
  FORM_REF8,
  FORM_RNGLISTX,
  FORM_SDATA,
  FORM_SEC_OFFSET,
  FORM_STRING,
  FORM_STRP,
  FORM_STRP_SUP,
  FORM_STRX,
  FORM_STRX1,
  FORM_STRX2,
  FORM_STRX3,
  FORM_STRX4,
  FORM_UDATA,
  TAG_CATCH_BLOCK,
  TAG_INLINED_SUBROUTINE,
  TAG_LEXICAL_BLOCK,
  TAG_MODULE,
  TAG_NAMESPACE,
  TAG_SUBPROGRAM,
  TAG_TRY_BLOCK,
  TAG_WITH_STATEMENT,
} from './constants.ts';

/** How wide things are in a unit; the size of some forms depends on it. */
export interface Encoding {
  readonly version: number;
  /** 4, or 8 for 64-bit DWARF. */
  readonly offsetSize: number;
  readonly addressSize: number;
}

const SCOPES: ReadonlySet<number> = new Set([
  TAG_SUBPROGRAM,
  TAG_INLINED_SUBROUTINE,
  TAG_LEXICAL_BLOCK,
  TAG_NAMESPACE,
  TAG_MODULE,
  TAG_TRY_BLOCK,
  TAG_CATCH_BLOCK,
  TAG_WITH_STATEMENT,
]);

/** Codes above this are looked up in a map; compilers count from 1. */
const MOST_DENSE = 1 << 16;

/** Steps of {@link Abbreviations.steps} that depend on what is read; other steps are byte counts. */
const LEB = -1;
const STRING = -2;
const BLOCK1 = -3;
const BLOCK2 = -4;
const BLOCK4 = -5;
const BLOCK = -6;
const INDIRECT = -7;

/** Codes below this take one byte; compilers give the small ones to what is frequent. */
const ONE_BYTE = 128;
const MOST_SHORTCUT = 0xfff0;

/** Numbers for each attribute in {@link Abbreviations.attributes}. */
export const STRIDE = 4;

/** The shape of an entry. Its attributes and steps are parts of the lists of the table. */
export interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly firstAttribute: number;
  readonly lastAttribute: number;
  readonly firstStep: number;
  readonly lastStep: number;
  /** Bytes of all attributes; -1 when that depends on what is read. */
  readonly size: number;
  /** True for functions with code, and what may hold some or what was inlined: blocks, namespaces. */
  readonly isScope: boolean;
  /** Offset of the reference to the next sibling in the attributes; -1 when it has no fixed one. */
  readonly siblingAt: number;
  readonly siblingForm: number;
}

export class Abbreviations {
  /** {@link STRIDE} numbers for each attribute: itself, form, implicit constant, step behind it. */
  readonly attributes: number[] = [];
  /** How to get behind all attributes: byte counts, and steps whose length stands in the data. */
  readonly steps: number[] = [];
  readonly #dense: (Abbreviation | undefined)[] = [];
  readonly #sparse = new Map<number, Abbreviation>();
  /** Bytes that it takes in the file. */
  readonly size: number;
  /**
   * By codes of one byte, for entries that are neither functions nor blocks: bytes with the code, where
   * that is all there is of them; else 0.
   */
  readonly plainSizes = new Uint16Array(ONE_BYTE);
  /**
   * The same for those with children: where the sibling's offset of four bytes is, counted from the code;
   * else 0.
   */
  readonly siblingsAt = new Uint16Array(ONE_BYTE);

  /** Reads a table up to its end. */
  constructor(
    cursor: Cursor,
    readonly encoding: Encoding,
  ) {
    const start = cursor.position;
    for (let code = cursor.uleb(); code !== 0; code = cursor.uleb()) {
      const abbreviation = this.#read(cursor);
      this.#noteShortcut(code, abbreviation);
      if (code < MOST_DENSE) {
        this.#dense[code] = abbreviation;
      } else {
        this.#sparse.set(code, abbreviation);
      }
    }
    this.size = cursor.position - start;
  }

  /** @throws Failure for a code that the table does not have */
  get(code: number): Abbreviation {
    const abbreviation = this.#dense[code] ?? this.#sparse.get(code);
    if (abbreviation === undefined) {
      throw damaged(`an entry has the unknown abbreviation ${code}`);
    }
    return abbreviation;
  }

  /** Moves behind the attributes of an entry. */
  skip(cursor: Cursor, abbreviation: Abbreviation): void {
    for (let at = abbreviation.firstStep; at < abbreviation.lastStep; at++) {
      skipStep(cursor, this.steps[at] ?? 0, this.encoding);
    }
  }

  #noteShortcut(code: number, { isScope, hasChildren, size, siblingAt, siblingForm }: Abbreviation): void {
    if (code >= ONE_BYTE) {
      return;
    }
    this.plainSizes[code] = 0;
    this.siblingsAt[code] = 0;
    if (isScope) {
      return;
    }
    if (!hasChildren && size >= 0 && size < MOST_SHORTCUT) {
      this.plainSizes[code] = size + 1;
    } else if (hasChildren && siblingForm === FORM_REF4 && siblingAt >= 0 && siblingAt < MOST_SHORTCUT) {
      this.siblingsAt[code] = siblingAt + 1;
    }
  }

  #read(cursor: Cursor): Abbreviation {
    const { attributes, steps, encoding } = this;
    const tag = cursor.uleb();
    const hasChildren = cursor.u8() !== 0;
    const firstAttribute = attributes.length;
    const firstStep = steps.length;
    let siblingAt = -1;
    let siblingForm = 0;
    let hasCode = false;
    // Bytes of fixed length since the last step.
    let bytes = 0;
    for (;;) {
      const attribute = cursor.uleb();
      const form = cursor.uleb();
      if (attribute === 0 && form === 0) {
        break;
      }
      const step = stepOf(form, encoding);
      attributes.push(attribute, form, form === FORM_IMPLICIT_CONST ? cursor.sleb() : 0, step);
      hasCode ||= attribute === AT_LOW_PC || attribute === AT_RANGES;
      if (attribute === AT_SIBLING && steps.length === firstStep) {
        siblingAt = bytes;
        siblingForm = form;
      }
      if (step >= 0) {
        bytes += step;
        continue;
      }
      if (bytes > 0) {
        steps.push(bytes);
        bytes = 0;
      }
      steps.push(step);
    }
    const size = steps.length === firstStep ? bytes : -1;
    if (bytes > 0) {
      steps.push(bytes);
    }
    return {
      tag,
      hasChildren,
      firstAttribute,
      lastAttribute: attributes.length,
      firstStep,
      lastStep: steps.length,
      size,
      isScope: SCOPES.has(tag) && (hasCode || tag !== TAG_SUBPROGRAM),
      siblingAt,
      siblingForm,
    };
  }
}

/** Bytes of a form, or a step that is read. @throws Failure for a form that no compiler writes */
function stepOf(form: number, { version, offsetSize, addressSize }: Encoding): number {
  switch (form) {
    case FORM_FLAG_PRESENT:
    case FORM_IMPLICIT_CONST:
      return 0;
    case FORM_DATA1:
    case FORM_FLAG:
    case FORM_REF1:
    case FORM_STRX1:
    case FORM_ADDRX1:
      return 1;
    case FORM_DATA2:
    case FORM_REF2:
    case FORM_STRX2:
    case FORM_ADDRX2:
      return 2;
    case FORM_STRX3:
    case FORM_ADDRX3:
      return 3;
    case FORM_DATA4:
    case FORM_REF4:
    case FORM_REF_SUP4:
    case FORM_STRX4:
    case FORM_ADDRX4:
      return 4;
    case FORM_DATA8:
    case FORM_REF8:
    case FORM_REF_SIG8:
    case FORM_REF_SUP8:
      return 8;
    case FORM_DATA16:
      return 16;
    case FORM_ADDR:
      return addressSize;
    case FORM_REF_ADDR:
      // An address in DWARF 2, an offset ever since.
      return version <= 2 ? addressSize : offsetSize;
    case FORM_STRP:
    case FORM_LINE_STRP:
    case FORM_STRP_SUP:
    case FORM_SEC_OFFSET:
    case FORM_GNU_REF_ALT:
    case FORM_GNU_STRP_ALT:
      return offsetSize;
    case FORM_SDATA:
    case FORM_UDATA:
    case FORM_REF_UDATA:
    case FORM_STRX:
    case FORM_ADDRX:
    case FORM_LOCLISTX:
    case FORM_RNGLISTX:
    case FORM_GNU_ADDR_INDEX:
    case FORM_GNU_STR_INDEX:
      return LEB;
    case FORM_STRING:
      return STRING;
    case FORM_BLOCK1:
      return BLOCK1;
    case FORM_BLOCK2:
      return BLOCK2;
    case FORM_BLOCK4:
      return BLOCK4;
    case FORM_BLOCK:
    case FORM_EXPRLOC:
      return BLOCK;
    case FORM_INDIRECT:
      return INDIRECT;
    default:
      throw damaged(`an attribute has the unknown form 0x${form.toString(16)}`);
  }
}

/** Moves behind one attribute. */
export function skipForm(cursor: Cursor, form: number, encoding: Encoding): void {
  skipStep(cursor, stepOf(form, encoding), encoding);
}

/** Moves behind one attribute whose step is known. */
export function skipStep(cursor: Cursor, step: number, encoding: Encoding): void {
  switch (step) {
    case LEB:
      cursor.uleb();
      break;
    case STRING:
      cursor.skipString();
      break;
    case BLOCK1:
      cursor.skip(cursor.u8());
      break;
    case BLOCK2:
      cursor.skip(cursor.u16());
      break;
    case BLOCK4:
      cursor.skip(cursor.u32());
      break;
    case BLOCK:
      cursor.skip(cursor.uleb());
      break;
    case INDIRECT: {
      const form = cursor.uleb();
      if (form === FORM_INDIRECT) {
        throw damaged('an indirect form is indirect again');
      }
      skipStep(cursor, stepOf(form, encoding), encoding);
      break;
    }
    default:
      cursor.skip(step);
  }
}

/** Tells the address forms of DW_AT_high_pc from the constants, which are lengths. */
export function isAddressForm(form: number): boolean {
  switch (form) {
    case FORM_ADDR:
    case FORM_ADDRX:
    case FORM_ADDRX1:
    case FORM_ADDRX2:
    case FORM_ADDRX3:
    case FORM_ADDRX4:
    case FORM_GNU_ADDR_INDEX:
      return true;
    default:
      return false;
  }
}

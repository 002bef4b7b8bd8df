/** Where the frames of functions lie, instruction by instruction: `.debug_frame` (DWARF 5, section 6.4). */
import { countAtMost } from '../ascending.ts';
import { type Cursor, damaged } from '../elf/bytes.ts';
import type { DebugSection } from './debug-section.ts';
import { readLength } from './unit-header.ts';

/** The canonical frame address at an instruction: so many bytes from where a register points. */
export interface FrameAddress {
  /** By its number in DWARF. */
  readonly register: number;
  readonly offset: number;
}

/** Bytes of entries: those of a distribution's kernel are some 10 MB. */
const MOST_BYTES = 1 << 28;
/** Bytes of what functions have in common, up to its instructions: three numbers are of up to ten bytes each. */
const COMMON_HEAD = 64;
/** Bytes of the instructions of one function; those of real ones are some hundred. */
const MOST_OF_ONE = 1 << 20;
/** States that are remembered at a time. */
const MOST_REMEMBERED = 64;

const CFA_NOP = 0x00;
const CFA_SET_LOC = 0x01;
const CFA_ADVANCE_LOC1 = 0x02;
const CFA_ADVANCE_LOC2 = 0x03;
const CFA_ADVANCE_LOC4 = 0x04;
const CFA_OFFSET_EXTENDED = 0x05;
const CFA_RESTORE_EXTENDED = 0x06;
const CFA_UNDEFINED = 0x07;
const CFA_SAME_VALUE = 0x08;
const CFA_REGISTER = 0x09;
const CFA_REMEMBER_STATE = 0x0a;
const CFA_RESTORE_STATE = 0x0b;
const CFA_DEF_CFA = 0x0c;
const CFA_DEF_CFA_REGISTER = 0x0d;
const CFA_DEF_CFA_OFFSET = 0x0e;
const CFA_DEF_CFA_EXPRESSION = 0x0f;
const CFA_EXPRESSION = 0x10;
const CFA_OFFSET_EXTENDED_SF = 0x11;
const CFA_DEF_CFA_SF = 0x12;
const CFA_DEF_CFA_OFFSET_SF = 0x13;
const CFA_VAL_OFFSET = 0x14;
const CFA_VAL_OFFSET_SF = 0x15;
const CFA_VAL_EXPRESSION = 0x16;
/** Signs of return addresses on arm64; the frame stays where it is (AADWARF64). */
const CFA_AARCH64_NEGATE_RA_STATE = 0x2d;
const CFA_GNU_ARGS_SIZE = 0x2e;

/** What functions have in common (a CIE). */
interface Common {
  readonly addressSize: number;
  readonly codeAlignment: number;
  readonly dataAlignment: number;
  /** Where its instructions are in the section. */
  readonly from: number;
  readonly to: number;
}

/** What is told of one function (an FDE). */
interface Told {
  readonly low: number;
  readonly high: number;
  /** Where its common part begins. */
  readonly common: number;
  readonly from: number;
  readonly to: number;
}

export class CallFrames {
  readonly #section: DebugSection;
  /** By ascending address. */
  #functions: readonly Told[] | undefined;
  #lows: Float64Array | undefined;
  readonly #commons = new Map<number, Common | null>();

  constructor(section: DebugSection) {
    this.#section = section;
  }

  /** Null where nothing is told, or the address is computed in a way that is more than a register and a number. */
  at(address: number): FrameAddress | null {
    this.#functions ??= this.#readFunctions();
    this.#lows ??= Float64Array.from(this.#functions, ({ low }) => low);
    const told = this.#functions[countAtMost(address, this.#lows) - 1];
    const common = told === undefined || address >= told.high ? null : this.#common(told.common);
    if (told === undefined || common === null || isTooLong(told) || isTooLong(common)) {
      return null;
    }
    const run = new FrameRun(common, told.low, address);
    run.take(this.#cursor(common.from, common.to));
    run.take(this.#cursor(told.from, told.to));
    return run.frame;
  }

  #readFunctions(): Told[] {
    const { size } = this.#section;
    const functions: Told[] = [];
    if (size > MOST_BYTES) {
      return functions;
    }
    const cursor = this.#cursor(0, size);
    while (cursor.remaining > 0) {
      const { length, offsetSize } = readLength(cursor);
      const to = cursor.position + length;
      const isCommon = length >= offsetSize && this.#isCommonAt(cursor.position, offsetSize);
      if (length > 0 && !isCommon) {
        const at = cursor.offset(offsetSize);
        const common = this.#common(at);
        if (common !== null) {
          const low = cursor.address(common.addressSize);
          // A length is what it is: no relocation stands for it.
          const bytes = common.addressSize === 8 ? cursor.u64() : cursor.u32();
          functions.push({ low, high: low + bytes, common: at, from: cursor.position, to });
        }
      }
      if (to > size) {
        throw damaged('its table of frames ends behind its section');
      }
      cursor.position = to;
    }
    return functions.sort((a, b) => a.low - b.low);
  }

  /** Whether an entry is a common part: in the place of its number there is all ones, also before relocation. */
  #isCommonAt(position: number, offsetSize: 4 | 8): boolean {
    return this.#section.raw(position, offsetSize).every((byte) => byte === 0xff);
  }

  #common(start: number): Common | null {
    let common = this.#commons.get(start);
    if (common === undefined) {
      common = start >= 0 && start < this.#section.size ? this.#readCommon(start) : null;
      this.#commons.set(start, common);
    }
    return common;
  }

  /** Null for one that has more than is known here. */
  #readCommon(start: number): Common | null {
    const cursor = this.#cursor(start, start + COMMON_HEAD);
    const { length, offsetSize } = readLength(cursor);
    const to = start + cursor.position + length;
    cursor.skip(offsetSize);
    const version = cursor.u8();
    const isAugmented = cursor.u8() !== 0;
    if (![1, 3, 4].includes(version) || isAugmented) {
      return null;
    }
    const addressSize = version === 4 ? cursor.u8() : 8;
    const segmentSize = version === 4 ? cursor.u8() : 0;
    if (addressSize !== 8 || segmentSize !== 0) {
      return null;
    }
    const codeAlignment = cursor.uleb();
    const dataAlignment = cursor.sleb();
    if (version === 1) {
      cursor.skip(1);
    } else {
      cursor.uleb();
    }
    return { addressSize, codeAlignment, dataAlignment, from: start + cursor.position, to };
  }

  #cursor(from: number, to: number): Cursor {
    return this.#section.cursor(from, Math.min(to, this.#section.size) - from);
  }
}

function isTooLong({ from, to }: Pick<Told, 'from' | 'to'>): boolean {
  return to - from > MOST_OF_ONE;
}

/** Follows the instructions of a function up to an address (section 6.4.3). */
class FrameRun {
  #register: number | null = null;
  #offset = 0;
  readonly #remembered: { readonly register: number | null; readonly offset: number }[] = [];
  #isPast = false;

  constructor(
    readonly common: Common,
    private location: number,
    readonly wanted: number,
  ) {}

  get frame(): FrameAddress | null {
    return this.#register === null || !Number.isSafeInteger(this.#offset)
      ? null
      : { register: this.#register, offset: this.#offset };
  }

  take(cursor: Cursor): void {
    while (!this.#isPast && cursor.remaining > 0) {
      if (!this.#step(cursor)) {
        this.#register = null; // How long it is nobody knows, nor what it does.
        this.#isPast = true;
      }
    }
  }

  /** False for an instruction that is not known. */
  #step(cursor: Cursor): boolean {
    const { addressSize, dataAlignment } = this.common;
    const code = cursor.u8();
    // The two highest bits tell three instructions, whose first operand is the rest.
    switch (code & 0xc0) {
      case 0x40:
        return this.#advance(code & 0x3f);
      case 0x80:
        cursor.uleb();
        return true;
      case 0xc0:
        return true;
    }
    switch (code) {
      case CFA_SET_LOC:
        return this.#moveTo(cursor.address(addressSize));
      case CFA_ADVANCE_LOC1:
        return this.#advance(cursor.u8());
      case CFA_ADVANCE_LOC2:
        return this.#advance(cursor.u16());
      case CFA_ADVANCE_LOC4:
        return this.#advance(cursor.u32());
      case CFA_REMEMBER_STATE:
        this.#remembered.push({ register: this.#register, offset: this.#offset });
        return this.#remembered.length <= MOST_REMEMBERED;
      case CFA_RESTORE_STATE: {
        const state = this.#remembered.pop();
        this.#register = state?.register ?? null;
        this.#offset = state?.offset ?? 0;
        return state !== undefined;
      }
      case CFA_DEF_CFA:
        this.#register = cursor.uleb();
        this.#offset = cursor.uleb();
        return true;
      case CFA_DEF_CFA_SF:
        this.#register = cursor.uleb();
        this.#offset = cursor.sleb() * dataAlignment;
        return true;
      case CFA_DEF_CFA_REGISTER:
        this.#register = cursor.uleb();
        return true;
      case CFA_DEF_CFA_OFFSET:
        this.#offset = cursor.uleb();
        return true;
      case CFA_DEF_CFA_OFFSET_SF:
        this.#offset = cursor.sleb() * dataAlignment;
        return true;
      case CFA_DEF_CFA_EXPRESSION:
        this.#register = null;
        cursor.skip(cursor.uleb());
        return true;
      default:
        return skipOther(code, cursor);
    }
  }

  #advance(steps: number): boolean {
    return this.#moveTo(this.location + steps * this.common.codeAlignment);
  }

  /** What follows holds from `location` on. */
  #moveTo(location: number): boolean {
    this.location = location;
    this.#isPast = location > this.wanted;
    return true;
  }
}

/** Moves behind the operands of an instruction about where registers were saved; false for one that is not known. */
function skipOther(code: number, cursor: Cursor): boolean {
  switch (code) {
    case CFA_NOP:
    case CFA_AARCH64_NEGATE_RA_STATE:
      return true;
    case CFA_RESTORE_EXTENDED:
    case CFA_UNDEFINED:
    case CFA_SAME_VALUE:
    case CFA_GNU_ARGS_SIZE:
      cursor.uleb();
      return true;
    case CFA_OFFSET_EXTENDED:
    case CFA_REGISTER:
    case CFA_VAL_OFFSET:
      cursor.uleb();
      cursor.uleb();
      return true;
    case CFA_OFFSET_EXTENDED_SF:
    case CFA_VAL_OFFSET_SF:
      cursor.uleb();
      cursor.sleb();
      return true;
    case CFA_EXPRESSION:
    case CFA_VAL_EXPRESSION:
      cursor.uleb();
      cursor.skip(cursor.uleb());
      return true;
    default:
      return false;
  }
}

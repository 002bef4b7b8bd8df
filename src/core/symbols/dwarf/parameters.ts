/** Parameters of a function, and where they are when it is entered (DWARF 5, sections 2.6 and 4.1). */
import { Cursor } from '../elf/bytes.ts';
import type { Budget } from './budget.ts';
import * as dw from './constants.ts';
import type { Entry } from './entry.ts';
import type { Types } from './types.ts';
import type { UnitReader } from './unit-reader.ts';

/**
 * Where a parameter is when the first instruction of the function is about to run, or that of a place where it
 * was inlined: in a register; on the stack, `offset` bytes above what the stack pointer was before the call (on
 * x86-64 the return address lies between), which is told of entries only; in memory, `offset` bytes from where a
 * register points; nowhere, but computed as a register and a number, or as what is read there and a number; a constant
 * that the compiler made this code for; or unknown: removed, in pieces, or not told.
 */
export type EntryLocation =
  /** As the machine names it: `rdi`, `x0`. */
  | { readonly kind: 'register'; readonly register: string }
  | { readonly kind: 'stack'; readonly offset: number }
  | { readonly kind: 'memory'; readonly register: string; readonly offset: number }
  | { readonly kind: 'sum'; readonly register: string; readonly offset: number }
  /** `add` and what is read at the last of the offsets, each of which counts from what was read at the one before. */
  | {
      readonly kind: 'loaded';
      readonly register: string;
      readonly offsets: readonly number[];
      readonly add: number;
    }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'unknown' };

export interface DebugParameter {
  /** Empty when it has none. */
  readonly name: string;
  /** As C declares it without the name: `zilog_t *`. */
  readonly type: string;
  /** In bytes; null when debug info does not say. */
  readonly size: number | null;
  readonly location: EntryLocation;
}

/** Reads from memory for one argument. */
const MOST_READS = 4;

const PARAMETERS: ReadonlySet<number> = new Set([dw.TAG_FORMAL_PARAMETER]);

// System V psABI for x86-64, "DWARF Register Number Mapping"; AADWARF64, "DWARF register names".
const X86_64 = 'rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15'.split(' ');
const ARM64 = [...Array.from({ length: 31 }, (_, number) => `x${number}`), 'sp'];

/** From where a function counts the places of what it has on the stack: so many bytes from a register. */
export interface FrameBase {
  readonly register: string;
  readonly offset: number;
}

/** Name of a register by its number in DWARF; undefined for one that is not for whole numbers. */
export function registerName(machine: Machine, number: number): string | undefined {
  return (machine === 'arm64' ? ARM64 : X86_64)[number];
}

/** Parameters of a function of its own, in the order of the declaration. @param address where it is entered */
export function readParameters(
  types: Types,
  subprogram: Entry,
  address: number,
  machine: Machine,
): DebugParameter[] {
  const base = subprogram.block(dw.AT_FRAME_BASE);
  const isFrameAddress = base?.length === 1 && base[0] === dw.OP_CALL_FRAME_CFA;
  const entries = [...subprogram.children(PARAMETERS)];
  return parametersOf(types, entries, address, machine, null).map((parameter) => ({
    ...parameter,
    location: atEntry(parameter.location, isFrameAddress),
  }));
}

/** A place where a function was inlined. */
export interface InlinedPlace {
  /** Of the first instruction there. */
  readonly address: number;
  readonly machine: Machine;
  /** Of the function whose code it is in, at that instruction; null when it is not known. */
  readonly frame: FrameBase | null;
}

/** Parameters of a function where it was inlined. */
export function readInlinedParameters(
  types: Types,
  instance: Entry,
  { address, machine, frame }: InlinedPlace,
): DebugParameter[] {
  const entries = inlinedParameters(types, instance);
  return parametersOf(types, entries, address, machine, frame).map((parameter) => ({
    ...parameter,
    // It is told from the frame, which moved since the holder was entered.
    location: parameter.location.kind === 'stack' ? { kind: 'unknown' } : parameter.location,
  }));
}

/** The entries of all parameters: those that an instance lost are the function's own, which have no location. */
export function inlinedParameters(types: Types, instance: Entry): Entry[] {
  const origin = instance.reference(dw.AT_ABSTRACT_ORIGIN);
  const here = [...instance.children(PARAMETERS)];
  if (origin === null) {
    return here;
  }
  const byOrigin = new Map(here.map((entry) => [entry.reference(dw.AT_ABSTRACT_ORIGIN), entry]));
  return [...types.info.entry(origin).children(PARAMETERS)].map(
    (entry) => byOrigin.get(entry.offset) ?? entry,
  );
}

export type Machine = 'x86-64' | 'arm64';

function parametersOf(
  types: Types,
  entries: readonly Entry[],
  address: number,
  machine: Machine,
  frame: FrameBase | null,
): DebugParameter[] {
  return entries.map((entry) => {
    types.budget.spend(1);
    // An instance has locations, the entry that it comes from has name and type.
    const origin = entry.reference(dw.AT_ABSTRACT_ORIGIN);
    const named = origin === null ? entry : types.info.entry(origin);
    const type = types.typeOf(named);
    return {
      name: named.string(dw.AT_NAME),
      type: types.text(type),
      size: types.size(type),
      location: locationOf(entry, address, machine, frame, types.budget),
    };
  });
}

/** What the caller put onto the stack is above the frame address; below it is what comes later. */
function atEntry(location: EntryLocation, isFrameAddress: boolean): EntryLocation {
  switch (location.kind) {
    case 'stack':
      return isFrameAddress && location.offset >= 0 ? location : { kind: 'unknown' };
    case 'memory':
    case 'sum':
    case 'loaded':
      return { kind: 'unknown' }; // No convention of calls has such; not every tracer could fetch it.
    default:
      return location;
  }
}

function locationOf(
  entry: Entry,
  address: number,
  machine: Machine,
  frame: FrameBase | null,
  budget: Budget,
): EntryLocation {
  const constant = entry.block(dw.AT_CONST_VALUE) === null ? entry.number(dw.AT_CONST_VALUE) : null;
  if (constant !== null) {
    return constantOf(constant);
  }
  const location = entry.attribute(dw.AT_LOCATION);
  if (!location) {
    return { kind: 'unknown' };
  }
  const expression =
    entry.block(dw.AT_LOCATION) ??
    expressionAt(
      entry.unit,
      entry.number(dw.AT_LOCATION) ?? 0,
      location.form === dw.FORM_LOCLISTX,
      address,
      budget,
    );
  return expression ? evaluate(expression, machine, frame) : { kind: 'unknown' };
}

/**
 * Understands the expressions of one step: others compute something that no probe can fetch.
 * @param frame null for what is told from the frame as it is
 */
function evaluate(expression: Uint8Array, machine: Machine, frame: FrameBase | null): EntryLocation {
  const cursor = new Cursor(expression);
  const unknown: EntryLocation = { kind: 'unknown' };
  const operation = cursor.remaining > 0 ? cursor.u8() : 0;
  const isAmong = (first: number) => operation >= first && operation < first + 32;
  if (operation === dw.OP_FBREG) {
    const offset = cursor.sleb();
    return frame !== null
      ? fromRegister(frame.register, frame.offset + offset, cursor)
      : cursor.remaining === 0
        ? { kind: 'stack', offset }
        : unknown;
  }
  if (operation === dw.OP_REGX || isAmong(dw.OP_REG0)) {
    const number = operation === dw.OP_REGX ? cursor.uleb() : operation - dw.OP_REG0;
    const register = registerName(machine, number);
    return register !== undefined && cursor.remaining === 0 ? { kind: 'register', register } : unknown;
  }
  if (isAmong(dw.OP_BREG0)) {
    return fromRegister(registerName(machine, operation - dw.OP_BREG0), cursor.sleb(), cursor);
  }
  const value = isAmong(dw.OP_LIT0) ? operation - dw.OP_LIT0 : constant(operation, cursor);
  return value !== null && endsAsValue(cursor) ? constantOf(value) : unknown;
}

/** What is said behind a register and an offset: reads and sums, and at last whether that is the value or its place. */
function fromRegister(register: string | undefined, first: number, cursor: Cursor): EntryLocation {
  const offsets: number[] = [];
  let add = first;
  let isValue = false;
  while (cursor.remaining > 0 && !isValue && offsets.length <= MOST_READS) {
    const operation = cursor.u8();
    if (operation === dw.OP_DEREF) {
      offsets.push(add);
      add = 0;
    } else if (operation === dw.OP_PLUS_UCONST) {
      add += cursor.uleb();
    } else if (operation === dw.OP_STACK_VALUE) {
      isValue = true;
    } else {
      return { kind: 'unknown' };
    }
  }
  const isTooMuch = cursor.remaining > 0 || offsets.length > MOST_READS;
  if (register === undefined || isTooMuch || ![...offsets, add].every(Number.isSafeInteger)) {
    return { kind: 'unknown' };
  }
  if (offsets.length === 0) {
    return { kind: isValue ? 'sum' : 'memory', register, offset: add };
  }
  return isValue
    ? { kind: 'loaded', register, offsets, add }
    : { kind: 'loaded', register, offsets: [...offsets, add], add: 0 };
}

/** Larger numbers were rounded when they were read. */
function constantOf(value: number): EntryLocation {
  return Number.isSafeInteger(value) ? { kind: 'constant', value } : { kind: 'unknown' };
}

function constant(operation: number, cursor: Cursor): number | null {
  switch (operation) {
    case dw.OP_CONST1U:
      return cursor.u8();
    case dw.OP_CONST1S:
      return (cursor.u8() << 24) >> 24;
    case dw.OP_CONST2U:
      return cursor.u16();
    case dw.OP_CONST2S:
      return (cursor.u16() << 16) >> 16;
    case dw.OP_CONST4U:
      return cursor.u32();
    case dw.OP_CONST4S:
      return cursor.u32() | 0;
    case dw.OP_CONST8U:
      return cursor.u64();
    case dw.OP_CONST8S:
      return cursor.i64();
    case dw.OP_CONSTU:
      return cursor.uleb();
    case dw.OP_CONSTS:
      return cursor.sleb();
    default:
      return null;
  }
}

function endsAsValue(cursor: Cursor): boolean {
  return cursor.remaining === 1 && cursor.u8() === dw.OP_STACK_VALUE;
}

/** The expression of a list of locations that holds at an address; null for none. */
function expressionAt(
  unit: UnitReader,
  value: number,
  isIndex: boolean,
  address: number,
  budget: Budget,
): Uint8Array | null {
  const { header, sections, bases } = unit;
  if (header.version < 5) {
    return sections.loc?.reading(value, (cursor) => findOld(cursor, unit, address, budget)) ?? null;
  }
  const { loclists } = sections;
  if (!loclists) {
    return null;
  }
  const { offsetSize } = header;
  const base = bases.locationLists;
  const offset = isIndex
    ? base + loclists.reading(base + value * offsetSize, (cursor) => cursor.offset(offsetSize))
    : value;
  return loclists.reading(offset, (cursor) => findNew(cursor, unit, address, budget));
}

/** In `.debug_loclists` (section 7.7.3). */
function findNew(cursor: Cursor, unit: UnitReader, address: number, budget: Budget): Uint8Array | null {
  const { addressSize } = unit.header;
  let base = unit.root.lowPc;
  for (;;) {
    budget.spend(1);
    let low = 0;
    let high = 0;
    switch (cursor.u8()) {
      case dw.LLE_BASE_ADDRESSX:
        base = unit.number(cursor, dw.FORM_ADDRX, 0);
        continue;
      case dw.LLE_BASE_ADDRESS:
        base = cursor.address(addressSize);
        continue;
      case dw.LLE_VIEW_PAIR:
        cursor.uleb();
        cursor.uleb();
        continue;
      case dw.LLE_STARTX_ENDX:
        low = unit.number(cursor, dw.FORM_ADDRX, 0);
        high = unit.number(cursor, dw.FORM_ADDRX, 0);
        break;
      case dw.LLE_STARTX_LENGTH:
        low = unit.number(cursor, dw.FORM_ADDRX, 0);
        high = low + cursor.uleb();
        break;
      case dw.LLE_OFFSET_PAIR:
        low = base + cursor.uleb();
        high = base + cursor.uleb();
        break;
      case dw.LLE_DEFAULT:
        low = Number.NEGATIVE_INFINITY;
        high = Number.POSITIVE_INFINITY;
        break;
      case dw.LLE_START_END:
        low = cursor.address(addressSize);
        high = cursor.address(addressSize);
        break;
      case dw.LLE_START_LENGTH:
        low = cursor.address(addressSize);
        high = low + cursor.uleb();
        break;
      default:
        return null;
    }
    const expression = take(cursor, cursor.uleb());
    if (address >= low && address < high) {
      return expression;
    }
  }
}

/** In `.debug_loc` of DWARF 4 and before: pairs of addresses, each with an expression. */
function findOld(cursor: Cursor, unit: UnitReader, address: number, budget: Budget): Uint8Array | null {
  const { addressSize } = unit.header;
  let base = unit.root.lowPc;
  for (;;) {
    budget.spend(1);
    const low = cursor.address(addressSize);
    const high = cursor.address(addressSize);
    if (low === 0 && high === 0) {
      return null;
    }
    if (low === (addressSize === 8 ? -1 : 0xffffffff)) {
      base = high;
      continue;
    }
    const expression = take(cursor, cursor.u16());
    if (address >= base + low && address < base + high) {
      return expression;
    }
  }
}

function take(cursor: Cursor, length: number): Uint8Array {
  const start = cursor.position;
  cursor.skip(length);
  return cursor.bytes.subarray(start, start + length);
}

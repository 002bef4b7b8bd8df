import type { EntryLocation } from '../../symbols/dwarf/parameters.ts';
import type { TypedArgument, ValueType } from '../../symbols/value-type.ts';
import type { Fetch, FetchType } from '../arguments.ts';
import type { ArgumentValue } from '../events.ts';
import { showValue } from './show-value.ts';

/** What the kernel is asked for with one probe; it takes 128 (MAX_TRACE_ARGS), in a line of 4095 bytes. */
const MOST_FETCHES = 40;

/** Bytes from where a register points: further away is no object of the kernel's. */
const MOST_OFFSET = 1 << 20;

/** A function's values as a kprobe fetches them, and those that need no fetching. */
export interface TypedFetches {
  readonly fetches: readonly Fetch[];
  /** Values that are the same for each call, by their index among all. */
  readonly fixed: readonly { readonly index: number; readonly value: ArgumentValue }[];
}

/**
 * The arguments of a function with the members chosen for them, each pointer followed by its members. An argument
 * that the compiler removed, or that is nowhere whole, has the value `?`.
 * @param machine `uname -m`
 */
export function typedFetches(args: readonly TypedArgument[], machine: string): TypedFetches {
  const fetches: Fetch[] = [];
  const fixed: { index: number; value: ArgumentValue }[] = [];
  let index = 0;
  for (const [at, argument] of args.entries()) {
    const name = argument.name === '' ? `arg${at + 1}` : argument.name;
    const base = kernelPlace(argument.place, machine);
    if (base === null || argument.type === null || fetches.length >= MOST_FETCHES) {
      fixed.push({ index: index++, value: { name, value: fixedValue(argument) } });
      continue;
    }
    const { text: register, add } = base;
    const isText = argument.type.kind === 'text';
    fetches.push({
      index: index++,
      name,
      type: fetchType(argument.type),
      register,
      place: isText ? behind(base, 0) : register,
      show: argument.type,
      ...(add === 0 || isText ? {} : { add }),
    });
    for (const { path, offsets, type } of argument.members) {
      if (fetches.length < MOST_FETCHES) {
        const place = offsets.reduce((inner, offset) => ({ text: behind(inner, offset), add: 0 }), base).text;
        fetches.push({
          index: index++,
          name: `${name}->${path}`,
          type: fetchType(type),
          register,
          place: type.kind === 'text' && type.isPointer ? `+0(${place})` : place,
          show: type,
        });
      }
    }
  }
  return { fetches, fixed };
}

/** A value in the words of Documentation/trace/kprobetrace.rst: what `text` fetches, and a number to add to it. */
interface KernelPlace {
  readonly text: string;
  readonly add: number;
}

/** What lies so many bytes from where a value points; the text of a string is fetched from there too. */
function behind({ text, add }: KernelPlace, offset: number): string {
  const from = add + offset;
  return `${from < 0 ? '-' : '+'}${Math.abs(from)}(${text})`;
}

/** Null for what is nowhere. The names of x86's registers are those of `struct pt_regs`: `%di`, `%r8`. */
function kernelPlace(place: EntryLocation, machine: string): KernelPlace | null {
  const isX86 = machine === 'x86_64';
  switch (place.kind) {
    case 'stack':
      // On x86-64 the call put the return address below.
      return place.offset % 8 === 0 && place.offset >= 0 && place.offset < 512
        ? { text: `$stack${place.offset / 8 + (isX86 ? 1 : 0)}`, add: 0 }
        : null;
    case 'constant':
    case 'unknown':
      return null;
    default: {
      if (!/^[a-z][a-z0-9]{1,3}$/.test(place.register)) {
        return null;
      }
      const text = `%${isX86 ? place.register.replace(/^r(?=[a-z])/, '') : place.register}`;
      switch (place.kind) {
        case 'register':
          return { text, add: 0 };
        case 'sum':
          return isNear(place.offset) ? { text, add: place.offset } : null;
        case 'memory':
          return isNear(place.offset) ? { text: behind({ text, add: 0 }, place.offset), add: 0 } : null;
        case 'loaded':
          return place.offsets.every(isNear) && isNear(place.add)
            ? {
                text: place.offsets.reduce((from, offset) => behind({ text: from, add: 0 }, offset), text),
                add: place.add,
              }
            : null;
      }
    }
  }
}

function isNear(offset: number): boolean {
  return Math.abs(offset) <= MOST_OFFSET;
}

function fetchType(type: ValueType): FetchType {
  switch (type.kind) {
    case 'text':
      return 'string';
    case 'pointer':
      return 'x64';
    case 'bool':
      return `u${bits(type.size)}`;
    case 'enum':
    case 'integer':
      return `${type.isSigned ? 's' : 'u'}${bits(type.size)}`;
  }
}

function bits(size: 1 | 2 | 4 | 8): 8 | 16 | 32 | 64 {
  return ({ 1: 8, 2: 16, 4: 32, 8: 64 } as const)[size];
}

/** A constant as its type has it: debug info may give a negative one for a type without a sign, and the other way round. */
function fixedValue({ place, type }: TypedArgument): string {
  if (place.kind !== 'constant' || type === null) {
    return '?';
  }
  const value = BigInt(place.value);
  switch (type.kind) {
    case 'text':
    case 'pointer':
      return `0x${BigInt.asUintN(64, value).toString(16)}`;
    case 'bool':
      return showValue(type, `${BigInt.asUintN(bits(type.size), value)}`);
    case 'enum':
    case 'integer':
      return showValue(type, `${(type.isSigned ? BigInt.asIntN : BigInt.asUintN)(bits(type.size), value)}`);
  }
}

import type { EntryLocation } from '../../symbols/dwarf/parameters.ts';
import type { TypedArgument, TypedFunction, ValueType } from '../../symbols/value-type.ts';
import type { Fetch, FetchType } from '../arguments.ts';
import type { ArgumentValue } from '../events.ts';

/** What the kernel is asked for with one probe; it takes 128 (MAX_TRACE_ARGS), in a line of 4095 bytes. */
const MOST_FETCHES = 40;

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
export function typedFetches(typed: TypedFunction, machine: string): TypedFetches {
  const fetches: Fetch[] = [];
  const fixed: { index: number; value: ArgumentValue }[] = [];
  let index = 0;
  for (const [at, argument] of typed.arguments.entries()) {
    const name = argument.name === '' ? `arg${at + 1}` : argument.name;
    const base = kernelPlace(argument.place, machine);
    if (base === null || argument.type === null || fetches.length >= MOST_FETCHES) {
      fixed.push({ index: index++, value: { name, value: fixedValue(argument) } });
      continue;
    }
    const value = dereferenced(base, argument.type, true);
    fetches.push({
      index: index++,
      name,
      type: fetchType(argument.type),
      register: base,
      place: value,
      show: argument.type,
    });
    for (const { path, offsets, type } of argument.members) {
      if (fetches.length < MOST_FETCHES) {
        const place = offsets.reduce((inner, offset) => `+${offset}(${inner})`, base);
        fetches.push({
          index: index++,
          name: `${name}->${path}`,
          type: fetchType(type),
          register: base,
          place: dereferenced(place, type, type.kind === 'text' && type.isPointer),
          show: type,
        });
      }
    }
  }
  return { fetches, fixed };
}

/**
 * A place in the words of Documentation/trace/kprobetrace.rst; null for what is in none. The names of x86's registers
 * are those of `struct pt_regs`: `%di`, `%r8`.
 */
function kernelPlace(place: EntryLocation, machine: string): string | null {
  const isX86 = machine === 'x86_64';
  switch (place.kind) {
    case 'register':
      return /^[a-z][a-z0-9]{1,3}$/.test(place.register)
        ? `%${isX86 ? place.register.replace(/^r(?=[a-z])/, '') : place.register}`
        : null;
    case 'stack':
      // On x86-64 the call put the return address below.
      return place.offset % 8 === 0 && place.offset >= 0 && place.offset < 512
        ? `$stack${place.offset / 8 + (isX86 ? 1 : 0)}`
        : null;
    case 'constant':
    case 'unknown':
      return null;
  }
}

/** A string is fetched from the address that `place` holds, `+0(place)`, or from where it lies. */
function dereferenced(place: string, type: ValueType, isAddress: boolean): string {
  return type.kind === 'text' && isAddress ? `+0(${place})` : place;
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

function fixedValue({ place }: TypedArgument): string {
  return place.kind === 'constant' ? `${place.value}` : '?';
}

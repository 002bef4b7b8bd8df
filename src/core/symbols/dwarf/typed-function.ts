/** The values of a call as debug info has them: arguments, members of what they point to, what is returned. */

import { type MemberWalk, memberAt } from '../member-path.ts';
import { areFlags, integerType, valueSize } from '../value-meaning.ts';
import type { TypedArgument, TypedFunction, TypedMember, ValueType } from '../value-type.ts';
import * as dw from './constants.ts';
import type { Entry } from './entry.ts';
import {
  type DebugParameter,
  type InlinedPlace,
  inlinedParameters,
  type Machine,
  readInlinedParameters,
  readParameters,
} from './parameters.ts';
import { enumeratorsOf, type Types } from './types.ts';

/** Paths of members to read of a structure, by tag or typedef. */
export type MemberTable = (structure: string) => readonly string[];

/** Constants of an enumeration that are kept; the largest of ZFS has some 250. */
const MOST_CONSTANTS = 512;

/** Structures that are reached from all arguments of one function. */
const MOST_MEMBERS = 24;

const PARAMETERS: ReadonlySet<number> = new Set([dw.TAG_FORMAL_PARAMETER]);
const MEMBERS: ReadonlySet<number> = new Set([dw.TAG_MEMBER]);
const STRUCTURES: readonly number[] = [dw.TAG_STRUCTURE_TYPE, dw.TAG_UNION_TYPE];

/** @param address where the function is entered */
export function readTypedFunction(
  types: Types,
  subprogram: Entry,
  address: number,
  machine: Machine,
  membersOf: MemberTable,
): TypedFunction {
  const entries = [...subprogram.children(PARAMETERS)];
  const parameters = readParameters(types, subprogram, address, machine);
  return {
    arguments: typedArguments(types, entries, parameters, address, membersOf),
    returns: valueType(types, typeOfInstance(types, subprogram), ''),
  };
}

/** The arguments of a function where it was inlined. */
export function readInlinedArguments(
  types: Types,
  instance: Entry,
  at: InlinedPlace,
  membersOf: MemberTable,
): TypedArgument[] {
  const entries = inlinedParameters(types, instance);
  return typedArguments(types, entries, readInlinedParameters(types, instance, at), at.address, membersOf);
}

function typedArguments(
  types: Types,
  entries: readonly Entry[],
  parameters: readonly DebugParameter[],
  address: number,
  membersOf: MemberTable,
): TypedArgument[] {
  let left = MOST_MEMBERS;
  return parameters.map((parameter, i): TypedArgument => {
    const entry = typeOfInstance(types, entries[i] ?? null);
    const type = valueType(types, entry, parameter.name);
    const isReachable = parameter.location.kind !== 'constant' && parameter.location.kind !== 'unknown';
    const members =
      type?.kind === 'pointer' && isReachable
        ? membersBehind(types, entry, address, membersOf).slice(0, left)
        : [];
    left -= members.length;
    return {
      name: parameter.name,
      declared: parameter.type,
      // A structure takes several registers, of which debug info names none or the first.
      place: type === null ? { kind: 'unknown' } : parameter.location,
      type,
      members,
    };
  });
}

/** Type of an entry, which an instance has from the entry that it comes from. */
function typeOfInstance(types: Types, entry: Entry | null): Entry | null {
  if (entry === null) {
    return null;
  }
  let named = entry;
  for (let hops = 0; hops < 4 && !named.has(dw.AT_TYPE); hops++) {
    const origin = named.reference(dw.AT_ABSTRACT_ORIGIN) ?? named.reference(dw.AT_SPECIFICATION);
    if (origin === null) {
      return null;
    }
    named = types.info.entry(origin);
  }
  return types.typeOf(named);
}

/**
 * @param name what has this type: numbers called `error` are error numbers
 * @param isText bytes behind a pointer are characters, whatever the sign of theirs
 */
function valueType(types: Types, type: Entry | null, name: string, isText = false): ValueType | null {
  const bare = types.bare(type);
  if (bare === null) {
    return null;
  }
  const size = sizeOf(types, bare);
  switch (bare.tag) {
    case dw.TAG_POINTER_TYPE: {
      const target = types.bare(types.typeOf(bare));
      const isBuffer = type?.string(dw.AT_NAME) === 'caddr_t';
      return target !== null && !isBuffer && (isText ? isByte(target) : isCharacter(target))
        ? { kind: 'text', isPointer: true }
        : { kind: 'pointer' };
    }
    case dw.TAG_ARRAY_TYPE: {
      const element = types.bare(types.typeOf(bare));
      return element !== null && isCharacter(element) ? { kind: 'text', isPointer: false } : null;
    }
    case dw.TAG_ENUMERATION_TYPE: {
      if (size === null) {
        return null;
      }
      const constants = enumeratorsOf(bare).slice(0, MOST_CONSTANTS);
      types.budget.spend(constants.length);
      const isSigned = constants.some(({ value }) => value < 0);
      return {
        kind: 'enum',
        size,
        isSigned,
        isFlags: areFlags(constants.map(({ value }) => value)),
        constants,
      };
    }
    case dw.TAG_BASE_TYPE:
      return size === null ? null : numberType(bare.number(dw.AT_ENCODING), size, name, type);
    default:
      return null;
  }
}

function numberType(
  encoding: number | null,
  size: 1 | 2 | 4 | 8,
  name: string,
  type: Entry | null,
): ValueType | null {
  switch (encoding) {
    case dw.ATE_BOOLEAN:
      return { kind: 'bool', size };
    case dw.ATE_SIGNED:
    case dw.ATE_SIGNED_CHAR:
    case dw.ATE_UNSIGNED:
    case dw.ATE_UNSIGNED_CHAR: {
      const isSigned = encoding === dw.ATE_SIGNED || encoding === dw.ATE_SIGNED_CHAR;
      return integerType(size, isSigned, name, type?.string(dw.AT_NAME) ?? '');
    }
    default:
      return null; // Floating point: no kernel function takes it.
  }
}

function sizeOf(types: Types, type: Entry): 1 | 2 | 4 | 8 | null {
  return valueSize(types.size(type));
}

/** `char`, whose sign the compiler chooses; `uint8_t *` is a buffer and no text. */
function isCharacter(type: Entry): boolean {
  return type.tag === dw.TAG_BASE_TYPE && type.string(dw.AT_NAME) === 'char';
}

function isByte(type: Entry): boolean {
  return type.tag === dw.TAG_BASE_TYPE && type.number(dw.AT_BYTE_SIZE) === 1;
}

function membersBehind(
  types: Types,
  pointer: Entry | null,
  near: number,
  membersOf: MemberTable,
): TypedMember[] {
  const structure = pointee(types, pointer, near);
  if (structure === null) {
    return [];
  }
  const paths = structure.names.flatMap((name) => membersOf(name));
  const walk: MemberWalk<Entry, Entry | null> = {
    member: (inside, name) => member(types, inside, name, 0),
    inside: (type) => types.bare(type),
    behind: (type) => pointee(types, type, near)?.entry ?? null,
    value: (type, name) => valueType(types, type, name, true),
  };
  return paths.flatMap((path) => memberAt(structure.entry, path, walk) ?? []);
}

/** The structure that a pointer leads to, with its tag and the names of typedefs on the way. */
function pointee(
  types: Types,
  pointer: Entry | null,
  near: number,
): { entry: Entry; names: string[] } | null {
  const names: string[] = [];
  const bare = types.bare(pointer);
  let type = bare === null ? null : types.typeOf(bare);
  for (let depth = 0; type !== null && depth < 8; depth++) {
    const name = type.string(dw.AT_NAME);
    if (name !== '') {
      names.push(name);
    }
    if (STRUCTURES.includes(type.tag)) {
      break;
    }
    type = type.tag === dw.TAG_POINTER_TYPE ? null : types.typeOf(type);
  }
  if (type === null) {
    return null;
  }
  // A unit that only passes the pointer on knows no more than the name.
  const entry = type.has(dw.AT_DECLARATION) ? types.find(type.string(dw.AT_NAME), STRUCTURES, near) : type;
  return entry === null ? null : { entry, names: [...new Set(names.map((name) => name.replace(/_t$/, '')))] };
}

/** A member by name, also of a structure without a name inside; bit fields are left out. */
function member(
  types: Types,
  structure: Entry,
  name: string,
  depth: number,
): { readonly offset: number; readonly type: Entry | null } | null {
  for (const entry of structure.children(MEMBERS)) {
    types.budget.spend(1);
    const offset = entry.number(dw.AT_DATA_MEMBER_LOCATION) ?? 0;
    const own = entry.string(dw.AT_NAME);
    if (own === name) {
      return entry.has(dw.AT_BIT_SIZE) ? null : { offset, type: types.typeOf(entry) };
    }
    const nested = own === '' && depth < 4 ? types.bare(types.typeOf(entry)) : null;
    const found = nested && STRUCTURES.includes(nested.tag) ? member(types, nested, name, depth + 1) : null;
    if (found !== null) {
      return { offset: offset + found.offset, type: found.type };
    }
  }
  return null;
}

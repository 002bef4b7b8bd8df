/** Types of C as debug info has them (DWARF 5, chapter 5): their text, size and members. */
import { Cursor } from '../elf/bytes.ts';
import { Budget } from './budget.ts';
import * as dw from './constants.ts';
import type { DebugInfo } from './debug-info.ts';
import type { Entry } from './entry.ts';

/** Types of types; real ones have a few levels. */
const DEEPEST = 32;
const MOST_MEMBERS = 1 << 14;
/**
 * Entries that are looked at for one answer, and 16 characters of text each: the largest structures of the
 * kernel take some ten thousand. A few entries that refer to each other could otherwise ask for 2^32.
 */
const MOST_STEPS = 1 << 18;
const CHARACTERS = 16;

/** A member of a structure or union. */
export interface DebugMember {
  /** Empty for padding of bits without a name. Members of a nested structure without a name are listed as the outer one's. */
  readonly name: string;
  /** As C declares it without the name: `struct dsl_pool *`, `char [12]`. */
  readonly type: string;
  /** In bytes from the start of the outermost structure. */
  readonly offset: number;
  /** In bytes; null when debug info does not say. */
  readonly size: number | null;
  /** Of a bit field: its width, and its lowest bit counted from `offset`. */
  readonly bits: { readonly width: number; readonly from: number } | null;
}

export interface DebugStruct {
  readonly kind: 'struct' | 'union';
  /** In bytes. */
  readonly size: number;
  readonly members: readonly DebugMember[];
}

export interface DebugEnumerator {
  readonly name: string;
  readonly value: number;
}

const MEMBERS: ReadonlySet<number> = new Set([dw.TAG_MEMBER]);
const ENUMERATORS: ReadonlySet<number> = new Set([dw.TAG_ENUMERATOR]);
const RANGES: ReadonlySet<number> = new Set([dw.TAG_SUBRANGE_TYPE]);
const PARAMETERS: ReadonlySet<number> = new Set([dw.TAG_FORMAL_PARAMETER, dw.TAG_UNSPECIFIED_PARAMETERS]);

const QUALIFIERS: Readonly<Record<number, string>> = {
  [dw.TAG_CONST_TYPE]: 'const',
  [dw.TAG_VOLATILE_TYPE]: 'volatile',
  [dw.TAG_RESTRICT_TYPE]: 'restrict',
  [dw.TAG_ATOMIC_TYPE]: '_Atomic',
};

const KEYWORDS: Readonly<Record<number, string>> = {
  [dw.TAG_STRUCTURE_TYPE]: 'struct',
  [dw.TAG_CLASS_TYPE]: 'struct',
  [dw.TAG_UNION_TYPE]: 'union',
  [dw.TAG_ENUMERATION_TYPE]: 'enum',
};

/** For one question: what it may take is limited. */
export class Types {
  readonly budget = new Budget(MOST_STEPS);

  constructor(readonly info: DebugInfo) {}

  /** The entry of an entry's type; null for `void`. */
  typeOf(entry: Entry): Entry | null {
    this.budget.spend(1);
    const offset = entry.reference(dw.AT_TYPE);
    return offset === null ? null : this.info.entry(offset);
  }

  /**
   * A type as C declares it.
   * @param declared what is declared, written the way it is used: `*next`; nothing for the type alone
   */
  text(type: Entry | null, declared = '', depth = 0): string {
    if (depth > DEEPEST) {
      return '...';
    }
    const join = (name: string): string => (declared === '' ? name : `${name} ${declared}`);
    if (type === null) {
      return join('void');
    }
    this.budget.spend(1 + declared.length / CHARACTERS);
    const name = type.string(dw.AT_NAME);
    const inner = (): Entry | null => this.typeOf(type);
    switch (type.tag) {
      case dw.TAG_POINTER_TYPE: {
        const target = inner();
        const isOuter = target?.tag === dw.TAG_ARRAY_TYPE || target?.tag === dw.TAG_SUBROUTINE_TYPE;
        return this.text(target, isOuter ? `(*${declared})` : `*${declared}`, depth + 1);
      }
      case dw.TAG_CONST_TYPE:
      case dw.TAG_VOLATILE_TYPE:
      case dw.TAG_RESTRICT_TYPE:
      case dw.TAG_ATOMIC_TYPE: {
        const word = QUALIFIERS[type.tag] ?? '';
        const target = inner();
        // Of a pointer the qualifier comes behind the star: `char *const`.
        return target?.tag === dw.TAG_POINTER_TYPE
          ? this.text(target, declared === '' ? word : `${word} ${declared}`, depth + 1)
          : `${word} ${this.text(target, declared, depth + 1)}`;
      }
      case dw.TAG_ARRAY_TYPE:
        return this.text(inner(), `${declared}${this.#dimensions(type)}`, depth + 1);
      case dw.TAG_SUBROUTINE_TYPE:
        return this.text(inner(), `${declared}(${this.#parameters(type, depth)})`, depth + 1);
      case dw.TAG_STRUCTURE_TYPE:
      case dw.TAG_CLASS_TYPE:
      case dw.TAG_UNION_TYPE:
      case dw.TAG_ENUMERATION_TYPE:
        return join(`${KEYWORDS[type.tag]} ${name || '{...}'}`);
      default:
        return join(name || '?');
    }
  }

  /** In bytes; null when debug info does not say. */
  size(type: Entry | null): number | null {
    let factor = 1;
    let entry = type;
    for (let depth = 0; entry && depth < DEEPEST; depth++) {
      const size = entry.number(dw.AT_BYTE_SIZE);
      if (size !== null) {
        return size * factor;
      }
      if (entry.tag === dw.TAG_POINTER_TYPE) {
        return entry.unit.header.addressSize * factor;
      }
      if (entry.tag === dw.TAG_ARRAY_TYPE) {
        const count = this.#elements(entry);
        if (count === null) {
          return null;
        }
        factor *= count;
      }
      entry = this.typeOf(entry);
    }
    return null;
  }

  /** The type behind typedefs and qualifiers. */
  bare(type: Entry | null): Entry | null {
    let entry = type;
    for (let depth = 0; entry && depth < DEEPEST; depth++) {
      if (entry.tag !== dw.TAG_TYPEDEF && QUALIFIERS[entry.tag] === undefined) {
        return entry;
      }
      entry = this.typeOf(entry);
    }
    return null;
  }

  /**
   * A structure, union or enumeration by its tag or by the name of a typedef: `dsl_pool`, `dsl_pool_t`.
   * @param near an address whose unit is searched first; otherwise all are searched, which takes long
   */
  find(name: string, tags: readonly number[], near: number | null): Entry | null {
    const wanted = new Set([dw.TAG_TYPEDEF, ...tags]);
    for (const root of this.info.roots(near)) {
      for (const entry of root.children(wanted)) {
        if (entry.string(dw.AT_NAME) === name) {
          const found = this.bare(entry);
          if (found && tags.includes(found.tag) && !found.has(dw.AT_DECLARATION)) {
            return found;
          }
        }
      }
    }
    return null;
  }

  members(type: Entry): DebugMember[] {
    const members: DebugMember[] = [];
    this.#addMembers(type, 0, members, 0);
    return members;
  }

  #addMembers(type: Entry, start: number, members: DebugMember[], depth: number): void {
    for (const entry of type.children(MEMBERS)) {
      if (members.length >= MOST_MEMBERS) {
        return;
      }
      this.budget.spend(1);
      const name = entry.string(dw.AT_NAME);
      const memberType = this.typeOf(entry);
      const place = memberPlace(entry, this.size(memberType));
      const nested = this.bare(memberType);
      const isGroup = nested?.tag === dw.TAG_STRUCTURE_TYPE || nested?.tag === dw.TAG_UNION_TYPE;
      if (name === '' && nested && isGroup && depth < DEEPEST) {
        this.#addMembers(nested, start + place.offset, members, depth + 1);
        continue;
      }
      members.push({
        name,
        type: this.text(memberType),
        offset: start + place.offset,
        size: this.size(memberType),
        bits: place.bits,
      });
    }
  }

  #parameters(type: Entry, depth: number): string {
    const texts: string[] = [];
    for (const child of type.children(PARAMETERS)) {
      const isOpen = child.tag === dw.TAG_UNSPECIFIED_PARAMETERS;
      const text = isOpen ? '...' : this.text(this.typeOf(child), '', depth + 1);
      this.budget.spend(1 + text.length / CHARACTERS);
      texts.push(text);
    }
    return texts.join(', ') || 'void';
  }

  /** `[4][16]`; an empty pair where the size is open. */
  #dimensions(array: Entry): string {
    let text = '';
    for (const range of array.children(RANGES)) {
      this.budget.spend(1);
      text += `[${countOf(range) ?? ''}]`;
    }
    return text || '[]';
  }

  #elements(array: Entry): number | null {
    let elements = 1;
    for (const range of array.children(RANGES)) {
      this.budget.spend(1);
      const count = countOf(range);
      if (count === null) {
        return null;
      }
      elements *= count;
    }
    return elements;
  }
}

export function enumeratorsOf(type: Entry): DebugEnumerator[] {
  const enumerators: DebugEnumerator[] = [];
  for (const entry of type.children(ENUMERATORS)) {
    enumerators.push({ name: entry.string(dw.AT_NAME), value: entry.number(dw.AT_CONST_VALUE) ?? 0 });
  }
  return enumerators;
}

/** Elements of one dimension; null when it is open or known at run time alone. */
function countOf(range: Entry): number | null {
  const count = range.number(dw.AT_COUNT);
  if (count !== null) {
    return count;
  }
  const upper = range.block(dw.AT_UPPER_BOUND) === null ? range.number(dw.AT_UPPER_BOUND) : null;
  return upper === null ? null : upper + 1;
}

function memberPlace(
  member: Entry,
  typeSize: number | null,
): { offset: number; bits: { width: number; from: number } | null } {
  let offset = 0;
  const expression = member.block(dw.AT_DATA_MEMBER_LOCATION);
  if (expression) {
    // DWARF 2: an expression that adds the offset.
    offset = expression[0] === dw.OP_PLUS_UCONST ? new Cursor(expression, 1).uleb() : 0;
  } else {
    offset = member.number(dw.AT_DATA_MEMBER_LOCATION) ?? 0;
  }
  const width = member.number(dw.AT_BIT_SIZE);
  if (width === null) {
    return { offset, bits: null };
  }
  const fromStart = member.number(dw.AT_DATA_BIT_OFFSET);
  if (fromStart !== null) {
    // The byte of the storage unit that the field lies in.
    const unit = (typeSize ?? 1) * 8;
    const start = Math.floor(fromStart / unit) * unit;
    return { offset: start / 8, bits: { width, from: fromStart - start } };
  }
  // DWARF 3 and before count from the highest bit of a storage unit.
  const storage = (member.number(dw.AT_BYTE_SIZE) ?? typeSize ?? 1) * 8;
  return { offset, bits: { width, from: storage - (member.number(dw.AT_BIT_OFFSET) ?? 0) - width } };
}

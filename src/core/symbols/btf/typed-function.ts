/** The values of a call as BTF has them. Where they are is told by the calling convention: BTF does not say. */
import type { EntryLocation, Machine } from '../dwarf/parameters.ts';
import type { MemberTable } from '../dwarf/typed-function.ts';
import { memberAt } from '../member-path.ts';
import { areFlags, integerType, valueSize } from '../value-meaning.ts';
import type { EnumConstant, TypedArgument, TypedFunction, TypedMember, ValueType } from '../value-type.ts';
import { type BtfFile, type BtfType, KIND } from './btf-file.ts';

/** Types of types; real ones have a few levels. */
const DEEPEST = 32;
/** Constants of an enumeration that are kept. */
const MOST_CONSTANTS = 512;
/** Structures that are reached from all arguments of one function. */
const MOST_MEMBERS = 24;
/** A function of C has a few; what claims more is no such. */
const MOST_PARAMETERS = 64;
/** Functions of one name: kernels have static ones in some of their files. */
const MOST_NAMESAKES = 64;
/** Members that are looked at for one answer: the largest structures have some hundred. */
const MOST_STEPS = 1 << 16;

/** Integer and pointer arguments in order: System V x86-64 psABI 3.2.3, AAPCS64 6.8.2. */
const REGISTERS: Readonly<Record<Machine, readonly string[]>> = {
  'x86-64': ['rdi', 'rsi', 'rdx', 'rcx', 'r8', 'r9'],
  arm64: ['x0', 'x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7'],
};

const QUALIFIERS: Readonly<Record<number, string>> = {
  [KIND.const]: 'const',
  [KIND.volatile]: 'volatile',
  [KIND.restrict]: 'restrict',
};
const STRUCTURES: readonly number[] = [KIND.struct, KIND.union];

/**
 * A function by its symbol; null when BTF has none of the name, or several that differ. pahole leaves out
 * functions whose arguments the compiler moved, so that the convention holds for those that are there.
 */
export function btfFunction(
  file: BtfFile,
  symbol: string,
  machine: Machine,
  membersOf: MemberTable,
): TypedFunction | null {
  let found: TypedFunction | null = null;
  let namesakes = 0;
  for (const number of file.find(symbol, [KIND.function])) {
    const prototype = file.type(file.type(number)?.value ?? 0);
    if (prototype?.kind !== KIND.prototype) {
      continue;
    }
    namesakes += 1;
    if (namesakes > MOST_NAMESAKES) {
      return null;
    }
    const one = new Reader(file, membersOf).function(prototype, machine);
    if (found !== null && JSON.stringify(found) !== JSON.stringify(one)) {
      return null;
    }
    found = one;
  }
  return found;
}

class Reader {
  #left = MOST_STEPS;

  constructor(
    readonly file: BtfFile,
    readonly membersOf: MemberTable,
  ) {}

  function(prototype: BtfType, machine: Machine): TypedFunction {
    const args: TypedArgument[] = [];
    let isKnown = true;
    let members = MOST_MEMBERS;
    for (let i = 0; i < Math.min(prototype.parts, MOST_PARAMETERS); i++) {
      const [nameAt, type] = [0, 4].map((at) => prototype.file.u32(prototype.at + i * 8 + at));
      if (type === undefined || type === 0) {
        break; // `...`
      }
      const name = prototype.file.string(nameAt ?? 0);
      const value = this.#value(type, name);
      // A structure takes two registers, one, or none: where those behind it are is not sure.
      isKnown &&= value !== null;
      const place: EntryLocation = isKnown ? placeOf(i, machine) : { kind: 'unknown' };
      const reached =
        value?.kind === 'pointer' && place.kind !== 'unknown' ? this.#behind(type).slice(0, members) : [];
      members -= reached.length;
      args.push({ name, declared: this.#text(type), place, type: value, members: reached });
    }
    return { arguments: args, returns: this.#value(prototype.value, '') };
  }

  /** A type without typedefs and qualifiers; null for `void`. */
  #bare(number: number): BtfType | null {
    let type = this.file.type(number);
    for (let depth = 0; type !== null && isWrapper(type.kind) && depth < DEEPEST; depth++) {
      type = this.file.type(type.value);
    }
    return type;
  }

  /** @param isText as in DWARF's reader: bytes behind a pointer are characters */
  #value(number: number, name: string, isText = false): ValueType | null {
    const type = this.#bare(number);
    switch (type?.kind) {
      case KIND.pointer: {
        const target = this.#bare(type.value);
        const isBuffer = this.file.type(number)?.name === 'caddr_t';
        const isCharacters = target !== null && !isBuffer && (isText ? isByte(target) : isCharacter(target));
        return isCharacters ? { kind: 'text', isPointer: true } : { kind: 'pointer' };
      }
      case KIND.array: {
        const element = this.#bare(type.file.u32(type.at));
        return element !== null && isCharacter(element) ? { kind: 'text', isPointer: false } : null;
      }
      case KIND.int: {
        const size = valueSize(type.value);
        // Encoding: 1 signed, 2 character, 4 truth value. Bits before the first are of bit fields of old.
        const encoding = (type.file.u32(type.at) >>> 24) & 0xf;
        return size === null
          ? null
          : encoding & 4
            ? { kind: 'bool', size }
            : integerType(size, (encoding & 1) !== 0, name, this.file.type(number)?.name ?? '');
      }
      case KIND.enum:
      case KIND.enum64:
        return enumType(type);
      default:
        return null;
    }
  }

  /** Members worth showing of the structure that a pointer leads to. */
  #behind(pointer: number): TypedMember[] {
    const structure = this.#pointee(pointer);
    return structure === null
      ? []
      : structure.names
          .flatMap((name) => this.membersOf(name))
          .flatMap((path) => this.#memberAt(structure.type, path) ?? []);
  }

  #pointee(pointer: number): { readonly type: BtfType; readonly names: readonly string[] } | null {
    const names: string[] = [];
    const bare = this.#bare(pointer);
    let type = bare?.kind === KIND.pointer ? this.file.type(bare.value) : null;
    for (let depth = 0; type !== null && depth < DEEPEST; depth++) {
      if (type.name !== '') {
        names.push(type.name.replace(/_t$/, ''));
      }
      if (!isWrapper(type.kind)) {
        break;
      }
      type = this.file.type(type.value);
    }
    if (type?.kind === KIND.forward) {
      const whole = this.file.structure(type.name);
      type = whole === null ? null : this.file.type(whole);
    }
    return type !== null && STRUCTURES.includes(type.kind) ? { type, names: [...new Set(names)] } : null;
  }

  #memberAt(structure: BtfType, path: string): TypedMember | null {
    return memberAt<BtfType, number>(structure, path, {
      member: (inside, name) => this.#member(inside, name, 0),
      inside: (type) => this.#bare(type),
      behind: (type) => this.#pointee(type)?.type ?? null,
      value: (type, name) => this.#value(type, name, true),
    });
  }

  #member(
    structure: BtfType,
    name: string,
    depth: number,
  ): { readonly offset: number; readonly type: number } | null {
    const { file, at, flag } = structure;
    const parts = STRUCTURES.includes(structure.kind) ? structure.parts : 0;
    for (let i = 0; i < parts && this.#left > 0; i++, this.#left--) {
      const [own, type, bits] = [0, 4, 8].map((more) => file.u32(at + i * 12 + more)) as [
        number,
        number,
        number,
      ];
      const offset = (flag ? bits & 0xffffff : bits) / 8;
      const called = file.string(own);
      if (called === name && name !== '') {
        return flag && bits >>> 24 !== 0 ? null : Number.isInteger(offset) ? { offset, type } : null;
      }
      const nested = called === '' && depth < 4 ? this.#bare(type) : null;
      const found = nested === null ? null : this.#member(nested, name, depth + 1);
      if (found !== null) {
        return { offset: offset + found.offset, type: found.type };
      }
    }
    return null;
  }

  /** As C declares it, without a name. */
  #text(number: number, depth = 0): string {
    const type = this.file.type(number);
    if (type === null || depth > DEEPEST || this.#left <= 0) {
      return 'void';
    }
    this.#left--;
    const inner = () => this.#text(type.value, depth + 1);
    switch (type.kind) {
      case KIND.pointer: {
        const to = inner();
        const target = this.file.type(type.value);
        return target?.kind === KIND.prototype
          ? `${to} (*)(${this.#parametersText(target, depth + 1)})`
          : `${to}${to.endsWith('*') ? '' : ' '}*`;
      }
      case KIND.array:
        return `${this.#text(type.file.u32(type.at), depth + 1)} [${type.file.u32(type.at + 8)}]`;
      case KIND.struct:
        return `struct ${type.name}`.trim();
      case KIND.forward:
        return `${type.flag ? 'union' : 'struct'} ${type.name}`;
      case KIND.union:
        return `union ${type.name}`.trim();
      case KIND.enum:
      case KIND.enum64:
        return `enum ${type.name}`.trim();
      case KIND.const:
      case KIND.volatile:
      case KIND.restrict: {
        const word = QUALIFIERS[type.kind] ?? '';
        return this.file.type(type.value)?.kind === KIND.pointer ? `${inner()}${word}` : `${word} ${inner()}`;
      }
      case KIND.typeTag:
      case KIND.prototype:
        return inner();
      default:
        return type.name;
    }
  }

  #parametersText({ file, at, parts }: BtfType, depth: number): string {
    const texts: string[] = [];
    for (let i = 0; i < Math.min(parts, MOST_PARAMETERS) && this.#left > 0; i++) {
      const type = file.u32(at + i * 8 + 4);
      texts.push(type === 0 ? '...' : this.#text(type, depth));
    }
    return parts === 0 ? 'void' : texts.join(', ');
  }
}

function placeOf(index: number, machine: Machine): EntryLocation {
  const registers = REGISTERS[machine];
  const register = registers[index];
  if (register !== undefined) {
    return { kind: 'register', register };
  }
  // Each takes 8 bytes there (psABI 3.2.3); on arm64 that depends on its size for some systems.
  return machine === 'x86-64'
    ? { kind: 'stack', offset: 8 * (index - registers.length) }
    : { kind: 'unknown' };
}

function isWrapper(kind: number): boolean {
  return kind === KIND.typedef || kind === KIND.typeTag || QUALIFIERS[kind] !== undefined;
}

function isCharacter(type: BtfType): boolean {
  return type.kind === KIND.int && type.name === 'char';
}

function isByte(type: BtfType): boolean {
  return type.kind === KIND.int && type.value === 1;
}

function enumType(type: BtfType): ValueType | null {
  const size = valueSize(type.value);
  if (size === null) {
    return null;
  }
  const isWide = type.kind === KIND.enum64;
  const constants: EnumConstant[] = [];
  for (let i = 0; i < Math.min(type.parts, MOST_CONSTANTS); i++) {
    const at = type.at + i * (isWide ? 12 : 8);
    const low = type.file.u32(at + 4);
    const high = isWide ? type.file.u32(at + 8) : 0;
    const value = isWide ? (type.flag ? high | 0 : high) * 2 ** 32 + low : type.flag ? low | 0 : low;
    constants.push({ name: type.file.string(type.file.u32(at)), value });
  }
  return {
    kind: 'enum',
    size,
    isSigned: constants.some(({ value }) => value < 0),
    isFlags: areFlags(constants.map(({ value }) => value)),
    constants,
  };
}

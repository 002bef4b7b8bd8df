/**
 * BTF, the types that a kernel has of itself and its modules (Documentation/bpf/btf.rst; include/uapi/linux/btf.h):
 * a table of types that refer to each other by number, and their names.
 */
import { Failure } from '../../failure.ts';

const MAGIC = 0xeb9f;
const HEADER = 24;

export const KIND = {
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  function: 12,
  prototype: 13,
  variable: 14,
  section: 15,
  float: 16,
  declarationTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

/** Bytes behind the head of a type of each kind, by kind: those that are always there, and those of each of its parts. */
const FIXED: Readonly<Record<number, number>> = {
  [KIND.int]: 4,
  [KIND.array]: 12,
  [KIND.variable]: 4,
  [KIND.declarationTag]: 4,
};
const EACH: Readonly<Record<number, number>> = {
  [KIND.struct]: 12,
  [KIND.union]: 12,
  [KIND.enum]: 8,
  [KIND.prototype]: 8,
  [KIND.section]: 12,
  [KIND.enum64]: 12,
};

/** Types of one file; those of a distribution's kernel are some 150,000. */
const MOST_TYPES = 1 << 20;

/** Structures that are looked for by name, in all: ZFS's functions ask for some dozen. */
const MOST_LOOKED_FOR = 100;

/** One type: what all of them have. */
export interface BtfType {
  readonly kind: number;
  /** Empty when it has none. */
  readonly name: string;
  /** Size in bytes, or the number of another type, as the kind has it. */
  readonly value: number;
  /** How many parts follow: members, constants, parameters. */
  readonly parts: number;
  readonly flag: boolean;
  /** Where what follows its head is. */
  readonly at: number;
  readonly file: BtfFile;
}

/** The types of the kernel, or of a module, which go on where those of its kernel end. */
export class BtfFile {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  /** Offset of each type of this file. */
  readonly #starts: Uint32Array;
  readonly #strings: number;
  readonly #stringsEnd: number;
  /** Number of its first type: 1 for a kernel, since 0 is `void`. */
  readonly #first: number;
  /** Where the names of this file begin among those of its kernel and its own. */
  readonly #firstString: number;
  /** Structures and unions that were looked for, by name; null for those that are not there. */
  readonly #structures = new Map<string, number | null>();

  /**
   * @param bytes as /sys/kernel/btf has them; must not be changed
   * @param base that of the kernel, for a module
   * @throws Failure `bad-output` for what is no BTF
   */
  constructor(
    bytes: Uint8Array,
    readonly base: BtfFile | null = null,
  ) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < HEADER || this.#view.getUint16(0, true) !== MAGIC || bytes[2] !== 1) {
      throw noBtf();
    }
    const [header, typesAt, typesLength, stringsAt, stringsLength] = [4, 8, 12, 16, 20].map((at) =>
      this.#view.getUint32(at, true),
    ) as [number, number, number, number, number];
    const types = header + typesAt;
    this.#strings = header + stringsAt;
    this.#stringsEnd = this.#strings + stringsLength;
    if (header < HEADER || types + typesLength > bytes.length || this.#stringsEnd > bytes.length) {
      throw noBtf();
    }
    this.#first = base?.end ?? 1;
    this.#firstString = base?.stringsEnd ?? 0;
    this.#starts = this.#readStarts(types, types + typesLength);
  }

  #readStarts(from: number, end: number): Uint32Array {
    let starts = new Uint32Array(1 << 12);
    let count = 0;
    for (let at = from; at < end; count++) {
      if (at + 12 > end || count >= MOST_TYPES) {
        throw noBtf();
      }
      if (count === starts.length) {
        const more = new Uint32Array(2 * count);
        more.set(starts);
        starts = more;
      }
      starts[count] = at;
      const info = this.#view.getUint32(at + 4, true);
      const kind = (info >>> 24) & 0x1f;
      if (kind === 0 || kind > KIND.enum64) {
        throw noBtf(); // How long it is nobody knows.
      }
      at += 12 + (FIXED[kind] ?? 0) + (EACH[kind] ?? 0) * (info & 0xffff);
      if (at > end) {
        throw noBtf();
      }
    }
    return starts.slice(0, count);
  }

  /** The number behind its last type. */
  get end(): number {
    return this.#first + this.#starts.length;
  }

  /** Where the names behind its own begin. */
  get stringsEnd(): number {
    return this.#firstString + this.#stringsEnd - this.#strings;
  }

  /** A type by its number; null for `void`, and for one that is not there. */
  type(number: number): BtfType | null {
    const start = this.#starts[number - this.#first];
    if (start === undefined) {
      return number < this.#first ? (this.base?.type(number) ?? null) : null;
    }
    const info = this.u32(start + 4);
    return {
      kind: (info >>> 24) & 0x1f,
      name: this.string(this.u32(start)),
      value: this.u32(start + 8),
      parts: info & 0xffff,
      flag: info >>> 31 === 1,
      at: start + 12,
      file: this,
    };
  }

  /** Numbers of the types of this file, not of its kernel, with a name and a kind. */
  *find(name: string, kinds: readonly number[]): Generator<number> {
    const wanted = [...name].map((character) => character.charCodeAt(0));
    for (const [index, start] of this.#starts.entries()) {
      const kind = (this.u32(start + 4) >>> 24) & 0x1f;
      if (kinds.includes(kind) && this.#isNamed(this.u32(start), wanted)) {
        yield this.#first + index;
      }
    }
  }

  /**
   * The number of a structure or union by its name, in this file or in that of its kernel; null where there is none. All
   * types are looked through for the first question about a name, and of so many names only as are asked for.
   */
  structure(name: string): number | null {
    let found = this.#structures.get(name);
    if (found === undefined) {
      if (this.#structures.size >= MOST_LOOKED_FOR) {
        return null;
      }
      const [number] = this.find(name, [KIND.struct, KIND.union]);
      found = number ?? this.base?.structure(name) ?? null;
      this.#structures.set(name, found);
    }
    return found;
  }

  #isNamed(string: number, wanted: readonly number[]): boolean {
    if (string < this.#firstString) {
      const { base } = this;
      return base === null ? false : base.#isNamed(string, wanted);
    }
    const at = this.#strings + string - this.#firstString;
    return (
      at + wanted.length < this.#stringsEnd &&
      this.#bytes[at + wanted.length] === 0 &&
      wanted.every((code, i) => this.#bytes[at + i] === code)
    );
  }

  /** A number of what follows a type's head; 0 where there is none. */
  u32(at: number): number {
    return at >= 0 && at + 4 <= this.#bytes.length ? this.#view.getUint32(at, true) : 0;
  }

  /** A name; empty where there is none. Names of C are ASCII. */
  string(offset: number): string {
    if (offset < this.#firstString) {
      return this.base?.string(offset) ?? '';
    }
    const start = this.#strings + offset - this.#firstString;
    let text = '';
    for (let at = start; at < this.#stringsEnd && this.#bytes[at] !== 0 && text.length < 512; at++) {
      text += String.fromCharCode(this.#bytes[at] ?? 0);
    }
    return text;
  }
}

function noBtf(): Failure {
  return new Failure(
    'bad-output',
    'The target gave types of its kernel (BTF) that cannot be read: they are damaged, or of a newer format.',
    'Arguments are then known by debug info or by the open source only.',
  );
}

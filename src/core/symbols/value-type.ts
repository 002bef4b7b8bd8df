import type { EntryLocation } from './dwarf/parameters.ts';
import type { DebugLine } from './location.ts';

/** What a value of C is, as far as it matters for showing it. */
export type ValueType =
  | {
      readonly kind: 'integer';
      /** In bytes. */
      readonly size: 1 | 2 | 4 | 8;
      readonly isSigned: boolean;
      /** `flags`: shown in hexadecimal; `error`: with the name of the error. */
      readonly means: 'number' | 'flags' | 'error';
    }
  | { readonly kind: 'bool'; readonly size: 1 | 2 | 4 | 8 }
  | {
      readonly kind: 'enum';
      readonly size: 1 | 2 | 4 | 8;
      readonly isSigned: boolean;
      /** Values are sums of constants. */
      readonly isFlags: boolean;
      readonly constants: readonly EnumConstant[];
    }
  /** `isPointer`: a pointer to the characters; otherwise they are in place, as in `char name[256]`. */
  | { readonly kind: 'text'; readonly isPointer: boolean }
  | { readonly kind: 'pointer' };

export interface EnumConstant {
  readonly name: string;
  readonly value: number;
}

/** A member that is shown with a pointer to a structure. */
export interface TypedMember {
  /** `io_spa->spa_name`, as it is written behind the pointer's arrow. */
  readonly path: string;
  /** Offsets of the reads one after another, in bytes: `+288(+16(%di))` has 16, 288. Never empty. */
  readonly offsets: readonly number[];
  readonly type: ValueType;
}

export interface TypedArgument {
  /** Empty when it has none. */
  readonly name: string;
  /** As C declares it without the name: `zilog_t *`. */
  readonly declared: string;
  readonly place: EntryLocation;
  /** Null for what is no single value: a structure, a floating-point number. */
  readonly type: ValueType | null;
  /** Empty unless it points to a structure that is well known. */
  readonly members: readonly TypedMember[];
}

/** A function of a running build as its debug info has it, or the types that the kernel has of itself (BTF). */
export interface TypedFunction {
  /** Absent where it is debug info. */
  readonly from?: 'btf';
  /** In the order of the declaration. */
  readonly arguments: readonly TypedArgument[];
  /** Null for `void` and for what is no single value. */
  readonly returns: ValueType | null;
}

/** A place where a function was inlined, as debug info has it. */
export interface InlinedSite {
  /** Symbol whose code it is in, compiler suffix included. */
  readonly symbol: string;
  /** Bytes from the symbol's start to the first instruction of the inlined code. */
  readonly offset: number;
  /** From the line of the call outwards, through functions that were inlined too; the last is in the symbol's. Never empty. */
  readonly callers: readonly DebugLine[];
  /** In the order of the declaration, with where they are at that instruction. */
  readonly arguments: readonly TypedArgument[];
}

export interface InlinedSites {
  /** In the order of debug info. */
  readonly sites: readonly InlinedSite[];
  /**
   * Symbols of the code of its own that it has as well, compiled forms (`.isra.0`, `.constprop.1`) among them: calls that
   * were not inlined lead there.
   */
  readonly forms: readonly string[];
  /** Others that cannot be told to the kernel: several functions have the holder's name, or they are too many. */
  readonly hidden: number;
}

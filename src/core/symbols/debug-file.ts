/**
 * What an ELF file with debug info knows: which functions and source lines stand behind an address,
 * a function's parameters, a structure's members.
 */
import type { DebugParameter } from './dwarf/parameters.ts';
import type { MemberTable } from './dwarf/typed-function.ts';
import type { DebugEnumerator, DebugStruct } from './dwarf/types.ts';
import { guarded } from './elf/bytes.ts';
import type { MachineCode, ProcessAddress } from './elf/segments.ts';
import { ElfDebugFile } from './elf-debug-file.ts';
import type { CodeOrigin, DebugLine } from './location.ts';
import type { InlinedSites, TypedFunction } from './value-type.ts';

/** Random access to the bytes of a file; synchronous, so that an answer needs no scheduling. */
export interface ByteSource {
  /** In bytes. */
  readonly size: number;
  /**
   * The bytes [offset, offset + length), which lie inside the file. A shorter answer means that the
   * file ended early. The array is the caller's to keep and to change.
   * @param into of that length; the answer may be in it, which saves memory
   */
  read(offset: number, length: number, into?: Uint8Array): Uint8Array;
}

/** An address as it means something in a relocatable module: a section and an offset into it. */
export interface SectionAddress {
  /** `.text`, `.text.unlikely`, `.init.text` ... */
  readonly section: string;
  /** In bytes from the start of the section. */
  readonly offset: number;
}

/** A symbol of the file that has an address. */
export interface DebugSymbol extends SectionAddress {
  /** As in the symbol table, compiler suffix included. */
  readonly name: string;
  /** In bytes as the symbol table has it; 0 for some assembler labels. */
  readonly size: number;
  /** In bytes up to the next symbol in memory, or of a linked file in the section: the size that the kernel prints. */
  readonly extent: number;
}

/** A place in a function as a stack names it. */
export interface FramePlace {
  /** Symbol as printed, compiler suffix included: `zil_commit_impl.part.0`. */
  readonly symbol: string;
  /** Bytes from the symbol's start. */
  readonly offset: number;
  /** Bytes of the symbol; null where the text did not say. */
  readonly size: number | null;
  /** Where it is in a process, where the text says that and no offset. */
  readonly at?: ProcessAddress;
}

/** What stands behind a frame. */
export interface FrameLines {
  /** Innermost first; the last one is the function of the symbol. Never empty. */
  readonly lines: readonly DebugLine[];
  /** The frame's own address, also when the line was looked up one byte before it. */
  readonly address: SectionAddress;
}

export interface DebugFileOptions {
  /**
   * Unpacks a compressed debug section to exactly `size` bytes. Without it such sections are refused
   * with a sentence.
   */
  readonly decompress?: (kind: 'zlib' | 'zstd', bytes: Uint8Array, size: number) => Uint8Array;
  /** How many bytes of decoded debug info to keep for the next questions; 96 MB unless told. */
  readonly memory?: number;
}

/** @param line 0 where no line is known */
export type OriginVisitor = (origin: CodeOrigin, line: number, index: number) => void;

/** An ELF file that is open for questions. Reads only the parts that an answer needs. */
export interface DebugFile {
  /** `module` for a relocatable object (ET_REL), `executable` for programs, libraries and vmlinux. */
  readonly kind: 'module' | 'executable';
  readonly machine: 'x86-64' | 'arm64';
  /** GNU build-id in hexadecimal; null when the file has none. */
  readonly buildId: string | null;
  /** `srcversion` of a kernel module's `.modinfo`; null when there is none. */
  readonly srcversion: string | null;
  /** Name and CRC-32 of the separate debug file that `.gnu_debuglink` names. */
  readonly debugLink: { readonly name: string; readonly crc: number } | null;
  /** True when the file holds debug info that lines can be read from. */
  readonly hasLines: boolean;
  /** True when the debug info is split (`-gsplit-dwarf`) and most of it in `.dwo` files elsewhere. */
  readonly isSplit: boolean;
  /** Whether there is a section of this name that takes memory when the file is loaded. */
  hasSection(name: string): boolean;
  /** Symbols of exactly this name, in file order. */
  symbols(name: string): DebugSymbol[];
  /**
   * The chain of functions behind a frame. Among symbols of the same name the size decides; when it
   * fits none of them, or several with different lines, the answer is null: nothing is guessed.
   * @param isReturnAddress looks up the call before the address, not what comes after it
   */
  frame(place: FramePlace, isReturnAddress: boolean): FrameLines | null;
  /** Whether a symbol of this name and size is in the file, and the offset in it: true says nothing of lines. */
  fits(place: FramePlace): boolean;
  /** The chain at an address, innermost first; empty when debug info says nothing about it. */
  at(address: SectionAddress): DebugLine[];
  /**
   * What {@link at} tells, for many offsets into a section, each in a fraction of the time that it takes
   * alone. Calls back with the index of each and its chain, in the order of addresses and not at all
   * where that is empty.
   * @param section null for addresses of an executable or library as it is linked
   */
  forEach(section: string | null, offsets: ArrayLike<number>, visit: OriginVisitor): void;
  /**
   * What {@link at} tells, for an address of an executable or library as it is linked (before any relocation). Of a
   * file without debug info the function whose symbol holds the address, with no path and line 0.
   */
  atVirtual(address: bigint): DebugLine[];
  /** An address in a process as the file is linked; null where it is none of this file. */
  linked(where: ProcessAddress): number | null;
  /**
   * Whether the instruction before a linked address is a call, so that a stack can hold the address; null
   * where the file has no code there, as one with nothing but debug info.
   */
  followsCall(address: bigint): boolean | null;
  /** Whether the code at a linked address is this; null where the file has too little there to tell. */
  hasCode(address: number, code: MachineCode): boolean | null;
  /** The same of a frame, of any symbol that it can be of; null also where there is none. */
  frameFollowsCall(place: FramePlace): boolean | null;
  /**
   * Parameters of the very function or clone that begins at an address, with where they are when it is
   * entered; null when debug info knows no function there.
   */
  parameters(entry: SectionAddress): DebugParameter[] | null;
  /**
   * What the values of a call are: arguments with their type and place, chosen members of the structures that
   * they point to, and what is returned; null when debug info knows no function that begins there.
   */
  typedFunction(entry: SectionAddress, members: MemberTable): TypedFunction | null;
  /**
   * The places where a function was inlined, by its name in the source, and what else the compiler made of it; what is
   * in the code that runs at the start of a module only is not among them. All units are looked through: a second for
   * a large module.
   */
  inlinedSites(name: string, members: MemberTable): InlinedSites;
  /**
   * A structure or union by its tag or by a typedef's name: `dsl_pool`, `dsl_pool_t`; null when there
   * is none. Where several units have different ones of the same name, that of the unit of `near`
   * counts. A name that does not exist takes a look at all units: some tenths of a second.
   */
  struct(name: string, near?: SectionAddress): DebugStruct | null;
  /** The constants of an enumeration, found in the same way. */
  enumerators(name: string, near?: SectionAddress): DebugEnumerator[] | null;
}

/**
 * Opens a file.
 * @throws Failure when it is no ELF file, of a machine that is not supported, or damaged. The
 * questions of the answer throw it too, for damage that they meet.
 */
export function openDebugFile(source: ByteSource, options: DebugFileOptions = {}): DebugFile {
  return guarded(() => new ElfDebugFile(source, options));
}

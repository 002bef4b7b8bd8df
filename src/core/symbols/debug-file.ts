/**
 * What an ELF file with debug info knows: which functions and source lines stand behind an address,
 * a function's parameters, a structure's members.
 */
import type { DebugLine } from './location.ts';

/** Random access to the bytes of a file; synchronous, so that an answer needs no scheduling. */
export interface ByteSource {
  /** In bytes. */
  readonly size: number;
  /**
   * The bytes [offset, offset + length), which lie inside the file. A shorter answer means that the
   * file ended early. The array is the caller's to keep and to change.
   */
  read(offset: number, length: number): Uint8Array;
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
  /** In bytes up to the next symbol of the section or its end: the size that the kernel prints. */
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
  /** Symbols of exactly this name, in file order. */
  symbols(name: string): DebugSymbol[];
  /**
   * The chain of functions behind a frame. Among symbols of the same name the size decides; when it
   * fits none of them, or several with different lines, the answer is null: nothing is guessed.
   * @param isReturnAddress looks up the call before the address, not what comes after it
   */
  frame(place: FramePlace, isReturnAddress: boolean): FrameLines | null;
  /** The chain at an address, innermost first; empty when debug info says nothing about it. */
  at(address: SectionAddress): DebugLine[];
  /** The same for an address of an executable or library as it is linked (before any relocation). */
  atVirtual(address: bigint): DebugLine[];
  /** Forgets what was kept for speed. The file stays usable. */
  release(): void;
}

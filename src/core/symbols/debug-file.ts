/**
 * What an ELF file with debug info knows: which functions and source lines stand behind an address,
 * a function's parameters, a structure's members.
 */
import { sourceName } from '../stack/frame.ts';
import { ascending } from './ascending.ts';
import { endsWithCall, LONGEST_CALL } from './call-before.ts';
import { TAG_ENUMERATION_TYPE, TAG_STRUCTURE_TYPE, TAG_UNION_TYPE } from './dwarf/constants.ts';
import { DebugInfo } from './dwarf/debug-info.ts';
import { debugSections } from './dwarf/debug-section.ts';
import type { Entry } from './dwarf/entry.ts';
import { type DebugParameter, readParameters } from './dwarf/parameters.ts';
import { type MemberTable, readTypedFunction } from './dwarf/typed-function.ts';
import { type DebugEnumerator, type DebugStruct, enumeratorsOf, Types } from './dwarf/types.ts';
import { guarded } from './elf/bytes.ts';
import { ElfFile } from './elf/elf-file.ts';
import { buildIdOf, debugLinkOf, modinfo } from './elf/identity.ts';
import { Layout } from './elf/layout.ts';
import { type ElfSymbol, SymbolTable } from './elf/symbol-table.ts';
import { FrameSymbols } from './frame-symbols.ts';
import { InlinedSiteReader, NOWHERE } from './inlined-sites.ts';
import type { DebugLine } from './location.ts';
import type { InlinedSites, TypedFunction } from './value-type.ts';

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

type ChainVisitor = (chain: readonly DebugLine[], index: number) => void;

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
  /** Whether a symbol of this name and size is in the file, and the offset in it: true says nothing of lines. */
  fits(place: FramePlace): boolean;
  /** The chain at an address, innermost first; empty when debug info says nothing about it. */
  at(address: SectionAddress): DebugLine[];
  /**
   * What {@link at} tells, for many offsets into a section, each in a fraction of the time that it takes
   * alone. Calls back with the index of each and its chain, in the order of addresses and not at all
   * where that is empty. Addresses of the same function and line have the same array.
   * @param section null for addresses of an executable or library as it is linked
   */
  forEach(section: string | null, offsets: readonly number[], visit: ChainVisitor): void;
  /**
   * What {@link at} tells, for an address of an executable or library as it is linked (before any relocation). Of a
   * file without debug info the function whose symbol holds the address, with no path and line 0.
   */
  atVirtual(address: bigint): DebugLine[];
  /**
   * Whether the instruction before a linked address is a call, so that a stack can hold the address; null
   * where the file has no code there, as one with nothing but debug info.
   */
  followsCall(address: bigint): boolean | null;
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
  /** Forgets what was kept for speed. The file stays usable. */
  release(): void;
}

const DEFAULT_MEMORY = 96 << 20;

/**
 * Opens a file.
 * @throws Failure when it is no ELF file, of a machine that is not supported, or damaged. The
 * questions of the answer throw it too, for damage that they meet.
 */
export function openDebugFile(source: ByteSource, options: DebugFileOptions = {}): DebugFile {
  return guarded(() => new OpenFile(source, options));
}

class OpenFile implements DebugFile {
  readonly kind: DebugFile['kind'];
  readonly machine: DebugFile['machine'];
  readonly #elf: ElfFile;
  readonly #layout: Layout;
  readonly #info: DebugInfo | null;
  #table: SymbolTable | undefined;
  readonly #sites: InlinedSiteReader | null;
  readonly #frames: FrameSymbols;

  constructor(source: ByteSource, options: DebugFileOptions) {
    const elf = new ElfFile(source, options);
    this.#elf = elf;
    this.kind = elf.kind;
    this.machine = elf.machine;
    this.#layout = new Layout(elf);
    this.#frames = new FrameSymbols(elf.kind, () => this.#symbols());
    const sections = debugSections(elf, () => this.#symbols());
    this.#info = sections && new DebugInfo(sections, this.#layout, options.memory ?? DEFAULT_MEMORY);
    this.#sites =
      this.#info &&
      new InlinedSiteReader({
        info: this.#info,
        layout: this.#layout,
        machine: this.machine,
        symbols: () => this.#symbols(),
      });
  }

  // Read when they are asked for: a frame needs none of them.

  get buildId(): string | null {
    return guarded(() => buildIdOf(this.#elf));
  }

  get srcversion(): string | null {
    return guarded(() => modinfo(this.#elf, 'srcversion'));
  }

  get debugLink(): DebugFile['debugLink'] {
    return guarded(() => debugLinkOf(this.#elf));
  }

  get hasLines(): boolean {
    return guarded(() => this.#info?.hasLines ?? false);
  }

  get isSplit(): boolean {
    return guarded(() => this.#info?.isSplit() ?? false);
  }

  symbols(name: string): DebugSymbol[] {
    return guarded(() => this.#frames.named(name).map((symbol) => this.#describe(symbol)));
  }

  frame(place: FramePlace, isReturnAddress: boolean): FrameLines | null {
    return guarded(() => this.#frame(place, isReturnAddress));
  }

  fits(place: FramePlace): boolean {
    return guarded(() => this.#frames.fitting(place).length > 0);
  }

  at(address: SectionAddress): DebugLine[] {
    return guarded(() => {
      const number = this.#layout.locate(address);
      return number === null ? [] : this.#chain(number);
    });
  }

  forEach(section: string | null, offsets: readonly number[], visit: ChainVisitor): void {
    guarded(() => this.#forEach(section, offsets, visit));
  }

  atVirtual(address: bigint): DebugLine[] {
    const at = Number(BigInt.asIntN(64, address));
    return this.kind === 'module'
      ? []
      : guarded(() => {
          const chain = this.#chain(at);
          return chain.length === 0 && !this.hasLines ? this.#symbolAt(at) : chain;
        });
  }

  followsCall(address: bigint): boolean | null {
    return guarded(() => {
      const end = Number(BigInt.asIntN(64, address));
      const section = this.#elf.sections[this.#layout.sectionAt(end - 1)];
      if (this.kind === 'module' || section === undefined || this.#elf.sizeOf(section) === 0) {
        return null;
      }
      const offset = end - section.address;
      const length = Math.min(LONGEST_CALL, offset);
      return (
        this.#layout.isCode(end - 1) &&
        endsWithCall(this.#elf.read(section, offset - length, length), this.machine)
      );
    });
  }

  frameFollowsCall(place: FramePlace): boolean | null {
    const found = guarded(() => this.#frames.fitting(place)).map(({ address }) =>
      this.followsCall(BigInt(address + place.offset)),
    );
    return found.find((one) => one === true) ?? found.find((one) => one === null) ?? found[0] ?? null;
  }

  parameters(entry: SectionAddress): DebugParameter[] | null {
    return this.#ofFunction(entry, (types, subprogram, address) =>
      readParameters(types, subprogram, address, this.machine),
    );
  }

  typedFunction(entry: SectionAddress, members: MemberTable): TypedFunction | null {
    return this.#ofFunction(entry, (types, subprogram, address) =>
      readTypedFunction(types, subprogram, address, this.machine, members),
    );
  }

  /** Null when debug info knows no function there. */
  #ofFunction<T>(
    entry: SectionAddress,
    read: (types: Types, subprogram: Entry, address: number) => T,
  ): T | null {
    return guarded(() => {
      const address = this.#layout.locate(entry);
      const subprogram = address === null ? null : (this.#info?.functionAt(address) ?? null);
      const types = this.#types;
      return types && subprogram && address !== null ? read(types, subprogram, address) : null;
    });
  }

  inlinedSites(name: string, members: MemberTable): InlinedSites {
    return guarded(() => this.#sites?.read(name, members) ?? NOWHERE);
  }

  struct(name: string, near?: SectionAddress): DebugStruct | null {
    return guarded(() => {
      const types = this.#types;
      const type = this.#find(types, name, [TAG_STRUCTURE_TYPE, TAG_UNION_TYPE], near);
      return type && types
        ? {
            kind: type.tag === TAG_UNION_TYPE ? 'union' : 'struct',
            size: types.size(type) ?? 0,
            members: types.members(type),
          }
        : null;
    });
  }

  enumerators(name: string, near?: SectionAddress): DebugEnumerator[] | null {
    return guarded(() => {
      const type = this.#find(this.#types, name, [TAG_ENUMERATION_TYPE], near);
      return type && enumeratorsOf(type);
    });
  }

  /** For one question each: its work is limited. */
  get #types(): Types | null {
    return this.#info && new Types(this.#info);
  }

  #find(
    types: Types | null,
    name: string,
    tags: readonly number[],
    near: SectionAddress | undefined,
  ): Entry | null {
    const address = near === undefined ? null : this.#layout.locate(near);
    return types?.find(name, tags, address) ?? null;
  }

  release(): void {
    this.#info?.release();
    this.#sites?.release();
    this.#elf.release();
    this.#table = undefined;
  }

  #symbols(): SymbolTable {
    this.#table ??= new SymbolTable(this.#elf, this.#layout);
    return this.#table;
  }

  #describe(symbol: ElfSymbol): DebugSymbol {
    return {
      name: symbol.name,
      section: this.#layout.nameOf(symbol.section),
      offset: symbol.address - this.#layout.start(symbol.section),
      size: symbol.size,
      extent: this.#symbols().extent(symbol),
    };
  }

  #frame(place: FramePlace, isReturnAddress: boolean): FrameLines | null {
    const { offset } = place;
    const back = isReturnAddress && offset > 0 ? 1 : 0;
    let found: FrameLines | null = null;
    for (const candidate of this.#frames.fitting(place)) {
      const lines = this.#chain(candidate.address + offset - back);
      if (lines.length === 0) {
        continue;
      }
      if (found && JSON.stringify(found.lines) !== JSON.stringify(lines)) {
        return null;
      }
      const { section } = candidate;
      const start = candidate.address - this.#layout.start(section);
      found ??= { lines, address: { section: this.#layout.nameOf(section), offset: start + offset } };
    }
    return found;
  }

  #forEach(section: string | null, offsets: readonly number[], visit: ChainVisitor): void {
    if (section === null && this.kind === 'module') {
      return;
    }
    const everywhere = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY };
    const range = section === null ? everywhere : this.#layout.rangeOf(section);
    if (range !== null) {
      const base = section === null ? 0 : range.start;
      const { indices, sorted } = ascending(offsets, base, range.start, range.end);
      this.#info?.chains(sorted, (chain, place) =>
        visit(this.#named(chain, sorted[place] ?? 0), indices[place] ?? 0),
      );
    }
  }

  #chain(address: number): DebugLine[] {
    const chain = this.#info?.chain(address) ?? [];
    return this.#named(chain, address);
  }

  #symbolAt(address: number): DebugLine[] {
    const symbol = this.#symbols().functionAt(address);
    // What exports its functions alone has others between them.
    const holds = symbol !== null && address < symbol.address + symbol.size;
    return holds ? [{ function: sourceName(symbol.name), path: '', line: 0 }] : [];
  }

  /** The chain at an address; where debug info names no function, as in assembler, the symbol does. */
  #named<Chain extends readonly DebugLine[]>(chain: Chain, address: number): Chain | DebugLine[] {
    const [only] = chain;
    if (only && only.function === '' && chain.length === 1) {
      return [{ ...only, function: sourceName(this.#symbols().functionAt(address)?.name ?? '') }];
    }
    return chain;
  }
}

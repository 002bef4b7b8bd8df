/** Answers the questions of a {@link DebugFile} from the file's sections. */
import { sourceName } from '../stack/frame.ts';
import { ascending } from './ascending.ts';
import { endsWithCall, isInThunkCall, LONGEST_CALL } from './call-before.ts';
import type {
  ByteSource,
  DebugFile,
  DebugFileOptions,
  DebugSymbol,
  FrameLines,
  FramePlace,
  OriginVisitor,
  SectionAddress,
} from './debug-file.ts';
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
import { linkedAddress, type MachineCode, type ProcessAddress, TELLING_CODE } from './elf/segments.ts';
import { type ElfSymbol, SymbolTable } from './elf/symbol-table.ts';
import { FrameSymbols } from './frame-symbols.ts';
import { InlinedSiteReader, NOWHERE } from './inlined-sites.ts';
import type { DebugLine } from './location.ts';
import type { InlinedSites, TypedFunction } from './value-type.ts';

const DEFAULT_MEMORY = 96 << 20;

/** One file, with what was decoded of it. */
export class ElfDebugFile implements DebugFile {
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
    this.#info =
      sections &&
      new DebugInfo(sections, this.#layout, options.memory ?? DEFAULT_MEMORY, (address) =>
        sourceName(this.#symbols().functionAt(address)?.name ?? ''),
      );
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

  hasSection(name: string): boolean {
    return guarded(() => this.#layout.rangeOf(name) !== null);
  }

  symbols(name: string): DebugSymbol[] {
    return guarded(() => this.#frames.named(name).map((symbol) => this.#describe(symbol)));
  }

  frame(place: FramePlace, isReturnAddress: boolean): FrameLines | null {
    return guarded(() => this.#frame(place, isReturnAddress));
  }

  fits(place: FramePlace): boolean {
    return guarded(() => this.#fitting(place).length > 0);
  }

  at(address: SectionAddress): DebugLine[] {
    return guarded(() => {
      const number = this.#layout.locate(address);
      return number === null ? [] : this.#chain(number);
    });
  }

  forEach(section: string | null, offsets: ArrayLike<number>, visit: OriginVisitor): void {
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

  linked(where: ProcessAddress): number | null {
    return guarded(() => linkedAddress(this.#elf, where));
  }

  followsCall(address: bigint): boolean | null {
    return guarded(() => {
      const end = Number(BigInt.asIntN(64, address));
      const found = this.#codeAround(end, LONGEST_CALL, LONGEST_CALL);
      if (found === null || !this.#layout.isCode(end - 1)) {
        return found && false;
      }
      const { bytes, before } = found;
      const isThunk = this.kind === 'module' && this.machine === 'x86-64' && isInThunkCall(bytes, before);
      return isThunk || endsWithCall(bytes.subarray(0, before), this.machine);
    });
  }

  hasCode(address: number, { bytes, at }: MachineCode): boolean | null {
    return guarded(() => {
      const found = this.#codeAround(address + 1, at + 1, bytes.length - at - 1);
      // A section may have less than the text.
      return found === null || found.bytes.length < TELLING_CODE
        ? null
        : found.bytes.every((byte, index) => byte === bytes[at + 1 - found.before + index]);
    });
  }

  /** Bytes around an address of the layout, of the section of the one before it; null where the file has none. */
  #codeAround(address: number, before: number, behind: number): { bytes: Uint8Array; before: number } | null {
    const index = this.#layout.sectionAt(address - 1);
    const section = this.#elf.sections[index];
    const size = section === undefined ? 0 : this.#elf.sizeOf(section);
    if (section === undefined || size === 0) {
      return null;
    }
    const offset = address - this.#layout.start(index);
    const from = Math.max(0, offset - before);
    const bytes = this.#elf.read(section, from, Math.min(size, offset + behind) - from);
    return { bytes, before: offset - from };
  }

  frameFollowsCall(place: FramePlace): boolean | null {
    const found = guarded(() => this.#fitting(place)).map(({ address, offset }) =>
      this.followsCall(BigInt(address + offset)),
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

  /** The symbols that a frame can be of, with how far behind their beginning it is. */
  #fitting(place: FramePlace): { address: number; section: number; offset: number }[] {
    const linked = place.at === undefined ? null : linkedAddress(this.#elf, place.at);
    if (place.at !== undefined && linked === null) {
      return [];
    }
    const symbols = linked === null ? this.#frames.fitting(place) : this.#frames.around(place.symbol, linked);
    return symbols.map(({ address, section }) => ({
      address,
      section,
      offset: linked === null ? place.offset : linked - address,
    }));
  }

  #frame(place: FramePlace, isReturnAddress: boolean): FrameLines | null {
    let found: FrameLines | null = null;
    for (const { address, section, offset } of this.#fitting(place)) {
      const back = isReturnAddress && offset > 0 ? 1 : 0;
      const lines = this.#chain(address + offset - back);
      if (lines.length === 0) {
        continue;
      }
      if (found && JSON.stringify(found.lines) !== JSON.stringify(lines)) {
        return null;
      }
      const start = address - this.#layout.start(section);
      found ??= { lines, address: { section: this.#layout.nameOf(section), offset: start + offset } };
    }
    return found;
  }

  #forEach(section: string | null, offsets: ArrayLike<number>, visit: OriginVisitor): void {
    if (section === null && this.kind === 'module') {
      return;
    }
    const everywhere = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY };
    const range = section === null ? everywhere : this.#layout.rangeOf(section);
    if (range !== null) {
      const base = section === null ? 0 : range.start;
      const { indices, sorted } = ascending(offsets, base, range.start, range.end);
      this.#info?.origins(sorted, (origin, line, place) => visit(origin, line, indices[place] ?? 0));
    }
  }

  #chain(address: number): DebugLine[] {
    return this.#info?.chain(address) ?? [];
  }

  #symbolAt(address: number): DebugLine[] {
    const symbol = this.#symbols().functionAt(address);
    // What exports its functions alone has others between them.
    const holds = symbol !== null && address < symbol.address + symbol.size;
    return holds ? [{ function: sourceName(symbol.name), path: '', line: 0 }] : [];
  }
}

/** The frame of an ELF file: header and sections (System V ABI, "Object Files"; elf(5)). */
import { Failure } from '../../failure.ts';
import type { ByteSource, DebugFileOptions } from '../debug-file.ts';
import { damaged, int64, MOST_LETTERS, NOTHING, textOf, uint64, viewOf } from './bytes.ts';
import { PagedSource, type ReusedBytes } from './paged-source.ts';

const ET_REL = 1;
const ET_EXEC = 2;
const ET_DYN = 3;
const EM_X86_64 = 62;
const EM_AARCH64 = 183;

export const SHT_SYMTAB = 2;
export const SHT_RELA = 4;
export const SHT_NOBITS = 8;
export const SHT_DYNSYM = 11;
export const SHT_SYMTAB_SHNDX = 18;
export const SHF_ALLOC = 0x2;
export const SHF_EXECINSTR = 0x4;
const SHF_GROUP = 0x200;
export const SHF_COMPRESSED = 0x800;

const SHN_XINDEX = 0xffff;
const HEADER = 64;
const SECTION_HEADER = 64;
const PROGRAM_HEADER = 56;
/** Programs have about a dozen. */
const MOST_SEGMENTS = 256;
/** Modules built with -ffunction-sections have tens of thousands. */
const MOST_SECTIONS = 1 << 18;

const COMPRESSION = { 1: 'zlib', 2: 'zstd' } as const;
const COMPRESSION_HEADER = 24;
/** Before SHF_COMPRESSED, GNU tools packed .debug_info into .zdebug_info: these letters, then the size in big-endian order. */
const OLD_NAME = '.zdebug_';
const OLD_MAGIC = 0x5a4c4942;
const OLD_HEADER = 12;
/** All packed sections of a file together; the debug info of a whole distribution's kernel takes some 300 MB. */
const MOST_UNPACKED = 1 << 30;
/** Debug info becomes three to ten times smaller. */
const MOST_TIMES_LARGER = 100;

/** Machines as `e_machine` has them, for the sentence that refuses them. */
const OTHER_MACHINES: Readonly<Record<number, string>> = {
  2: 'SPARC',
  3: 'x86 (32 bit)',
  8: 'MIPS',
  20: 'PowerPC (32 bit)',
  21: 'ppc64',
  22: 's390x',
  40: 'arm (32 bit)',
  43: 'SPARC (64 bit)',
  243: 'RISC-V',
  258: 'LoongArch',
};

export interface Section {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** As linked; signed, so that addresses of the kernel are exact. */
  readonly address: number;
  /** Where its bytes are in the file. */
  readonly offset: number;
  /** Bytes in the file; for a section without any (.bss) bytes in memory. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  /** In bytes; 0 and 1 are none. */
  readonly alignment: number;
}

/** What the program headers say of a part of the file. */
export interface Segment {
  readonly type: number;
  readonly flags: number;
  /** Its address as linked. */
  readonly start: number;
  /** Bytes in memory. */
  readonly size: number;
}

export class ElfFile {
  readonly kind: 'module' | 'executable';
  /** It runs at the addresses it was linked for (ET_EXEC), as programs do that are not position-independent. */
  readonly isFixed: boolean;
  readonly machine: 'x86-64' | 'arm64';
  readonly sections: readonly Section[];
  readonly #source: PagedSource;
  readonly #decompress: DebugFileOptions['decompress'];
  readonly #unpacked = new Map<number, Uint8Array>();

  /** @throws Failure for a file that is no ELF, of a machine that is not supported, or damaged */
  constructor(source: ByteSource, options: DebugFileOptions) {
    this.#source = new PagedSource(source);
    this.#decompress = options.decompress;
    const header = this.#source.read(0, Math.min(HEADER, source.size));
    this.machine = machineOf(header);
    const view = viewOf(header);
    const type = view.getUint16(16, true);
    if (type !== ET_REL && type !== ET_EXEC && type !== ET_DYN) {
      throw new Failure(
        'bad-file',
        `The file is an ELF file, but of a type without symbols (${type === 4 ? 'a core dump' : `type ${type}`}).`,
        'Choose the module, the program or the library itself.',
      );
    }
    this.kind = type === ET_REL ? 'module' : 'executable';
    this.isFixed = type === ET_EXEC;
    this.sections = this.#readSections(uint64(view, 40), view.getUint16(60, true), view.getUint16(62, true));
  }

  /** The first section of this name that has contents; members of a section group come last. */
  section(name: string): Section | null {
    const all = this.sections.filter((section) => section.name === name && section.type !== SHT_NOBITS);
    return all.find(({ flags }) => (flags & SHF_GROUP) === 0) ?? all[0] ?? null;
  }

  /** Bytes of a section as a program sees them: after unpacking. */
  sizeOf(section: Section): number {
    if (section.type === SHT_NOBITS) {
      return 0;
    }
    return section.flags & SHF_COMPRESSED ? this.#unpack(section).length : section.size;
  }

  /** A part of a section's contents. Not to be written to. @param into see {@link PagedSource.read} */
  read(section: Section, offset: number, length: number, into?: ReusedBytes): Uint8Array {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.sizeOf(section))) {
      throw damaged(`something points outside of its section ${section.name}`);
    }
    return section.flags & SHF_COMPRESSED
      ? this.#unpack(section).subarray(offset, offset + length)
      : this.#source.read(section.offset + offset, length, into);
  }

  /** All contents of a section. Not to be written to. */
  contents(section: Section): Uint8Array {
    return this.read(section, 0, this.sizeOf(section));
  }

  segments(): Segment[] {
    const header = viewOf(this.#source.read(0, HEADER));
    const count = Math.min(header.getUint16(56, true), MOST_SEGMENTS);
    const view = viewOf(this.#source.read(uint64(header, 32), count * PROGRAM_HEADER));
    return Array.from({ length: count }, (_, index) => {
      const at = index * PROGRAM_HEADER;
      return {
        type: view.getUint32(at, true),
        flags: view.getUint32(at + 4, true),
        start: int64(view, at + 16),
        size: uint64(view, at + 40),
      };
    });
  }

  #readSections(tableOffset: number, claimed: number, claimedNames: number): Section[] {
    if (tableOffset === 0) {
      throw damaged('it has no sections');
    }
    // Large counts are in the first header (elf(5), e_shnum and e_shstrndx).
    const first = viewOf(this.#source.read(tableOffset, SECTION_HEADER));
    const count = claimed === 0 ? uint64(first, 32) : claimed;
    const names = claimedNames === SHN_XINDEX ? first.getUint32(40, true) : claimedNames;
    if (count > MOST_SECTIONS) {
      throw damaged(`it claims to have ${count} sections`);
    }
    const bytes = this.#source.read(tableOffset, count * SECTION_HEADER);
    const view = viewOf(bytes);
    let text: Uint8Array = NOTHING;
    if (names < count) {
      const at = names * SECTION_HEADER;
      text = this.#source.read(uint64(view, at + 24), uint64(view, at + 32));
    }
    let letters = 0;
    return Array.from({ length: count }, (_, index) => {
      const at = index * SECTION_HEADER;
      const start = view.getUint32(at, true);
      const end = text.indexOf(0, start);
      letters += Math.max(0, (end < 0 ? text.length : end) - start);
      if (letters > MOST_LETTERS) {
        throw damaged('the names of its sections are longer than any real ones');
      }
      const name = start < text.length && end >= 0 ? textOf(text.subarray(start, end)) : '';
      const isOld = name.startsWith(OLD_NAME);
      return {
        index,
        name: isOld ? `.debug_${name.slice(OLD_NAME.length)}` : name,
        type: view.getUint32(at + 4, true),
        // Flags above 32 bits belong to processors and are not used here.
        flags: view.getUint32(at + 8, true) | (isOld ? SHF_COMPRESSED : 0),
        address: int64(view, at + 16),
        offset: uint64(view, at + 24),
        size: uint64(view, at + 32),
        link: view.getUint32(at + 40, true),
        info: view.getUint32(at + 44, true),
        alignment: uint64(view, at + 48),
      };
    });
  }

  /** @throws Failure when the section is packed in a way that is not known, or too large */
  #unpack(section: Section): Uint8Array {
    const kept = this.#unpacked.get(section.index);
    if (kept) {
      return kept;
    }
    if (section.size < COMPRESSION_HEADER) {
      throw damaged(`its section ${section.name} is too short to be compressed`);
    }
    const view = viewOf(this.#source.read(section.offset, COMPRESSION_HEADER));
    const isOld = view.getUint32(0) === OLD_MAGIC;
    const header = isOld ? OLD_HEADER : COMPRESSION_HEADER;
    const kind = COMPRESSION[(isOld ? 1 : view.getUint32(0, true)) as keyof typeof COMPRESSION] as
      | 'zlib'
      | 'zstd'
      | undefined;
    const size = isOld ? Number(view.getBigUint64(4)) : uint64(view, 8);
    if (kind === undefined || !this.#decompress) {
      throw new Failure(
        'unsupported',
        `The debug info is compressed by ${kind ?? 'a method'}, which ZScope cannot unpack here.`,
        'Unpack it with: objcopy --decompress-debug-sections FILE.',
      );
    }
    const others = [...this.#unpacked.values()].reduce((sum, { length }) => sum + length, 0);
    if (size > Math.min(MOST_UNPACKED - others, section.size * MOST_TIMES_LARGER)) {
      throw damaged(
        `its section ${section.name} claims to unpack to ${size} bytes${others > 0 ? `, beside ${others} of others` : ''}`,
      );
    }
    const packed = this.#source.read(section.offset + header, section.size - header);
    let bytes: Uint8Array;
    try {
      bytes = this.#decompress(kind, packed, size);
    } catch (error) {
      throw damaged(`its section ${section.name} cannot be unpacked (${String(error)})`);
    }
    if (bytes.length !== size) {
      throw damaged(`its section ${section.name} unpacks to ${bytes.length} bytes instead of ${size}`);
    }
    this.#unpacked.set(section.index, bytes);
    return bytes;
  }
}

/** The machine that an ELF header names. @throws Failure for one that cannot be read */
function machineOf(header: Uint8Array): 'x86-64' | 'arm64' {
  const [a, b, c, d, bits, order] = header;
  if (a !== 0x7f || b !== 0x45 || c !== 0x4c || d !== 0x46) {
    throw new Failure(
      'bad-file',
      'The file is not an ELF file.',
      'Choose a kernel module (.ko), vmlinux, a program or a library; unpack a compressed one first.',
    );
  }
  if (header.length < HEADER) {
    throw damaged('it ends within its header');
  }
  const number = viewOf(header).getUint16(18, order !== 2);
  if (bits === 2 && order === 1 && number === EM_X86_64) {
    return 'x86-64';
  }
  if (bits === 2 && order === 1 && number === EM_AARCH64) {
    return 'arm64';
  }
  const machine = OTHER_MACHINES[number] ?? `machine ${number}`;
  throw new Failure(
    'unsupported',
    `The file is for ${machine}${order === 2 ? ', big-endian' : ''}; ZScope reads debug info of x86-64 and arm64.`,
    'The lines of its frames can be had with addr2line on that machine.',
  );
}

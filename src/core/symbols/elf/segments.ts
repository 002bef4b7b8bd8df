/** Where the parts of a linked file are in a process (elf(5), Elf64_Phdr). */
import type { ElfFile } from './elf-file.ts';

const PT_LOAD = 1;
const PF_X = 1;
/** Sizes of pages: of x86-64 the first, arm64 has all (CONFIG_ARM64_PAGE_SHIFT). */
const PAGES = [4096, 16384, 65536] as const;

/** An address in a process, as a text says it: where a call returns to, or the process stopped. */
export interface ProcessAddress {
  /** From where the file was loaded; with {@link mapped}, which says where a process stopped, from the beginning of that mapping. */
  readonly address: number;
  /** The same as the processor has it; absent where the text does not say. */
  readonly pc?: number;
  /** Bytes of the executable mapping that the address is in; absent where the text does not say. */
  readonly mapped?: number;
}

/** So many bytes of code tell builds apart. */
export const TELLING_CODE = 16;

/** Code as it was in a process. */
export interface MachineCode {
  readonly bytes: readonly number[];
  /** Which of the bytes the address is that of. */
  readonly at: number;
}

/**
 * The address as the file is linked; null where it is none of this file. That of a program which is not
 * position-independent is the processor's. A mapping is that of a segment, in whole pages
 * (fs/binfmt_elf.c, elf_map; glibc elf/dl-load.h): the size tells which, and other builds.
 */
export function linkedAddress(elf: ElfFile, { address, pc, mapped }: ProcessAddress): number | null {
  if (elf.kind === 'module') {
    return null;
  }
  if (mapped === undefined) {
    return elf.isFixed ? (pc ?? address) : address;
  }
  for (const page of PAGES) {
    for (const { type, flags, start, size } of elf.segments()) {
      const first = start - (start % page);
      const isIt =
        type === PT_LOAD &&
        (flags & PF_X) !== 0 &&
        Math.ceil((start + size) / page) * page - first === mapped;
      const linked = first + address;
      // A program that is not position-independent is where it was linked for; all else never is.
      if (isIt && address >= 0 && address < mapped && (pc === linked) === elf.isFixed) {
        return linked;
      }
    }
  }
  return null;
}

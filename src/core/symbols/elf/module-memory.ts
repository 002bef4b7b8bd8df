/** How the kernel lays the code of a module out in memory (kernel/module/main.c, __layout_sections). */
import { type ElfFile, SHF_ALLOC, SHF_EXECINSTR } from './elf-file.ts';

/** Bytes of a page: of arm64 a kernel may have larger ones. */
const PAGES = { 'x86-64': [4096], arm64: [4096, 16_384, 65_536] } as const;

/**
 * Bytes between the end of a section and the next symbol in memory. Sections with code lie one behind the
 * other in the file's order, each at its alignment, those of initialization apart from the others; behind
 * the last one the rest of its page counts. Where the file does not tell the page's size, all that it can be.
 * @param firstSymbol offset of the first symbol of a section; null when it has none
 */
export function gapsBehind(
  elf: ElfFile,
  index: number,
  firstSymbol: (section: number) => number | null,
): readonly number[] {
  const isInit = (name: string) => name.startsWith('.init');
  const own = elf.sections[index];
  let size = 0;
  let end: number | null = null;
  for (const section of elf.sections) {
    const isCode = (section.flags & SHF_ALLOC) !== 0 && (section.flags & SHF_EXECINSTR) !== 0;
    if (own === undefined || !isCode || isInit(section.name) !== isInit(own.name)) {
      continue;
    }
    size = alignUp(size, section.alignment);
    const first = end === null ? null : firstSymbol(section.index);
    if (end !== null && first !== null) {
      return [size + first - end];
    }
    size += section.size;
    if (section.index === index) {
      end = size;
    }
  }
  const last = end;
  return last === null ? [0] : PAGES[elf.machine].map((page) => alignUp(size, page) - last);
}

function alignUp(size: number, alignment: number): number {
  return alignment > 1 ? Math.ceil(size / alignment) * alignment : size;
}

/** What tells one build of a file from another. */
import { NOTHING, searchable, uint64, viewOf } from './bytes.ts';
import { type ElfFile, SHF_COMPRESSED } from './elf-file.ts';

const NT_GNU_BUILD_ID = 3;
const SHT_NOTE = 7;
/** Notes and .modinfo are a few dozen KB at most. */
const MOST = 1 << 20;
/** A file has a handful of notes; what claims to have more is not searched to its end. */
const MOST_NOTES = 64;

function bounded(elf: ElfFile, name: string): Uint8Array {
  const section = elf.section(name);
  return section ? elf.read(section, 0, Math.min(elf.sizeOf(section), MOST)) : NOTHING;
}

/** The GNU build-id in hexadecimal (elf(5), "Notes"); null when there is none. */
export function buildIdOf(elf: ElfFile): string | null {
  // vmlinux has all notes in one section, so the name alone does not find it.
  const notes = elf.sections.filter(
    // Notes are loaded with the file, and so never compressed.
    ({ type, flags, size }) => type === SHT_NOTE && (flags & SHF_COMPRESSED) === 0 && size <= MOST,
  );
  for (const section of notes.slice(0, MOST_NOTES)) {
    const id = buildIdIn(elf.contents(section));
    if (id !== null) {
      return id;
    }
  }
  return null;
}

function buildIdIn(notes: Uint8Array): string | null {
  const view = viewOf(notes);
  let at = 0;
  while (at + 12 <= notes.length) {
    const nameSize = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    const name = at + 12;
    const start = name + Math.ceil(nameSize / 4) * 4;
    if (start + size > notes.length) {
      return null;
    }
    if (
      view.getUint32(at + 8, true) === NT_GNU_BUILD_ID &&
      searchable(notes.subarray(name, name + 4)) === 'GNU\0'
    ) {
      return Array.from(notes.subarray(start, start + size), (byte) =>
        byte.toString(16).padStart(2, '0'),
      ).join('');
    }
    at = start + Math.ceil(size / 4) * 4;
  }
  return null;
}

const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;
const PT_NOTE = 4;

/**
 * The GNU build-id by the first bytes of a linked file, where linkers put its notes (elf(5), Elf64_Phdr); null when
 * they hold none, or are of no 64-bit little-endian ELF file.
 */
export function buildIdOfHead(head: Uint8Array): string | null {
  const view = viewOf(head);
  if (head.length < ELF_HEADER || view.getUint32(0) !== 0x7f454c46 || view.getUint16(4) !== 0x0201) {
    return null;
  }
  const table = uint64(view, 32);
  for (let index = 0; index < view.getUint16(56, true); index++) {
    const at = table + index * PROGRAM_HEADER;
    if (at + PROGRAM_HEADER > head.length) {
      return null;
    }
    const offset = uint64(view, at + 8);
    if (view.getUint32(at, true) === PT_NOTE && offset < head.length) {
      const id = buildIdIn(head.subarray(offset, offset + uint64(view, at + 32)));
      if (id !== null) {
        return id;
      }
    }
  }
  return null;
}

/** A value of a kernel module's `.modinfo`: `srcversion`, `version` (include/linux/moduleparam.h). */
export function modinfo(elf: ElfFile, key: string): string | null {
  const entry = searchable(bounded(elf, '.modinfo'))
    .split('\0')
    .find((text) => text.startsWith(`${key}=`));
  return entry === undefined ? null : entry.slice(key.length + 1);
}

/** Name and CRC-32 of the separate debug file (GDB manual, "Separate Debug Files"). */
export function debugLinkOf(elf: ElfFile): { name: string; crc: number } | null {
  const bytes = bounded(elf, '.gnu_debuglink');
  const end = bytes.indexOf(0);
  const at = Math.ceil((end + 1) / 4) * 4;
  if (end <= 0 || at + 4 > bytes.length) {
    return null;
  }
  return { name: searchable(bytes.subarray(0, end)), crc: viewOf(bytes).getUint32(at, true) };
}

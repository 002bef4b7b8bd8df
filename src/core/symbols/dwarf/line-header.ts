/** The head of a line table: how its program is coded, and its files (DWARF 5, section 6.2.4). */
import { Cursor, damaged } from '../elf/bytes.ts';
import * as dw from './constants.ts';
import type { DebugSection, DebugSections } from './debug-section.ts';
import { readLength } from './unit-header.ts';
import type { UnitReader } from './unit-reader.ts';

/** That of a whole kernel, if it were one unit, takes some 40 MB. */
const MOST_BYTES = 1 << 26;

/** A table of directories or files. Most of its strings are never asked for. */
interface PathTable {
  /** Strings, or offsets of them in `section`. */
  readonly names: (string | number)[];
  readonly section: DebugSection | null;
  /** Number of the directory of each. */
  readonly directories: number[];
}

function nameAt(table: PathTable, index: number): string | undefined {
  const name = table.names[index];
  return typeof name === 'number' ? (table.section?.string(name) ?? '') : name;
}

export class LineHeader {
  constructor(
    /** Directory of the compiler. */
    readonly home: string,
    readonly version: number,
    readonly minInstruction: number,
    readonly lineBase: number,
    readonly lineRange: number,
    readonly opcodeBase: number,
    /** Operands of the opcodes from 1 on. */
    readonly operandCounts: Uint8Array,
    readonly directories: PathTable,
    readonly files: PathTable,
  ) {}

  /** Bytes that it keeps. */
  get weight(): number {
    return this.files.names.length * 16;
  }

  /** Adds a file in the form that tables before DWARF 5 have. */
  define(cursor: Cursor): void {
    readOldFile(cursor, this.files);
  }

  /** Absolute path of a file by its number, as addr2line prints it; empty when there is none. */
  path(file: number): string {
    // Files count from 1 before DWARF 5, from 0 since.
    const index = this.version >= 5 ? file : file - 1;
    const name = nameAt(this.files, index) ?? '';
    if (name === '' || name.startsWith('/')) {
      return name;
    }
    // Before DWARF 5, directory 0 is that of the compiler and not in the table.
    const number = (this.files.directories[index] ?? 0) - (this.version >= 5 ? 0 : 1);
    const directory = nameAt(this.directories, number) ?? '';
    const parts = directory.startsWith('/') ? [directory, name] : [this.home, directory, name];
    return parts.filter((part) => part !== '').join('/');
  }
}

/** Reads the head of the table at an offset; the program is the cursor's bytes up to their end. */
export function readLineHeader(
  sections: DebugSections,
  unit: UnitReader,
  offset: number,
): { header: LineHeader; program: Cursor } {
  const { line } = sections;
  if (!line) {
    throw damaged('its line tables are missing');
  }
  // The length comes first, in the same form as that of a unit.
  const head = new Cursor(line.raw(offset, Math.min(12, line.size - offset)));
  const { length, offsetSize } = readLength(head);
  if (length > MOST_BYTES) {
    throw damaged(`one of its line tables takes ${length} bytes`);
  }
  const cursor = line.cursor(offset, head.position + length);
  cursor.position = head.position;
  const version = cursor.u16();
  if (version < 2 || version > 5) {
    throw damaged(`a line table is of version ${version}`);
  }
  if (version >= 5) {
    cursor.skip(2); // sizes of addresses and segment selectors
  }
  const headerLength = cursor.offset(offsetSize);
  const start = cursor.position + headerLength;
  if (headerLength > cursor.remaining) {
    throw damaged('the head of a line table ends behind the table');
  }
  const minInstruction = cursor.u8();
  if (version >= 4) {
    cursor.skip(1); // operations of an instruction: more than one only on VLIW machines
  }
  cursor.skip(1); // whether rows begin as statements
  const lineBase = cursor.i8();
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  if (lineRange === 0 || opcodeBase === 0) {
    throw damaged('a line table has a range of no lines');
  }
  const operandCounts = cursor.bytes.subarray(cursor.position, cursor.position + opcodeBase - 1);
  cursor.skip(opcodeBase - 1);
  const tables =
    version >= 5
      ? { directories: readTable(cursor, unit, offsetSize), files: readTable(cursor, unit, offsetSize) }
      : readOldTables(cursor);
  const header = new LineHeader(
    unit.root.directory,
    version,
    minInstruction,
    lineBase,
    lineRange,
    opcodeBase,
    operandCounts,
    tables.directories,
    tables.files,
  );
  cursor.position = start;
  return { header, program: cursor };
}

/**
 * The table of directories or of files of DWARF 5.
 * @param offsetSize that of the line table; GNU as writes 32-bit tables for 64-bit units too
 */
function readTable(cursor: Cursor, unit: UnitReader, offsetSize: number): PathTable {
  const format: number[] = [];
  for (let left = cursor.u8() * 2; left > 0; left--) {
    format.push(cursor.uleb());
  }
  const count = cursor.uleb();
  if (count > cursor.remaining) {
    throw damaged('a line table claims to have more files than bytes');
  }
  const { lineStr, str } = unit.sections;
  const nameForm = format[format.findIndex((type, at) => at % 2 === 0 && type === dw.LNCT_PATH) + 1];
  const section = nameForm === dw.FORM_LINE_STRP ? lineStr : nameForm === dw.FORM_STRP ? str : null;
  const table: PathTable = { names: [], section, directories: [] };
  for (let left = count; left > 0; left--) {
    let name: string | number = '';
    let directory = 0;
    for (let at = 0; at < format.length; at += 2) {
      const form = format[at + 1] ?? 0;
      if (format[at] === dw.LNCT_PATH) {
        name = section ? cursor.offset(offsetSize) : unit.string(cursor, form);
      } else {
        const value = unit.number(cursor, form, 0);
        directory = format[at] === dw.LNCT_DIRECTORY_INDEX ? value : directory;
      }
    }
    table.names.push(name);
    table.directories.push(directory);
  }
  return table;
}

/** The tables of directories and files before DWARF 5: strings, each table ended by an empty one. */
function readOldTables(cursor: Cursor): { directories: PathTable; files: PathTable } {
  const directories: PathTable = { names: [], section: null, directories: [] };
  for (let text = cursor.string(); text !== ''; text = cursor.string()) {
    directories.names.push(text);
  }
  const files: PathTable = { names: [], section: null, directories: [] };
  while (cursor.bytes[cursor.position] !== 0) {
    readOldFile(cursor, files);
  }
  return { directories, files };
}

function readOldFile(cursor: Cursor, files: PathTable): void {
  files.names.push(cursor.string());
  files.directories.push(cursor.uleb());
  cursor.uleb(); // time of last change
  cursor.uleb(); // size
}

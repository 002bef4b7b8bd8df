/** The head of a line table: how its program is coded, and its files (DWARF 5, section 6.2.4). */
import { Cursor, damaged } from '../elf/bytes.ts';
import * as dw from './constants.ts';
import type { DebugSections } from './debug-section.ts';
import { readLength } from './unit-header.ts';
import type { UnitReader } from './unit-reader.ts';

/** A string of the tables of files: itself, or where it is. Most of them are never asked for. */
type Text = string | (() => string);

interface FileEntry {
  readonly name: Text;
  readonly directory: number;
}

/** Pairs of content type and form, one after the other. */
type Format = readonly number[];

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
    readonly directories: readonly Text[],
    readonly files: FileEntry[],
  ) {}

  /** Adds a file in the form that tables before DWARF 5 have. */
  define(cursor: Cursor): void {
    this.files.push(readOldFile(cursor));
  }

  /** Absolute path of a file by its number, as addr2line prints it; empty when there is none. */
  path(file: number): string {
    // Files count from 1 before DWARF 5, from 0 since.
    const entry = this.files[this.version >= 5 ? file : file - 1];
    if (!entry) {
      return '';
    }
    const name = resolve(entry.name);
    if (name === '' || name.startsWith('/')) {
      return name;
    }
    const { home } = this;
    // Before DWARF 5, directory 0 is that of the compiler and not in the table.
    const listed = this.directories[this.version >= 5 ? entry.directory : entry.directory - 1];
    const directory = listed === undefined ? home : resolve(listed);
    const parts =
      directory.startsWith('/') || directory === home ? [directory, name] : [home, directory, name];
    return parts.filter((part) => part !== '').join('/');
  }
}

function resolve(text: Text): string {
  return typeof text === 'string' ? text : text();
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
  const head = new Cursor(line.relocated(offset, Math.min(12, line.size - offset)));
  const { length, offsetSize } = readLength(head);
  const cursor = new Cursor(line.relocated(offset, head.position + length), head.position);
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
      ? { directories: readTable(cursor, unit).map(({ name }) => name), files: readTable(cursor, unit) }
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

/** The table of directories or of files of DWARF 5. */
function readTable(cursor: Cursor, unit: UnitReader): FileEntry[] {
  const format: number[] = [];
  for (let left = cursor.u8() * 2; left > 0; left--) {
    format.push(cursor.uleb());
  }
  const count = cursor.uleb();
  if (count > cursor.remaining) {
    throw damaged('a line table claims to have more files than bytes');
  }
  return Array.from({ length: count }, () => readEntry(cursor, unit, format));
}

function readEntry(cursor: Cursor, unit: UnitReader, format: Format): FileEntry {
  let name: Text = '';
  let directory = 0;
  for (let at = 0; at < format.length; at += 2) {
    const form = format[at + 1] ?? 0;
    switch (format[at]) {
      case dw.LNCT_PATH:
        name = readText(cursor, unit, form);
        break;
      case dw.LNCT_DIRECTORY_INDEX:
        directory = unit.number(cursor, form, 0);
        break;
      default:
        unit.number(cursor, form, 0);
    }
  }
  return { name, directory };
}

function readText(cursor: Cursor, unit: UnitReader, form: number): Text {
  const { lineStr, str } = unit.sections;
  switch (form) {
    case dw.FORM_LINE_STRP: {
      const offset = unit.number(cursor, form, 0);
      return () => lineStr?.string(offset) ?? '';
    }
    case dw.FORM_STRP: {
      const offset = unit.number(cursor, form, 0);
      return () => str?.string(offset) ?? '';
    }
    default:
      return unit.string(cursor, form);
  }
}

/** The tables of directories and files before DWARF 5: strings, each table ended by an empty one. */
function readOldTables(cursor: Cursor): { directories: Text[]; files: FileEntry[] } {
  const directories: Text[] = [];
  for (let text = cursor.string(); text !== ''; text = cursor.string()) {
    directories.push(text);
  }
  const files: FileEntry[] = [];
  while (cursor.bytes[cursor.position] !== 0) {
    files.push(readOldFile(cursor));
  }
  return { directories, files };
}

function readOldFile(cursor: Cursor): FileEntry {
  const name = cursor.string();
  const directory = cursor.uleb();
  cursor.uleb(); // time of last change
  cursor.uleb(); // size
  return { name, directory };
}

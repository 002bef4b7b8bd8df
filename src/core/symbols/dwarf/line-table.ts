/** Line tables: which line of which file the code at an address came from (DWARF 5, section 6.2). */
import { type Cursor, damaged } from '../elf/bytes.ts';
import type { Layout } from '../elf/layout.ts';
import * as dw from './constants.ts';
import type { DebugSections } from './debug-section.ts';
import { type LineHeader, readLineHeader } from './line-header.ts';
import type { UnitReader } from './unit-reader.ts';

/** Numbers for each row in {@link LineTable.rows}. */
const ROW = 3;

/** Code without gaps: rows [firstRow, lastRow) of the table. */
interface Sequence {
  readonly low: number;
  /** The address behind its last byte. */
  readonly high: number;
  readonly firstRow: number;
  readonly lastRow: number;
}

export class LineTable {
  readonly #paths = new Map<number, string>();

  constructor(
    readonly header: LineHeader,
    /** By ascending address. */
    readonly sequences: readonly Sequence[],
    /** {@link ROW} numbers for each row: bytes from the start of its sequence, file, line. */
    readonly rows: Uint32Array,
  ) {}

  /** Bytes that it keeps. */
  get weight(): number {
    return this.rows.length * 4 + this.sequences.length * 64 + this.header.weight;
  }

  /** The row that covers an address; -1 for none. */
  find(address: number): number {
    let low = 0;
    let high = this.sequences.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.sequences[middle]?.low ?? 0) <= address) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const sequence = this.sequences[low - 1];
    if (!sequence || address >= sequence.high) {
      return -1;
    }
    const offset = address - sequence.low;
    low = sequence.firstRow;
    high = sequence.lastRow;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.rows[middle * ROW] ?? 0) <= offset) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low > sequence.firstRow ? low - 1 : -1;
  }

  fileOf(row: number): number {
    return this.rows[row * ROW + 1] ?? 0;
  }

  /** Line of a row; 0 for code that no line stands for. */
  lineOf(row: number): number {
    return this.rows[row * ROW + 2] ?? 0;
  }

  /** Absolute path of a file by its number in this table; empty when there is none. */
  path(file: number): string {
    let path = this.#paths.get(file);
    if (path === undefined) {
      path = this.header.path(file);
      if (path !== '') {
        this.#paths.set(file, path);
      }
    }
    return path;
  }
}

/** Reads the line table of a unit; null when it has none. */
export function readLineTable(sections: DebugSections, unit: UnitReader, layout: Layout): LineTable | null {
  const { lines } = unit.root;
  if (!sections.line || lines === null) {
    return null;
  }
  const { header, program } = readLineHeader(sections, unit, lines);
  return new LineProgram(header, program, layout).run();
}

/** The machine that a line number program runs on (section 6.2.2). */
class LineProgram {
  readonly #sequences: Sequence[] = [];
  #rows: Uint32Array;
  /** Rows of finished sequences and of the present one. */
  #count = 0;
  /** Rows of finished sequences. */
  #finished = 0;
  #start = 0;

  constructor(
    readonly header: LineHeader,
    readonly program: Cursor,
    readonly layout: Layout,
  ) {
    // Compilers write about four bytes a row.
    this.#rows = new Uint32Array(((program.remaining >> 2) + 16) * ROW);
  }

  run(): LineTable {
    const { header, program } = this;
    const { opcodeBase, lineBase, lineRange, minInstruction } = header;
    const constAdvance = Math.floor((255 - opcodeBase) / lineRange) * minInstruction;
    let address = 0;
    let file = 1;
    let line = 1;
    let isOpen = false;
    while (program.remaining > 0) {
      const opcode = program.u8();
      if (opcode >= opcodeBase) {
        const adjusted = opcode - opcodeBase;
        address += Math.floor(adjusted / lineRange) * minInstruction;
        line += lineBase + (adjusted % lineRange);
        this.#row(address, file, line, isOpen);
        isOpen = true;
        continue;
      }
      switch (opcode) {
        case 0: {
          const length = program.uleb();
          const next = program.position + length;
          if (length === 0 || length > program.remaining) {
            throw damaged('a line table has an instruction of a length that cannot be');
          }
          const extended = program.u8();
          if (extended === dw.LNE_END_SEQUENCE) {
            this.#finish(address);
            address = 0;
            file = 1;
            line = 1;
            isOpen = false;
          } else if (extended === dw.LNE_SET_ADDRESS) {
            address = program.address(length - 1 === 4 ? 4 : 8);
          } else if (extended === dw.LNE_DEFINE_FILE) {
            header.define(program);
          }
          program.position = next;
          break;
        }
        case dw.LNS_COPY:
          this.#row(address, file, line, isOpen);
          isOpen = true;
          break;
        case dw.LNS_ADVANCE_PC:
          address += program.uleb() * minInstruction;
          break;
        case dw.LNS_ADVANCE_LINE:
          line += program.sleb();
          break;
        case dw.LNS_SET_FILE:
          file = program.uleb();
          break;
        case dw.LNS_SET_COLUMN:
          program.uleb();
          break;
        case dw.LNS_CONST_ADD_PC:
          address += constAdvance;
          break;
        case dw.LNS_FIXED_ADVANCE_PC:
          address += program.u16();
          break;
        default:
          // Flags that are not needed have no operands; others are announced in the header.
          for (let left = header.operandCounts[opcode - 1] ?? 0; left > 0; left--) {
            program.uleb();
          }
      }
    }
    return this.#table();
  }

  #row(address: number, file: number, line: number, isOpen: boolean): void {
    if (!isOpen) {
      this.#start = address;
    }
    const offset = address - this.#start;
    let at = this.#count * ROW;
    if (this.#count > this.#finished && this.#rows[at - ROW] === offset) {
      // Several lines at one address: the last one holds, as for addr2line, eu-addr2line and gdb.
      at -= ROW;
    } else {
      if (at === this.#rows.length) {
        const larger = new Uint32Array(at * 2);
        larger.set(this.#rows);
        this.#rows = larger;
      }
      this.#count++;
    }
    this.#rows[at] = offset;
    this.#rows[at + 1] = file;
    this.#rows[at + 2] = line;
  }

  /** The end of a sequence. One of code that the linker dropped is forgotten. */
  #finish(high: number): void {
    if (this.#count > this.#finished && high > this.#start && this.layout.isCode(this.#start)) {
      this.#sequences.push({ low: this.#start, high, firstRow: this.#finished, lastRow: this.#count });
      this.#finished = this.#count;
    }
    this.#count = this.#finished;
  }

  #table(): LineTable {
    const sequences = this.#sequences.sort((a, b) => a.low - b.low);
    return new LineTable(this.header, sequences, this.#rows.slice(0, this.#finished * ROW));
  }
}

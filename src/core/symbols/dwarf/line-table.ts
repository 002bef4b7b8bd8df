/** Line tables: which line of which file the code at an address came from (DWARF 5, section 6.2). */
import { type Cursor, damaged, MOST_LETTERS } from '../elf/bytes.ts';
import type { Layout } from '../elf/layout.ts';
import * as dw from './constants.ts';
import type { DebugSections } from './debug-section.ts';
import { type LineHeader, readLineHeader } from './line-header.ts';
import type { UnitReader } from './unit-reader.ts';

/** Numbers for each row in {@link LineTable.rows}. */
const ROW = 3;

/** Rows behind the one found last that are looked at before a search. */
const NEAR = 4;

/** Code without gaps: rows [firstRow, lastRow) of the table. */
interface Sequence {
  readonly low: number;
  /** The address behind its last byte. */
  readonly high: number;
  readonly firstRow: number;
  readonly lastRow: number;
}

export class LineTable {
  /** By number of the file; those that were asked for. */
  readonly #paths: (string | undefined)[] = [];
  #letters = 0;
  /** What was found last: addresses that are asked for in their order are at it or just behind it. */
  #lastSequence = -1;
  #lastRow = -1;

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
    const sequence = this.#sequenceAt(address);
    if (!sequence) {
      return -1;
    }
    const { rows } = this;
    const offset = address - sequence.low;
    let low = sequence.firstRow;
    let high = sequence.lastRow;
    if (this.#lastRow >= 0 && (rows[this.#lastRow * ROW] ?? 0) <= offset) {
      low = this.#lastRow + 1;
      const near = Math.min(low + NEAR, high);
      while (low < near && (rows[low * ROW] ?? 0) <= offset) {
        low++;
      }
      high = low < near ? low : high;
    }
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((rows[middle * ROW] ?? 0) <= offset) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low === sequence.firstRow) {
      return -1;
    }
    this.#lastRow = low - 1;
    return low - 1;
  }

  #sequenceAt(address: number): Sequence | null {
    const { sequences } = this;
    const last = sequences[this.#lastSequence];
    const next = sequences[this.#lastSequence + 1];
    if (last && address >= last.low && address < (next?.low ?? last.high)) {
      return address < last.high ? last : null;
    }
    let low = 0;
    let high = sequences.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sequences[middle]?.low ?? 0) <= address) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    // Its row is not the last one's any more.
    this.#lastSequence = low - 1;
    this.#lastRow = -1;
    const sequence = sequences[low - 1];
    return sequence && address < sequence.high ? sequence : null;
  }

  /** More than the number of any file of this table. */
  get fileNumbers(): number {
    return this.header.files.names.length + 2;
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
    let path = this.#paths[file];
    if (path === undefined) {
      path = this.header.path(file);
      if (path !== '') {
        this.#paths[file] = path;
        this.#letters += path.length;
        if (this.#letters > MOST_LETTERS) {
          throw damaged('the paths in one of its line tables are longer than any real ones');
        }
      }
    }
    return path;
  }
}

/**
 * Reads the line table of a unit; null when it has none.
 * @param only the address that alone will be asked about: what stands behind it in a module, where sequences do not
 * overlap, is not read
 */
export function readLineTable(
  sections: DebugSections,
  unit: UnitReader,
  layout: Layout,
  only: number | null = null,
): LineTable | null {
  const { lines } = unit.root;
  if (!sections.line || lines === null) {
    return null;
  }
  const { header, program } = readLineHeader(sections, unit, lines);
  return new LineProgram(header, program, layout, only).run();
}

/** The machine that a line number program runs on (section 6.2.2). */
class LineProgram {
  readonly #sequences: Sequence[] = [];
  #rows: Uint32Array;
  /** Rows of finished sequences. */
  #finished = 0;

  constructor(
    readonly header: LineHeader,
    readonly program: Cursor,
    readonly layout: Layout,
    readonly only: number | null,
  ) {
    // Compilers write about four bytes a row.
    this.#rows = new Uint32Array(((program.remaining >> 2) + 16) * ROW);
  }

  /** Written for the first frame of a process too, in which no code is compiled yet: few calls. */
  run(): LineTable {
    const { program } = this;
    const { opcodeBase, operandCounts, minInstruction } = this.header;
    const { bytes } = program;
    const { addresses, lines } = this.#specialOpcodes();
    // Rows are in the order of addresses within a sequence.
    const last = (this.layout.elf.kind === 'module' ? this.only : null) ?? Number.POSITIVE_INFINITY;
    let rows = this.#rows;
    let count = 0;
    let start = 0;
    let address = 0;
    let file = 1;
    let line = 1;
    while (program.position < bytes.length) {
      const opcode = bytes[program.position++] ?? 0;
      if (opcode >= opcodeBase || opcode === dw.LNS_COPY) {
        address += addresses[opcode] ?? 0;
        line += lines[opcode] ?? 0;
        if (count === this.#finished) {
          start = address;
        }
        const offset = address - start;
        let at = count * ROW;
        if (count > this.#finished && rows[at - ROW] === offset) {
          // Several lines at one address: the last one holds, as for addr2line, eu-addr2line and gdb.
          at -= ROW;
        } else {
          if (at === rows.length) {
            rows = this.#grow();
          }
          count++;
        }
        rows[at] = offset;
        rows[at + 1] = file;
        rows[at + 2] = line;
        if (address > last && start <= last && this.layout.isCode(start)) {
          this.#finish(start, address, count);
          break;
        }
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
            this.#finish(start, address, count);
            count = this.#finished;
            address = 0;
            file = 1;
            line = 1;
          } else if (extended === dw.LNE_SET_ADDRESS) {
            address = program.address(length - 1 === 4 ? 4 : 8);
          } else if (extended === dw.LNE_DEFINE_FILE) {
            this.header.define(program);
          }
          program.position = next;
          break;
        }
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
          address += addresses[255] ?? 0;
          break;
        case dw.LNS_FIXED_ADVANCE_PC:
          address += program.u16();
          break;
        default:
          // Flags that are not needed have no operands; others are announced in the header.
          for (let left = operandCounts[opcode - 1] ?? 0; left > 0; left--) {
            program.uleb();
          }
      }
    }
    const sequences = this.#sequences.sort((a, b) => a.low - b.low);
    return new LineTable(this.header, sequences, rows.slice(0, this.#finished * ROW));
  }

  /** What each opcode adds to address and line: special opcodes both, others nothing (section 6.2.5.1). */
  #specialOpcodes(): { addresses: Uint32Array; lines: Int32Array } {
    const { opcodeBase, lineBase, lineRange, minInstruction } = this.header;
    const addresses = new Uint32Array(256);
    const lines = new Int32Array(256);
    for (let opcode = opcodeBase; opcode < 256; opcode++) {
      const adjusted = opcode - opcodeBase;
      addresses[opcode] = Math.floor(adjusted / lineRange) * minInstruction;
      lines[opcode] = lineBase + (adjusted % lineRange);
    }
    return { addresses, lines };
  }

  /** The end of a sequence. One of code that the linker dropped is forgotten. */
  #finish(low: number, high: number, count: number): void {
    if (count > this.#finished && high > low && this.layout.isCode(low)) {
      this.#sequences.push({ low, high, firstRow: this.#finished, lastRow: count });
      this.#finished = count;
    }
  }

  #grow(): Uint32Array {
    const larger = new Uint32Array(this.#rows.length * 2);
    larger.set(this.#rows);
    this.#rows = larger;
    return larger;
  }
}

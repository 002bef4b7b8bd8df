/** Which unit knows about an address: by `.debug_aranges` (DWARF 5, section 6.1.2), else by the units. */
import { ascending, countAtMost } from '../ascending.ts';
import { Cursor, damaged, NOTHING } from '../elf/bytes.ts';
import type { Abbreviations } from './abbreviations.ts';
import { Budget } from './budget.ts';
import type { DebugSection, DebugSections } from './debug-section.ts';
import { RangeCollector } from './range-lists.ts';
import { readLength, readUnitHeader, type UnitHeader } from './unit-header.ts';
import { UnitReader } from './unit-reader.ts';

/** Bytes of a unit in which its root entry ends, mostly. */
const ROOT = 1024;

/** Units of a file; those of a distribution's kernel are some thousands. */
const MOST_UNITS = 1 << 20;
/** Bytes of abbreviations and entries of range lists that may be read to find out where all units are. */
const MOST_STEPS = 1 << 26;

/** Ranges of addresses with the start of their unit, sorted. */
class RangeTable {
  readonly #lows: Float64Array;
  readonly #highs: Float64Array;
  readonly #units: Float64Array;
  /** What was found last: the next address is often in the same range. */
  #last = -1;

  constructor(
    lows: readonly number[],
    highs: readonly number[],
    readonly units: readonly number[],
  ) {
    const { sorted, indices } = ascending(lows, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    this.#lows = sorted;
    this.#highs = Float64Array.from(indices, (index) => highs[index] ?? 0);
    this.#units = Float64Array.from(indices, (index) => units[index] ?? 0);
  }

  /** Start of the unit at an address; -1 for none. */
  find(address: number): number {
    const last = this.#last;
    const isInLast = address >= (this.#lows[last] ?? Number.POSITIVE_INFINITY);
    if (!isInLast || address >= (this.#lows[last + 1] ?? Number.POSITIVE_INFINITY)) {
      this.#last = countAtMost(address, this.#lows) - 1;
    }
    const found = this.#last;
    return found >= 0 && address < (this.#highs[found] ?? 0) ? (this.#units[found] ?? -1) : -1;
  }
}

export class UnitIndex {
  #byRanges: RangeTable | undefined;
  #byUnits: RangeTable | undefined;
  #headers: UnitHeader[] | undefined;
  #starts: Float64Array | undefined;

  constructor(readonly sections: DebugSections) {}

  /** Start of the unit whose code is at an address; -1 for none. */
  unitAt(address: number): number {
    this.#byRanges ??= readAranges(this.sections.aranges);
    const found = this.#byRanges.find(address);
    if (found >= 0) {
      return found;
    }
    // clang writes no .debug_aranges unless told to, and a linker may mix its units with GCC's.
    this.#byUnits ??= this.#readRoots(new Set(this.#byRanges.units));
    return this.#byUnits.find(address);
  }

  /** Start of the unit that an entry is in, by the entry's offset. */
  unitOfEntry(offset: number): number {
    const headers = this.headers();
    this.#starts ??= Float64Array.from(headers, ({ start }) => start);
    const header = headers[countAtMost(offset, this.#starts) - 1];
    if (!header || offset >= header.end) {
      throw damaged('an entry refers to one that does not exist');
    }
    return header.start;
  }

  /** Whether the first unit stands in for one in a `.dwo` file. */
  isSplit(): boolean {
    return readBeginning(this.sections, 0).root.isSplit;
  }

  /** Heads of all units in file order; where their abbreviations are is not right in a module. */
  headers(): readonly UnitHeader[] {
    if (!this.#headers) {
      const { info } = this.sections;
      this.#headers = [];
      for (let start = 0; start < info.size; ) {
        const header = readUnitHeader(info, start, null);
        if (this.#headers.length >= MOST_UNITS) {
          throw damaged('it has more units than any real file');
        }
        this.#headers.push(header);
        start = header.end;
      }
    }
    return this.#headers;
  }

  /** Ranges of the units that are not `known`, by what their root entries say. */
  #readRoots(known: ReadonlySet<number>): RangeTable {
    const lows: number[] = [];
    const highs: number[] = [];
    const units: number[] = [];
    const budget = new Budget(MOST_STEPS);
    let table: Abbreviations | undefined;
    for (const header of this.headers()) {
      if (header.isType || known.has(header.start)) {
        continue;
      }
      const unit = readBeginning(this.sections, header.start);
      if (unit.abbreviations !== table) {
        table = unit.abbreviations;
        budget.spend(table.size);
      }
      const ranges = new RangeCollector(unit, budget);
      const { lowPc, highPc, ranges: list } = unit.root;
      if (list !== null) {
        ranges.addList(list);
      } else if (highPc !== null) {
        ranges.add(lowPc, highPc);
      }
      for (const [index, low] of ranges.lows.entries()) {
        lows.push(low);
        highs.push(ranges.highs[index] ?? low);
        units.push(header.start);
      }
    }
    return new RangeTable(lows, highs, units);
  }
}

function readBeginning(sections: DebugSections, start: number): UnitReader {
  try {
    return new UnitReader(sections, start, { most: ROOT });
  } catch (error) {
    if (!(error instanceof RangeError)) {
      throw error;
    }
    return new UnitReader(sections, start);
  }
}

function readAranges(section: DebugSection | null): RangeTable {
  const lows: number[] = [];
  const highs: number[] = [];
  const units: number[] = [];
  const size = section?.size ?? 0;
  const cursor = section?.cursor(0, size) ?? new Cursor(NOTHING);
  while (cursor.remaining > 0) {
    const start = cursor.position;
    const { length, offsetSize } = readLength(cursor);
    const end = cursor.position + length;
    if (length > cursor.remaining) {
      throw damaged('its table of address ranges ends behind its section');
    }
    cursor.skip(2); // version: 2 in all of DWARF 2 to 5
    const unit = cursor.offset(offsetSize);
    const addressSize = cursor.u8();
    if (addressSize !== 8 && addressSize !== 4) {
      throw damaged(`its table of address ranges has addresses of ${addressSize} bytes`);
    }
    cursor.skip(1); // size of segment selectors
    // Pairs are aligned to their own size, counted from the start of the set.
    const pair = 2 * addressSize;
    cursor.position = start + Math.ceil((cursor.position - start) / pair) * pair;
    while (cursor.position + pair <= end) {
      const low = cursor.address(addressSize);
      // A length is what it is: no relocation stands for it.
      const bytes = addressSize === 8 ? cursor.u64() : cursor.u32();
      if (low !== 0 || bytes !== 0) {
        lows.push(low);
        highs.push(low + bytes);
        units.push(unit);
      }
    }
    cursor.position = end;
  }
  return new RangeTable(lows, highs, units);
}

/** Lists of address ranges: `.debug_rnglists` of DWARF 5 (section 7.25), `.debug_ranges` before. */
import { type Cursor, damaged } from '../elf/bytes.ts';
import type { Budget } from './budget.ts';
import * as dw from './constants.ts';
import type { UnitReader } from './unit-reader.ts';
import type { RangeReference } from './unit-root.ts';

/** Ranges [low, high) of a unit, gathered in two lists. */
export class RangeCollector {
  readonly lows: number[] = [];
  readonly highs: number[] = [];

  constructor(
    readonly unit: UnitReader,
    readonly budget: Budget,
  ) {}

  add(low: number, high: number): void {
    if (low >= high) {
      return;
    }
    this.lows.push(low);
    this.highs.push(high);
  }

  /** Adds the ranges of a list. */
  addList(reference: RangeReference): void {
    const { header, sections } = this.unit;
    const section = header.version >= 5 ? sections.rnglists : sections.ranges;
    if (!section) {
      throw damaged('its lists of address ranges are missing');
    }
    const offset = reference.isIndex ? this.#offsetOf(reference.value) : reference.value;
    const before = this.lows.length;
    section.reading(offset, (cursor) => {
      if (this.lows.length > before) {
        // The list turned out to be longer than what was read of it.
        this.lows.length = before;
        this.highs.length = before;
      }
      if (header.version >= 5) {
        this.#readRangeList(cursor);
      } else {
        this.#readPairs(cursor);
      }
    });
  }

  /** Where the list of a number is: the table at the unit's base has offsets from that base. */
  #offsetOf(index: number): number {
    const { header, sections, bases } = this.unit;
    const base = bases.rangeLists;
    const offset = sections.rnglists?.reading(base + index * header.offsetSize, (cursor) =>
      cursor.offset(header.offsetSize),
    );
    return base + (offset ?? 0);
  }

  #readRangeList(cursor: Cursor): void {
    const { unit } = this;
    const { addressSize } = unit.header;
    let base = unit.root.lowPc;
    for (;;) {
      this.budget.spend(1);
      const kind = cursor.u8();
      switch (kind) {
        case dw.RLE_END:
          return;
        case dw.RLE_BASE_ADDRESSX:
          base = unit.number(cursor, dw.FORM_ADDRX, 0);
          break;
        case dw.RLE_STARTX_ENDX:
          this.add(unit.number(cursor, dw.FORM_ADDRX, 0), unit.number(cursor, dw.FORM_ADDRX, 0));
          break;
        case dw.RLE_STARTX_LENGTH: {
          const start = unit.number(cursor, dw.FORM_ADDRX, 0);
          this.add(start, start + cursor.uleb());
          break;
        }
        case dw.RLE_OFFSET_PAIR:
          this.add(base + cursor.uleb(), base + cursor.uleb());
          break;
        case dw.RLE_BASE_ADDRESS:
          base = cursor.address(addressSize);
          break;
        case dw.RLE_START_END:
          this.add(cursor.address(addressSize), cursor.address(addressSize));
          break;
        case dw.RLE_START_LENGTH: {
          const start = cursor.address(addressSize);
          this.add(start, start + cursor.uleb());
          break;
        }
        default:
          throw damaged(`a list of address ranges has the unknown entry ${kind}`);
      }
    }
  }

  #readPairs(cursor: Cursor): void {
    const { addressSize } = this.unit.header;
    let base = this.unit.root.lowPc;
    for (;;) {
      this.budget.spend(1);
      const low = cursor.address(addressSize);
      const high = cursor.address(addressSize);
      if (low === 0 && high === 0) {
        return;
      }
      // The largest address, -1, announces a new base.
      if (low === (addressSize === 8 ? -1 : 0xffffffff)) {
        base = high;
      } else {
        this.add(base + low, base + high);
      }
    }
  }
}

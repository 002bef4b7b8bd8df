/**
 * The functions of a unit and what was inlined into them (DWARF 5, sections 3.3.1 and 3.3.8): a
 * forest in which an address leads from the outermost function to the innermost.
 */
import { countAtMost } from '../ascending.ts';
import { type Cursor, damaged } from '../elf/bytes.ts';
import type { Layout } from '../elf/layout.ts';
import { type Abbreviation, isAddressForm, STRIDE, skipStep } from './abbreviations.ts';
import { Budget } from './budget.ts';
import * as dw from './constants.ts';
import { RangeCollector } from './range-lists.ts';
import type { UnitReader } from './unit-reader.ts';

/** Nesting of blocks and inlined functions; real code has a few dozen. */
const DEEPEST = 1024;
/** How often a function inside of functions is stepped over, on average: once for each that it is in. */
const MOST_NESTED_SKIPS = 64;
/** Entries of range lists in a unit; a kernel built in one piece by LTO stays far below. */
const MOST_RANGES = 1 << 22;

export const NO_SCOPE = -1;

/** Scopes are numbered as they stand in the file: a scope, then all that is inside of it. */
export class Scopes {
  /** Ranges of functions of their own by ascending start, and the function that each belongs to. */
  readonly #starts: Float64Array;
  readonly #stops: Float64Array;
  readonly #functions: Uint32Array;
  /** What was found last, and for which addresses. */
  #lastLow = 0;
  #lastHigh = 0;
  #lastFound = NO_SCOPE;

  constructor(
    /** The scope that this one was inlined into; -1 for a function of its own. */
    readonly parents: Int32Array,
    /** The number after the last scope inside of this one. */
    readonly ends: Int32Array,
    /** Offset of the scope's entry in `.debug_info`. */
    readonly entries: Float64Array,
    /** Offset of the entry that has the name of the scope or leads to it. */
    readonly origins: Float64Array,
    readonly callFiles: Int32Array,
    readonly callLines: Int32Array,
    /** Number of the first range of each scope, and behind them the number of ranges. */
    readonly firstRanges: Int32Array,
    readonly lows: Float64Array,
    readonly highs: Float64Array,
  ) {
    const outermost: number[] = [];
    const owners = new Map<number, number>();
    for (let scope = 0; scope < parents.length; scope = ends[scope] ?? parents.length) {
      for (let range = firstRanges[scope] ?? 0; range < (firstRanges[scope + 1] ?? 0); range++) {
        outermost.push(range);
        owners.set(range, scope);
      }
    }
    outermost.sort((a, b) => (lows[a] ?? 0) - (lows[b] ?? 0));
    this.#starts = Float64Array.from(outermost, (range) => lows[range] ?? 0);
    this.#stops = Float64Array.from(outermost, (range) => highs[range] ?? 0);
    this.#functions = Uint32Array.from(outermost, (range) => owners.get(range) ?? 0);
  }

  /** Bytes that it keeps. */
  get weight(): number {
    return this.parents.length * 36 + this.lows.length * 16;
  }

  /** The innermost scope at an address; -1 for none. */
  find(address: number): number {
    // Addresses that are asked for in their order are mostly in the scope found last.
    if (address < this.#lastLow || address >= this.#lastHigh) {
      this.#lastFound = this.#search(address);
    }
    return this.#lastFound;
  }

  /** Also notes from which address to which the answer is the same. */
  #search(address: number): number {
    const next = countAtMost(address, this.#starts);
    const stop = this.#stops[next - 1] ?? Number.NEGATIVE_INFINITY;
    const following = this.#starts[next] ?? Number.POSITIVE_INFINITY;
    this.#lastLow = address;
    if (address >= stop) {
      this.#lastHigh = following;
      return NO_SCOPE;
    }
    this.#lastHigh = Math.min(stop, following);
    return this.#innermost(this.#functions[next - 1] ?? 0, address);
  }

  /** The function of its own at an address, whatever was inlined there; -1 for none. */
  outermost(address: number): number {
    let scope = this.find(address);
    while (scope !== NO_SCOPE && this.parents[scope] !== NO_SCOPE) {
      scope = this.parents[scope] ?? NO_SCOPE;
    }
    return scope;
  }

  /** The innermost scope at an address that lies in `outer`; the answer holds up to the next bound of what was looked at. */
  #innermost(outer: number, address: number): number {
    const { lows, highs } = this;
    let found = outer;
    let end = this.ends[outer] ?? 0;
    let bound = this.#lastHigh;
    for (let scope = outer + 1; scope < end; ) {
      let range = this.firstRanges[scope] ?? 0;
      const last = this.firstRanges[scope + 1] ?? 0;
      if (range === last) {
        // It has no ranges of its own; what is inside of it may.
        scope++;
        continue;
      }
      for (; range < last; range++) {
        const low = lows[range] ?? 0;
        const high = highs[range] ?? 0;
        if (address < low) {
          bound = Math.min(low, bound);
        } else if (address < high) {
          bound = Math.min(high, bound);
          break;
        }
      }
      if (range < last) {
        found = scope;
        end = this.ends[scope] ?? 0;
        scope++;
      } else {
        scope = this.ends[scope] ?? end;
      }
    }
    this.#lastHigh = bound;
    return found;
  }
}

/**
 * Reads the scopes of a unit.
 * @param only reads what was inlined only into the function at this address. Of the others there is just where they
 * are; in a module, where code has one function, not even that of those behind it.
 */
export function readScopes(unit: UnitReader, layout: Layout, only: number | null = null): Scopes {
  return new ScopeWalk(unit, layout, only).run();
}

class ScopeWalk {
  readonly #cursor: Cursor;
  readonly #ranges: RangeCollector;
  /** Bytes of nested functions that are stepped over, to be read later. */
  readonly #skips: Budget;
  readonly #parents: number[] = [];
  readonly #ends: number[] = [];
  readonly #entries: number[] = [];
  readonly #origins: number[] = [];
  readonly #callFiles: number[] = [];
  readonly #callLines: number[] = [];
  readonly #firstRanges: number[] = [];
  /** For each entry whose children are being read: the scope they are in. */
  readonly #inside: number[] = [];
  /** For each of them: the scope that ends with them; -1 for a mere block. */
  readonly #closing: number[] = [];
  #isFound = false;
  /** Functions defined inside of functions, whose code is elsewhere: a GNU extension. */
  readonly #nested: number[] = [];

  constructor(
    readonly unit: UnitReader,
    readonly layout: Layout,
    readonly only: number | null,
  ) {
    this.#cursor = unit.cursor();
    this.#skips = new Budget(MOST_NESTED_SKIPS * this.#cursor.bytes.length);
    this.#ranges = new RangeCollector(unit, new Budget(MOST_RANGES));
  }

  run(): Scopes {
    const cursor = this.#cursor;
    const root = this.unit.abbreviations.get(cursor.uleb());
    this.unit.abbreviations.skip(cursor, root);
    if (root.hasChildren) {
      this.#enter(NO_SCOPE, NO_SCOPE);
      this.#walk();
    }
    for (let offset = this.#nested.pop(); offset !== undefined; offset = this.#nested.pop()) {
      cursor.position = offset;
      this.#visit(offset, this.unit.abbreviations.get(cursor.uleb()), NO_SCOPE);
      this.#walk();
    }
    this.#firstRanges.push(this.#ranges.lows.length);
    return new Scopes(
      new Int32Array(this.#parents),
      new Int32Array(this.#ends),
      new Float64Array(this.#entries),
      new Float64Array(this.#origins),
      new Int32Array(this.#callFiles),
      new Int32Array(this.#callLines),
      new Int32Array(this.#firstRanges),
      new Float64Array(this.#ranges.lows),
      new Float64Array(this.#ranges.highs),
    );
  }

  /** Reads entries until those whose children are being read have ended. */
  #walk(): void {
    const cursor = this.#cursor;
    const { bytes } = cursor;
    const { abbreviations } = this.unit;
    while (this.#inside.length > 0) {
      this.#skipOthers();
      const position = cursor.position;
      if (position >= bytes.length) {
        // Some assemblers leave out the end of the root's children.
        this.#leave();
        continue;
      }
      const code = cursor.uleb();
      if (code === 0) {
        this.#leave();
        continue;
      }
      const abbreviation = abbreviations.get(code);
      if (abbreviation.isScope) {
        this.#visit(position, abbreviation, this.#inside.at(-1) ?? NO_SCOPE);
      } else if (abbreviation.size >= 0 && !abbreviation.hasChildren) {
        // Most entries are types and variables; this is all that is done with them.
        cursor.position += abbreviation.size;
      } else {
        this.unit.skipEntry(cursor, abbreviation);
      }
    }
  }

  /** Goes over types and variables, which most entries are, with as few steps as there can be. */
  #skipOthers(): void {
    const cursor = this.#cursor;
    const { bytes } = cursor;
    const { plainSizes, siblingsAt } = this.unit.abbreviations;
    let position = cursor.position;
    for (;;) {
      const code = bytes[position] ?? 0;
      const size = plainSizes[code] ?? 0;
      if (size > 0) {
        position += size;
        continue;
      }
      const at = position + (siblingsAt[code] ?? 0);
      const sibling = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
      // What is not plainly right is left to the one who says what is wrong with it.
      if (at === position || bytes[at + 3] !== 0 || sibling <= at || sibling > bytes.length) {
        break;
      }
      position = sibling;
    }
    cursor.position = position;
  }

  #enter(inside: number, closing: number): void {
    if (this.#inside.length >= DEEPEST) {
      throw damaged('its entries are nested too deeply');
    }
    this.#inside.push(inside);
    this.#closing.push(closing);
  }

  #leave(): void {
    this.#inside.pop();
    const scope = this.#closing.pop() ?? NO_SCOPE;
    if (scope !== NO_SCOPE) {
      this.#ends[scope] = this.#parents.length;
    }
    if (this.#isFound && this.#inside.at(-1) === NO_SCOPE) {
      // The function has ended: the rest of the unit is not asked about.
      this.#inside.length = 0;
      this.#nested.length = 0;
    }
  }

  /** One function or block; the cursor is behind its abbreviation code and goes to the entry to look at next. */
  #visit(position: number, abbreviation: Abbreviation, parent: number): void {
    switch (abbreviation.tag) {
      case dw.TAG_SUBPROGRAM:
        if (parent === NO_SCOPE) {
          this.#visitScope(position, abbreviation, parent);
        } else {
          this.#nested.push(position);
          this.unit.skipEntry(this.#cursor, abbreviation);
          this.#skips.spend(this.#cursor.position - position);
        }
        break;
      case dw.TAG_INLINED_SUBROUTINE:
        this.#visitScope(position, abbreviation, parent);
        break;
      default:
        this.unit.abbreviations.skip(this.#cursor, abbreviation);
        if (abbreviation.hasChildren) {
          this.#enter(parent, NO_SCOPE);
        }
    }
  }

  #visitScope(position: number, abbreviation: Abbreviation, parent: number): void {
    const scope = this.#parents.length;
    const firstRange = this.#ranges.lows.length;
    const attributes = this.#cursor.position;
    const { callFile, callLine, origin } = this.#readScope(abbreviation);
    const hasCode = this.#ranges.lows.length > firstRange;
    if (!hasCode && (abbreviation.tag === dw.TAG_SUBPROGRAM || !abbreviation.hasChildren)) {
      // A declaration, or what its inlined instances have in common.
      this.#cursor.position = attributes;
      this.unit.skipEntry(this.#cursor, abbreviation);
      return;
    }
    this.#parents.push(parent);
    this.#ends.push(scope + 1);
    const entry = this.unit.header.start + position;
    this.#entries.push(entry);
    this.#origins.push(origin ?? entry);
    this.#callFiles.push(callFile);
    this.#callLines.push(callLine);
    this.#firstRanges.push(firstRange);
    if (!abbreviation.hasChildren) {
      return;
    }
    if (this.only !== null && parent === NO_SCOPE) {
      if (!this.#holds(firstRange, this.only)) {
        this.#cursor.position = attributes;
        this.unit.skipEntry(this.#cursor, abbreviation);
        return;
      }
      this.#isFound = this.layout.elf.kind === 'module';
    }
    this.#enter(scope, scope);
  }

  /** Whether one of the ranges from a number on holds an address. */
  #holds(firstRange: number, address: number): boolean {
    const { lows, highs } = this.#ranges;
    for (let range = firstRange; range < lows.length; range++) {
      if ((lows[range] ?? 0) <= address && address < (highs[range] ?? 0)) {
        return true;
      }
    }
    return false;
  }

  /** Reads the attributes of a function; its ranges go to the collector. */
  #readScope(abbreviation: Abbreviation): { callFile: number; callLine: number; origin: number | null } {
    const { unit } = this;
    const cursor = this.#cursor;
    const { attributes } = unit.abbreviations;
    let callFile = 0;
    let callLine = 0;
    let origin: number | null = null;
    let low: number | null = null;
    let high: number | null = null;
    let highIsAddress = false;
    for (let at = abbreviation.firstAttribute; at < abbreviation.lastAttribute; at += STRIDE) {
      const form = attributes[at + 1] ?? 0;
      const implicit = attributes[at + 2] ?? 0;
      switch (attributes[at]) {
        case dw.AT_LOW_PC:
          low = unit.number(cursor, form, implicit);
          break;
        case dw.AT_HIGH_PC:
          high = unit.number(cursor, form, implicit);
          highIsAddress = isAddressForm(form);
          break;
        case dw.AT_RANGES:
          this.#ranges.addList({
            value: unit.number(cursor, form, implicit),
            isIndex: form === dw.FORM_RNGLISTX,
          });
          break;
        case dw.AT_ABSTRACT_ORIGIN:
          origin = unit.reference(cursor, form);
          break;
        case dw.AT_CALL_FILE:
          callFile = unit.number(cursor, form, implicit);
          break;
        case dw.AT_CALL_LINE:
          callLine = unit.number(cursor, form, implicit);
          break;
        default:
          skipStep(cursor, attributes[at + 3] ?? 0, unit.header);
      }
    }
    // Code that the linker dropped is said to be at 0 or thereabouts.
    if (low !== null && high !== null && this.layout.isCode(low)) {
      this.#ranges.add(low, highIsAddress ? high : low + high);
    }
    return { callFile, callLine, origin };
  }
}

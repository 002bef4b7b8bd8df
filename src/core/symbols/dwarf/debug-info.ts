/** From an address to the chain of functions and lines, by the debug info of a file. */

import type { OriginVisitor } from '../debug-file.ts';
import { damaged, MOST_LETTERS } from '../elf/bytes.ts';
import type { Layout } from '../elf/layout.ts';
import type { CodeOrigin, DebugLine } from '../location.ts';
import { isAddressForm, STRIDE, skipStep } from './abbreviations.ts';
import * as dw from './constants.ts';
import type { DebugSections } from './debug-section.ts';
import { Entry } from './entry.ts';
import { type LineTable, readLineTable } from './line-table.ts';
import { NO_SCOPE, readScopes, type Scopes } from './scopes.ts';
import { UnitIndex } from './unit-index.ts';
import { UnitReader, UnitScratch } from './unit-reader.ts';
import { WeightedCache } from './weighted-cache.ts';

/** What is kept of a unit: the answers, not the bytes. */
interface DecodedUnit {
  /** Where it begins in `.debug_info`. */
  readonly start: number;
  readonly scopes: Scopes;
  /** The address that alone it can be asked about; null for all. */
  readonly only: number | null;
  readonly lines: LineTable | null;
  /** Names of the scopes; at first of those that were asked for. */
  readonly names: (string | undefined)[];
  /** The line that each scope was inlined into; of those that were asked for. */
  readonly callers: (DebugLine | undefined)[];
  readonly weight: number;
}

/** A place where the code of a function is. */
export interface Instance {
  /** Offset of its entry in `.debug_info`. */
  readonly entry: number;
  /** Of its first instruction. */
  readonly address: number;
  /** From the line that it was inlined into outwards; the last one is in a function of its own. Empty for code of its own. */
  readonly callers: readonly DebugLine[];
}

/** An entry gets its name from another one, that one from a third at most. */
const MOST_HOPS = 8;

/** Bytes of the host for a name's place in its array, and for a line with its place. */
const NAME_WEIGHT = 8;
const CALLER_WEIGHT = 56;

/** After so many units all names of a unit are read at once, not the few that are asked for. */
const FEW = 4;

/** Other units that names are taken from for one answer; each must be read for it. */
const MOST_OTHER_UNITS = 64;

/** Bytes of units that are kept beside what was decoded: enough for the next questions about the same ones. */
const READER_MEMORY = 2 << 20;

export class DebugInfo {
  readonly #index: UnitIndex;
  readonly #readers: WeightedCache<number, UnitReader>;
  readonly #units: WeightedCache<number, DecodedUnit>;
  #split: boolean | undefined;
  #decoded = 0;
  /** Other units that were read for the present answer. */
  #otherUnits = 0;

  /** @param memory bytes to keep for the next questions */
  constructor(
    readonly sections: DebugSections,
    readonly layout: Layout,
    memory: number,
    /** Name of the function whose symbol is at an address or before it; empty for none. */
    readonly symbolAt: (address: number) => string,
  ) {
    this.#index = new UnitIndex(sections);
    this.#readers = new WeightedCache(READER_MEMORY);
    this.#units = new WeightedCache(memory);
  }

  /** The chain at an address, innermost first; empty when nothing is known. */
  chain(address: number): DebugLine[] {
    let chain: DebugLine[] = [];
    this.origins(Float64Array.of(address), ({ function: name, path, callers }, line) => {
      chain = [{ function: name, path, line }, ...callers];
    });
    return chain;
  }

  /**
   * Calls back with the lines of the addresses that something is known of, and the index of each. A function without
   * a line has line 0; where debug info names no function, as in assembler, the symbol does.
   * @param addresses in ascending order: then each unit is decoded once, however little is kept
   */
  origins(addresses: Float64Array, visit: OriginVisitor): void {
    // What many addresses are asked about is read over what was read before: new memory takes longer than reading.
    const scratch = addresses.length > FEW ? new UnitScratch() : undefined;
    const known = new Map<number | string, CodeOrigin>();
    let count = 0;
    let unit: DecodedUnit | undefined;
    for (let index = 0; index < addresses.length; index++) {
      const address = addresses[index] ?? 0;
      this.#otherUnits = 0;
      const start = this.#index.unitAt(address);
      if (start < 0) {
        continue;
      }
      if (unit === undefined || unit.start !== start || unit.only !== null) {
        unit = this.#unit(start, address, scratch);
        known.clear();
      }
      const { lines, scopes } = unit;
      const row = lines?.find(address) ?? -1;
      const scope = scopes.find(address);
      if (row < 0 && scope === NO_SCOPE) {
        continue;
      }
      const files = lines?.fileNumbers ?? 1;
      // The last number, which no file has, stands for all others without one.
      const file = lines && row >= 0 ? Math.min(lines.fileOf(row), files - 1) : files - 1;
      const key = (scope + 1) * files + file;
      let origin = known.get(key);
      if (origin === undefined) {
        origin = this.#origin(unit, scope, file, count);
        known.set(key, origin);
      }
      if (origin.function === '' && origin.callers.length === 0) {
        const name = this.symbolAt(address);
        const named = `${key} ${name}`;
        origin = known.get(named) ?? { ...origin, function: name, number: count };
        known.set(named, origin);
      }
      count = Math.max(count, origin.number + 1);
      visit(origin, lines && row >= 0 ? lines.lineOf(row) : 0, index);
    }
  }

  #origin(unit: DecodedUnit, scope: number, file: number, number: number): CodeOrigin {
    const path = unit.lines?.path(file) ?? '';
    return scope === NO_SCOPE
      ? { number, function: '', path, callers: [] }
      : { number, function: this.#name(unit, scope), path, callers: this.#callers(unit, scope) };
  }

  /** True when the first unit stands in for one in a `.dwo` file; then all do. */
  isSplit(): boolean {
    this.#split ??= this.#index.isSplit();
    return this.#split;
  }

  get hasLines(): boolean {
    return this.sections.line !== null && !this.isSplit();
  }

  /** The places where a function of this name has code or was inlined, unit by unit: each is looked through. */
  *instances(name: string): Generator<Instance> {
    for (const { start, isType } of this.#index.headers()) {
      if (isType) {
        continue;
      }
      // What the next questions are about is kept; most of these units are not.
      const reader = new UnitReader(this.sections, start);
      this.#otherUnits = 0;
      const scopes = readScopes(reader, this.layout);
      const wanted = new Set<number>();
      for (const origin of new Set(scopes.origins)) {
        if (this.#readName(reader, origin) === name) {
          wanted.add(origin);
        }
      }
      let unit: DecodedUnit | undefined;
      for (let scope = 0; wanted.size > 0 && scope < scopes.parents.length; scope++) {
        if (!wanted.has(scopes.origins[scope] ?? 0)) {
          continue;
        }
        const entry = this.entry(scopes.entries[scope] ?? 0);
        const address = entryAddress(entry, scopes, scope);
        if (address !== null) {
          unit ??= this.#whole(start);
          yield { entry: entry.offset, address, callers: this.#callers(unit, scope) };
        }
      }
    }
  }

  /** The entry of the function of its own at an address; null for none. */
  functionAt(address: number): Entry | null {
    const start = this.#index.unitAt(address);
    if (start < 0) {
      return null;
    }
    const { scopes } = this.#unit(start, address);
    const offset = scopes.entries[scopes.outermost(address)];
    return offset === undefined ? null : this.entry(offset);
  }

  /** The entry at an offset of `.debug_info`. @throws Failure when there is none */
  entry(offset: number): Entry {
    return new Entry(this.#reader(this.#index.unitOfEntry(offset)), offset);
  }

  /** Root entries of all units with types of C; first that of the unit at an address. */
  *roots(near: number | null): Generator<Entry> {
    const first = near === null ? -1 : this.#index.unitAt(near);
    if (first >= 0) {
      yield this.#rootOf(first);
    }
    for (const { start, isType } of this.#index.headers()) {
      if (start !== first && !isType) {
        yield this.#rootOf(start);
      }
    }
  }

  #rootOf(start: number): Entry {
    const reader = this.#reader(start);
    return new Entry(reader, reader.header.root);
  }

  #reader(start: number): UnitReader {
    return this.#readers.get(start, () => new UnitReader(this.sections, start));
  }

  /** The unit that begins at `start`, with what was inlined into its function at an address. */
  #unit(start: number, address: number, scratch?: UnitScratch): DecodedUnit {
    const unit = this.#units.get(start, () => this.#decode(start, scratch ? null : address, scratch));
    if (unit.only === null || unit.only === address) {
      return unit;
    }
    return this.#whole(start);
  }

  /** The unit that begins at `start`, with all of its scopes. */
  #whole(start: number): DecodedUnit {
    if (this.#units.get(start, () => this.#decode(start, null)).only !== null) {
      this.#units.delete(start);
    }
    return this.#units.get(start, () => this.#decode(start, null));
  }

  #decode(start: number, address: number | null, scratch?: UnitScratch): DecodedUnit {
    const reader =
      scratch === undefined ? this.#reader(start) : new UnitReader(this.sections, start, { scratch });
    // The very first question is often the only one: who asks again gets all at once.
    const first = this.#decoded === 0 ? address : null;
    const part = first === null ? null : readScopes(reader, this.layout, first);
    const isEnough = part !== null && first !== null && part.find(first) !== NO_SCOPE;
    const scopes = isEnough ? part : readScopes(reader, this.layout);
    const only = isEnough ? first : null;
    // What stands in for a unit elsewhere has lines, but not the functions that they are in.
    const lines = reader.root.isSplit ? null : readLineTable(this.sections, reader, this.layout, only);
    const count = scopes.parents.length;
    const names = new Array<string | undefined>(count);
    // Who asks about many units asks again about each of them.
    this.#decoded++;
    const letters = this.#decoded > FEW || scratch !== undefined ? this.#readNames(reader, scopes, names) : 0;
    return {
      start,
      scopes,
      only,
      lines,
      names,
      callers: new Array(count),
      weight: scopes.weight + (lines?.weight ?? 0) + count * (NAME_WEIGHT + CALLER_WEIGHT) + letters,
    };
  }

  /** The lines that a scope was inlined into, outwards. */
  #callers(unit: DecodedUnit, scope: number): DebugLine[] {
    const { parents } = unit.scopes;
    const callers: DebugLine[] = [];
    for (let inner = scope; (parents[inner] ?? NO_SCOPE) !== NO_SCOPE; ) {
      callers.push(this.#caller(unit, inner));
      inner = parents[inner] ?? NO_SCOPE;
    }
    return callers;
  }

  /** The line that a scope was inlined into. */
  #caller(unit: DecodedUnit, scope: number): DebugLine {
    let caller = unit.callers[scope];
    if (caller === undefined) {
      const { parents, callFiles, callLines } = unit.scopes;
      caller = {
        function: this.#name(unit, parents[scope] ?? NO_SCOPE),
        path: unit.lines?.path(callFiles[scope] ?? 0) ?? '',
        line: callLines[scope] ?? 0,
      };
      unit.callers[scope] = caller;
    }
    return caller;
  }

  #name(unit: DecodedUnit, scope: number): string {
    const name = unit.names[scope];
    if (name !== undefined) {
      return name;
    }
    // Bytes of the unit that are gone are read once more, and then never for its names.
    const isGone = !this.#readers.has(unit.start);
    const reader = this.#reader(unit.start);
    if (isGone) {
      this.#readNames(reader, unit.scopes, unit.names);
    } else {
      unit.names[scope] = this.#readName(reader, unit.scopes.origins[scope] ?? 0) ?? undefined;
    }
    return unit.names[scope] ?? '';
  }

  /**
   * Reads all names; instances of the same function have theirs from the same entry.
   * @returns how many letters they have
   */
  #readNames(reader: UnitReader, scopes: Scopes, names: (string | undefined)[]): number {
    const known = new Map<number, string | null>();
    let letters = 0;
    for (const [scope, entry] of scopes.origins.entries()) {
      let name = known.get(entry);
      if (name === undefined) {
        name = this.#readName(reader, entry);
        known.set(entry, name);
        letters += name?.length ?? 0;
        if (letters > MOST_LETTERS) {
          throw damaged('the names in one of its units are longer than any real ones');
        }
      }
      names[scope] = name ?? undefined;
    }
    return letters;
  }

  /**
   * The name of a function, from its entry or the one that has what its instances have in common;
   * null when too many other units would have to be read for it now.
   */
  #readName(first: UnitReader, entry: number): string | null {
    let reader = first;
    let offset: number | null = entry;
    let linkageName = '';
    for (let hops = 0; offset !== null && hops < MOST_HOPS; hops++) {
      if (offset < reader.header.start || offset >= reader.header.end) {
        if (this.#otherUnits >= MOST_OTHER_UNITS) {
          return null;
        }
        this.#otherUnits++;
        reader = this.#reader(this.#index.unitOfEntry(offset));
      }
      const { header, abbreviations } = reader;
      const { attributes } = abbreviations;
      const cursor = reader.cursor(offset);
      const { firstAttribute, lastAttribute } = abbreviations.get(cursor.uleb());
      offset = null;
      for (let at = firstAttribute; at < lastAttribute; at += STRIDE) {
        const form = attributes[at + 1] ?? 0;
        switch (attributes[at]) {
          case dw.AT_NAME:
            return reader.string(cursor, form);
          case dw.AT_LINKAGE_NAME:
            linkageName = reader.string(cursor, form);
            break;
          case dw.AT_ABSTRACT_ORIGIN:
          case dw.AT_SPECIFICATION:
            offset = reader.reference(cursor, form);
            break;
          default:
            skipStep(cursor, attributes[at + 3] ?? 0, header);
        }
      }
    }
    return linkageName;
  }
}

/**
 * Where control comes into an inlined function (section 3.3.8.1, DW_AT_entry_pc: an address, or in DWARF 5 an offset
 * from the base of its ranges); where it is not said, its lowest address. Null when it has no code.
 */
function entryAddress(entry: Entry, scopes: Scopes, scope: number): number | null {
  const first = scopes.firstRanges[scope] ?? 0;
  const last = scopes.firstRanges[scope + 1] ?? first;
  const lows = scopes.lows.subarray(first, last);
  const said = entry.number(dw.AT_ENTRY_PC);
  const form = entry.attribute(dw.AT_ENTRY_PC)?.form ?? 0;
  const address = said === null || isAddressForm(form) ? said : (lows[0] ?? 0) + said;
  const isInside = (at: number) => lows.some((low, i) => low <= at && at < (scopes.highs[first + i] ?? 0));
  return address !== null && isInside(address) ? address : lows.length === 0 ? null : Math.min(...lows);
}

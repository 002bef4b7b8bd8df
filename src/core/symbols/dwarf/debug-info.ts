/** From an address to the chain of functions and lines, by the debug info of a file. */
import type { Layout } from '../elf/layout.ts';
import type { DebugLine } from '../location.ts';
import * as dw from './constants.ts';
import type { DebugSections } from './debug-section.ts';
import { type LineTable, readLineTable } from './line-table.ts';
import { NO_SCOPE, readScopes, type Scopes } from './scopes.ts';
import { UnitIndex } from './unit-index.ts';
import { UnitReader } from './unit-reader.ts';
import { WeightedCache } from './weighted-cache.ts';

/** What is kept of a unit: the answers, not the bytes. */
interface DecodedUnit {
  readonly scopes: Scopes;
  readonly lines: LineTable | null;
  /** Names of the scopes that were asked for. */
  readonly names: (string | undefined)[];
  readonly weight: number;
}

/** An entry gets its name from another one, that one from a third at most. */
const MOST_HOPS = 8;

/** After so many units all names of a unit are read at once, not the few that are asked for. */
const FEW = 4;

/** Bytes of units that are kept beside what was decoded: enough for the next questions about the same ones. */
const READER_MEMORY = 8 << 20;

export class DebugInfo {
  /** True when the first unit stands in for one in a `.dwo` file; then all do. */
  readonly isSplit: boolean;
  readonly #index: UnitIndex;
  readonly #readers: WeightedCache<number, UnitReader>;
  readonly #units: WeightedCache<number, DecodedUnit>;
  #decoded = 0;

  /** @param memory bytes to keep for the next questions */
  constructor(
    readonly sections: DebugSections,
    readonly layout: Layout,
    memory: number,
  ) {
    this.#index = new UnitIndex(sections);
    this.isSplit = this.#index.isSplit();
    this.#readers = new WeightedCache(READER_MEMORY);
    this.#units = new WeightedCache(memory);
  }

  /**
   * The chain at an address, innermost first. A line without a function has an empty name, a function
   * without a line has line 0; empty when nothing is known.
   */
  chain(address: number): DebugLine[] {
    const start = this.#index.unitAt(address);
    if (start < 0) {
      return [];
    }
    const unit = this.#units.get(start, () => this.#decode(start));
    const { scopes, lines } = unit;
    const row = lines?.find(address) ?? -1;
    let path = lines && row >= 0 ? lines.path(lines.files[row] ?? 0) : '';
    let line = lines && row >= 0 ? (lines.lines[row] ?? 0) : 0;
    const chain: DebugLine[] = [];
    let scope = scopes.find(address);
    if (scope === NO_SCOPE) {
      return row >= 0 ? [{ function: '', path, line }] : [];
    }
    while (scope !== NO_SCOPE) {
      chain.push({ function: this.#name(start, unit, scope), path, line });
      path = lines?.path(scopes.callFiles[scope] ?? 0) ?? '';
      line = scopes.callLines[scope] ?? 0;
      scope = scopes.parents[scope] ?? NO_SCOPE;
    }
    return chain;
  }

  release(): void {
    this.#readers.clear();
    this.#units.clear();
    this.#index.release();
  }

  #reader(start: number): UnitReader {
    return this.#readers.get(start, () => new UnitReader(this.sections, start));
  }

  #decode(start: number): DecodedUnit {
    const reader = this.#reader(start);
    const scopes = readScopes(reader, this.layout);
    const lines = readLineTable(this.sections, reader, this.layout);
    const unit: DecodedUnit = { scopes, lines, names: [], weight: scopes.weight + (lines?.weight ?? 0) };
    // Who asks about many units asks again about each of them.
    this.#decoded++;
    if (this.#decoded > FEW) {
      this.#readNames(reader, unit);
    }
    return unit;
  }

  #name(start: number, unit: DecodedUnit, scope: number): string {
    const name = unit.names[scope];
    if (name !== undefined) {
      return name;
    }
    // Bytes of the unit that are gone are read once more, and then never for its names.
    const isGone = !this.#readers.has(start);
    const reader = this.#reader(start);
    if (isGone) {
      this.#readNames(reader, unit);
    } else {
      unit.names[scope] = this.#readName(reader, unit.scopes.entries[scope] ?? 0);
    }
    return unit.names[scope] ?? '';
  }

  #readNames(reader: UnitReader, { names, scopes }: DecodedUnit): void {
    for (const [scope, entry] of scopes.entries.entries()) {
      names[scope] ??= this.#readName(reader, entry);
    }
  }

  /** The name of a function, from its entry or the one that has what its instances have in common. */
  #readName(first: UnitReader, entry: number): string {
    let reader = first;
    let offset = entry;
    let linkageName = '';
    for (let hops = 0; hops < MOST_HOPS; hops++) {
      if (offset < reader.header.start || offset >= reader.header.end) {
        reader = this.#reader(this.#index.unitOfEntry(offset));
      }
      const cursor = reader.cursor(offset);
      const abbreviation = reader.abbreviations.get(cursor.uleb());
      let name = '';
      let next = -1;
      reader.forEachAttribute(cursor, abbreviation, (attribute, form, implicit) => {
        if (attribute === dw.AT_NAME) {
          name = reader.string(cursor, form);
        } else if (attribute === dw.AT_LINKAGE_NAME) {
          linkageName ||= reader.string(cursor, form);
        } else if (attribute === dw.AT_ABSTRACT_ORIGIN || attribute === dw.AT_SPECIFICATION) {
          next = isLocal(form) ? reader.number(cursor, form, implicit) : -1;
        }
      });
      if (name !== '' || next < 0) {
        return name || linkageName;
      }
      offset = next;
    }
    return linkageName;
  }
}

/** False for references into a supplementary file or to a type by its signature. */
function isLocal(form: number): boolean {
  return (
    form !== dw.FORM_REF_SUP4 &&
    form !== dw.FORM_REF_SUP8 &&
    form !== dw.FORM_REF_SIG8 &&
    form !== dw.FORM_GNU_REF_ALT
  );
}

/** One entry of `.debug_info` with all its attributes: for questions about few entries. */
import type { Cursor } from '../elf/bytes.ts';
import type { Abbreviation } from './abbreviations.ts';
import type { UnitReader } from './unit-reader.ts';

/** Where the value of an attribute is, and how it is coded. */
export interface Attribute {
  readonly form: number;
  readonly implicit: number;
  readonly position: number;
}

export class Entry {
  readonly tag: number;
  readonly #abbreviation: Abbreviation;
  readonly #attributes = new Map<number, Attribute>();
  /** Where its children begin, or the next entry. */
  readonly #end: number;

  /** @param offset in `.debug_info`, at an entry that is not null */
  constructor(
    readonly unit: UnitReader,
    readonly offset: number,
  ) {
    const cursor = unit.cursor(offset);
    this.#abbreviation = unit.abbreviations.get(cursor.uleb());
    this.tag = this.#abbreviation.tag;
    unit.forEachAttribute(cursor, this.#abbreviation, (attribute, form, implicit) => {
      this.#attributes.set(attribute, { form, implicit, position: cursor.position });
    });
    this.#end = cursor.position;
  }

  has(attribute: number): boolean {
    return this.#attributes.has(attribute);
  }

  attribute(attribute: number): Attribute | null {
    return this.#attributes.get(attribute) ?? null;
  }

  number(attribute: number): number | null {
    return this.#read(attribute, (cursor, { form, implicit }) => this.unit.number(cursor, form, implicit));
  }

  /** Empty when it is not there. */
  string(attribute: number): string {
    return this.#read(attribute, (cursor, { form }) => this.unit.string(cursor, form)) ?? '';
  }

  /** Offset of the entry that is referred to; null when it is not there or not in this file. */
  reference(attribute: number): number | null {
    return this.#read(attribute, (cursor, { form }) => this.unit.reference(cursor, form));
  }

  /** Bytes of a block or an expression; null when it is none. */
  block(attribute: number): Uint8Array | null {
    return this.#read(attribute, (cursor, { form }) => this.unit.block(cursor, form));
  }

  /** Its children, without theirs. @param tags those that are wanted */
  *children(tags: ReadonlySet<number>): Generator<Entry> {
    if (!this.#abbreviation.hasChildren) {
      return;
    }
    const { header, abbreviations } = this.unit;
    const cursor = this.unit.cursor();
    cursor.position = this.#end;
    while (cursor.remaining > 0) {
      const offset = header.start + cursor.position;
      const code = cursor.uleb();
      if (code === 0) {
        return;
      }
      const abbreviation = abbreviations.get(code);
      if (tags.has(abbreviation.tag)) {
        yield new Entry(this.unit, offset);
      }
      this.unit.skipEntry(cursor, abbreviation);
    }
  }

  #read<T>(attribute: number, read: (cursor: Cursor, value: Attribute) => T): T | null {
    const value = this.#attributes.get(attribute);
    if (!value) {
      return null;
    }
    const cursor = this.unit.cursor();
    cursor.position = value.position;
    return read(cursor, value);
  }
}

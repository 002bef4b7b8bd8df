/** Where a field of a binary event is, from the beginning of the event. */
export interface RawField {
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly isSigned: boolean;
  /** The field says where its text is: length in the high, offset in the low 16 bits. */
  readonly isText: boolean;
}

/** How a kind of event is laid out, as its file `format` says (Documentation/trace/events.rst, 2.2). */
export interface EventFormat {
  readonly event: string;
  readonly fields: ReadonlyMap<string, RawField>;
}

/** More fields than a kprobe has arguments (MAX_TRACE_ARGS is 128). */
const MOST_FIELDS = 160;

/**
 * Reads a layout in one line: `zil_commit_ab12 1873 common_type:0:2:0:0 a0:16:8:0:0 c:24:4:0:1`: the name of the event,
 * its number, and each field's name, offset, size, whether it is signed and whether it is text elsewhere.
 * Null when it is none.
 */
export function readFormat(text: string): { readonly id: number; readonly format: EventFormat } | null {
  const [event = '', id = '', ...words] = text.split(' ', MOST_FIELDS);
  if (!/^\w{1,64}$/.test(event) || !/^\d{1,5}$/.test(id)) {
    return null;
  }
  const fields = new Map<string, RawField>();
  for (const word of words) {
    const [, name, offset, size, signed, text] =
      /^(\w{1,64}):(\d{1,5}):(\d{1,5}):([01]):([01])$/.exec(word) ?? [];
    if (name !== undefined) {
      fields.set(name, {
        offset: Number(offset),
        size: Number(size),
        isSigned: signed === '1',
        isText: text === '1',
      });
    }
  }
  return { id: Number(id), format: { event, fields } };
}

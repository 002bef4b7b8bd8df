import { textOf } from '../../symbols/elf/bytes.ts';
import type { FetchType } from '../arguments.ts';
import type { EventRole } from '../program/programs.ts';
import type { EventFormat, RawField } from './event-format.ts';

/** Stands where the kernel could not read a text (kernel/trace/trace_probe.h, FAULT_STRING). */
const FAULT = '(fault)';

/** A number of an event; null where the event has no room for it. */
export function numberAt(data: DataView, { offset, size, isSigned }: RawField): bigint | null {
  if (offset + size > data.byteLength) {
    return null;
  }
  switch (size) {
    case 1:
      return BigInt(isSigned ? data.getInt8(offset) : data.getUint8(offset));
    case 2:
      return BigInt(isSigned ? data.getInt16(offset, true) : data.getUint16(offset, true));
    case 4:
      return BigInt(isSigned ? data.getInt32(offset, true) : data.getUint32(offset, true));
    case 8:
      return isSigned ? data.getBigInt64(offset, true) : data.getBigUint64(offset, true);
    default:
      return null;
  }
}

/** Text from an offset to its NUL, or to the end. */
export function textAt(data: DataView, offset: number, length: number): string {
  const end = Math.min(offset + length, data.byteLength);
  if (offset >= end) {
    return '';
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset + offset, end - offset);
  const nul = bytes.indexOf(0);
  return textOf(nul < 0 ? bytes : bytes.subarray(0, nul));
}

/**
 * What the kernel would print of an event's fetches, as `readCallFields` takes it: ` r=5 a0=0x1 c="dd"`. Whether a
 * number is one in hexadecimal is known by what was fetched only.
 */
export function fieldsText(data: DataView, format: EventFormat, { program }: EventRole): string {
  const types = new Map<string, FetchType | null>([
    ['k', 'x64'],
    ['r', program.returns?.type ?? null],
    ...program.fetches.map(({ index, type }): [string, FetchType] => [`a${index}`, type]),
  ]);
  let text = '';
  for (const [name, field] of format.fields) {
    if (field.isText) {
      text += ` ${name}=${stringAt(data, field)}`;
    } else {
      const type = types.get(name);
      const number = type == null ? null : numberAt(data, field);
      if (number !== null) {
        text += ` ${name}=${type === 'x64' ? `0x${number.toString(16)}` : number}`;
      }
    }
  }
  return text;
}

function stringAt(data: DataView, { offset }: RawField): string {
  const at = offset + 4 <= data.byteLength ? data.getUint32(offset, true) : 0;
  const length = at >>> 16;
  return length === 0 ? FAULT : `"${textAt(data, at & 0xffff, length)}"`;
}

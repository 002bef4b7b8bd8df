/**
 * Text and back without loss: bytes that are no UTF-8 stand in the text as lone surrogates, 0xDC00
 * more than the byte, which no valid text has.
 */
import { isAscii, isUtf8 } from 'node:buffer';

const ESCAPED = /([\udc80-\udcff]+)/u;

/** Decodes bytes that come in pieces. */
export class ByteDecoder {
  /** The start of a character that may go on: 3 bytes at most. */
  #pending = Buffer.alloc(0);

  write(bytes: Uint8Array): string {
    const all =
      this.#pending.length > 0
        ? Buffer.concat([this.#pending, bytes])
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = all.length - unfinished(all);
    this.#pending = Buffer.from(all.subarray(end));
    return decode(all.subarray(0, end));
  }

  end(): string {
    const rest = this.#pending;
    this.#pending = Buffer.alloc(0);
    return decode(rest);
  }
}

/** The bytes that a {@link ByteDecoder} made the text of. */
export function encode(text: string): Buffer {
  const parts = text.split(ESCAPED);
  return parts.length === 1
    ? Buffer.from(text)
    : Buffer.concat(parts.map((part, i) => (i % 2 === 0 ? Buffer.from(part) : Buffer.from(part, 'latin1'))));
}

function decode(bytes: Buffer): string {
  // Most text is, and is then read faster than one whose characters may have more bytes.
  if (isAscii(bytes)) {
    return bytes.toString('latin1');
  }
  if (isUtf8(bytes)) {
    return bytes.toString();
  }
  let text = '';
  let from = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = lengthOf(bytes[at] ?? 0);
    if (length === 1 || (length > 1 && isUtf8(bytes.subarray(at, at + length)))) {
      at += length;
    } else {
      text += bytes.toString('utf8', from, at) + String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
      from = ++at;
    }
  }
  return text + bytes.toString('utf8', from);
}

/** Bytes of the character that begins with a byte (RFC 3629, 3); 0 when none does. */
function lengthOf(byte: number): number {
  return byte < 0x80 ? 1 : byte < 0xc2 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 0;
}

/** Bytes at the end that are the start of a longer character. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) !== 0x80) {
      return lengthOf(byte) > back ? back : 0;
    }
  }
  return 0;
}

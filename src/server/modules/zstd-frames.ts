import { closeSync, openSync, readSync } from 'node:fs';

const MAGIC = 0xfd2fb528;
/** The first of sixteen that begin a frame to be skipped. */
const SKIPPABLE = 0x184d2a50;
const LONGEST_HEADER = 18;
/** Blocks are some ten thousand bytes long; of each only the header is read. */
const CHUNK = 4096;
const RLE = 1;

/**
 * The most memory that a frame of a zstd file asks for, in bytes: its window, or its whole content where
 * that is one segment (RFC 8878, 3.1.1). Goes from block to block and unpacks nothing; ends where the file
 * makes no sense, which unpacking it finds too.
 */
export function zstdMemory(path: string): number {
  const file = new Reader(path);
  let most = 0;
  try {
    for (let at = 0; ; ) {
      const head = file.at(at, 8);
      if (head === null) {
        return most;
      }
      const magic = head.getUint32(0, true);
      if (magic - (magic % 16) === SKIPPABLE) {
        at += 8 + head.getUint32(4, true);
        continue;
      }
      const frame = magic === MAGIC ? file.upTo(at, LONGEST_HEADER) : null;
      if (frame === null) {
        return most;
      }
      const { memory, length, hasChecksum } = readHeader(frame);
      most = Math.max(most, memory);
      at = behindBlocks(file, at + length) + (hasChecksum ? 4 : 0);
    }
  } catch (error) {
    if (error instanceof RangeError) {
      return most; // The last frame is shorter than its header.
    }
    throw error;
  } finally {
    file.close();
  }
}

/** Offset behind the last block of a frame (3.1.1.2); that of the file's end where it is cut. */
function behindBlocks(file: Reader, first: number): number {
  for (let at = first; ; ) {
    const block = file.at(at, 3);
    if (block === null) {
      return Number.MAX_SAFE_INTEGER;
    }
    const header = block.getUint16(0, true) + block.getUint8(2) * 0x1_0000;
    const type = (header >> 1) & 3;
    at += 3 + (type === RLE ? 1 : header >> 3);
    if (header & 1) {
      return at;
    }
  }
}

/** @throws RangeError when the bytes end before the header does */
function readHeader(frame: DataView): { memory: number; length: number; hasChecksum: boolean } {
  const descriptor = frame.getUint8(4);
  const isSegment = (descriptor & 0x20) !== 0;
  const sizeField = isSegment && descriptor >> 6 === 0 ? 1 : ([0, 2, 4, 8][descriptor >> 6] ?? 0);
  const at = 5 + (isSegment ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  const header = { length: at + sizeField, hasChecksum: (descriptor & 4) !== 0 };
  if (!isSegment) {
    const window = frame.getUint8(5);
    const base = 2 ** (10 + (window >> 3));
    return { ...header, memory: base + (base / 8) * (window & 7) };
  }
  switch (sizeField) {
    case 1:
      return { ...header, memory: frame.getUint8(at) };
    case 2:
      return { ...header, memory: frame.getUint16(at, true) + 256 };
    case 4:
      return { ...header, memory: frame.getUint32(at, true) };
    default:
      return { ...header, memory: Number(frame.getBigUint64(at, true)) };
  }
}

/** Small pieces of a file in ascending order. */
class Reader {
  readonly #fd: number;
  readonly #chunk = Buffer.alloc(CHUNK);
  #start = 0;
  #length = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'r');
  }

  /** Exactly so many bytes at an offset; null when the file ends before. */
  at(offset: number, length: number): DataView | null {
    const view = this.upTo(offset, length);
    return view.byteLength === length ? view : null;
  }

  /** So many bytes, or fewer at the end of the file. */
  upTo(offset: number, length: number): DataView {
    if (offset < this.#start || offset + length > this.#start + this.#length) {
      this.#start = offset;
      this.#length = offset < Number.MAX_SAFE_INTEGER ? readSync(this.#fd, this.#chunk, 0, CHUNK, offset) : 0;
    }
    const from = offset - this.#start;
    const bytes = this.#chunk.subarray(from, Math.min(from + length, this.#length));
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

import { closeSync, createReadStream, openSync, readSync, writeSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import xz from 'xz-decompress';
import { Failure } from '../../core/failure.ts';
import { zstdMemory } from './zstd-frames.ts';

/** Larger is no debug info of a module or kernel. */
export const MAX_UNPACKED = 2 * 1024 ** 3;
/** Memory that a zstd frame may ask for; `zstd --ultra` stays far below it. */
const MAX_WINDOW = 512 * 1024 ** 2;
const CHUNK = 256 * 1024;

type Packed = 'elf' | 'gz' | 'xz' | 'zst';

/**
 * Unpacks a file that holds an ELF file; one that is not packed is moved. What it is, its first bytes
 * tell (RFC 1952, RFC 8878, the .xz file format), not its name.
 * @throws Failure when it is none of these, damaged, cut short, or larger than {@link MAX_UNPACKED}
 */
export async function unpackFile(from: string, to: string, limit = MAX_UNPACKED): Promise<void> {
  const packed = packingOf(from);
  if (packed === 'elf') {
    await rename(from, to);
    return;
  }
  const fd = openSync(to, 'w', 0o600);
  let written = 0;
  // Kept beside: a pipeline may tell its own reason when its last part fails.
  let thrown: unknown = null;
  const write = (bytes: Uint8Array): void => {
    try {
      written += bytes.length;
      if (written > limit) {
        throw new Failure('bad-output', 'The file of the module is larger unpacked than any module is.');
      }
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(fd, bytes, at);
      }
    } catch (error) {
      thrown ??= error;
      throw error;
    }
  };
  try {
    await unpackers[packed](from, write);
  } catch (error) {
    if (thrown !== null) {
      throw thrown;
    }
    throw isOurs(error)
      ? error
      : new Failure('bad-output', `The file of the module could not be unpacked: it is damaged (${packed}).`);
  } finally {
    closeSync(fd);
  }
}

type Write = (bytes: Uint8Array) => void;

const unpackers: { readonly [P in Exclude<Packed, 'elf'>]: (from: string, write: Write) => Promise<void> } = {
  gz: async (from, write) => {
    await pipeline(
      read(from),
      createGunzip({ chunkSize: CHUNK }),
      async (unpacked: AsyncIterable<Buffer>) => {
        for await (const bytes of unpacked) {
          write(bytes);
        }
      },
    );
  },
  xz: async (from, write) => {
    // The types of node's web streams and of the DOM's differ in name only.
    const packed = Readable.toWeb(read(from)) as unknown as ReadableStream<Uint8Array>;
    const reader = new xz.XzReadableStream(packed).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      write(next.value);
    }
  },
  zst: async (from, write) => {
    if (zstdMemory(from) > MAX_WINDOW) {
      throw new Failure('bad-output', 'The file of the module asks for too much memory to unpack.');
    }
    let ended = false;
    const frames = new Decompress((bytes, isLast) => {
      ended = isLast === true;
      write(bytes);
    });
    for await (const bytes of read(from) as AsyncIterable<Buffer>) {
      frames.push(bytes);
    }
    frames.push(new Uint8Array(0), true);
    if (!ended) {
      throw new Error('cut short');
    }
  },
};

function read(file: string): ReturnType<typeof createReadStream> {
  return createReadStream(file, { highWaterMark: CHUNK });
}

function packingOf(file: string): Packed {
  const head = Buffer.alloc(6);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  const hex = head.toString('hex');
  const known: readonly (readonly [string, Packed])[] = [
    ['7f454c46', 'elf'],
    ['1f8b', 'gz'],
    ['fd377a585a00', 'xz'],
    ['28b52ffd', 'zst'],
  ];
  const packed = known.find(([magic]) => hex.startsWith(magic))?.[1];
  if (packed === undefined) {
    throw new Failure('bad-output', 'The file of the module is neither an ELF file nor a packed one.');
  }
  return packed;
}

function isOurs(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  // A full disk is told as it is; zlib's own codes mean damage.
  return error instanceof Failure || (code !== undefined && /^E[A-Z]+$/.test(code));
}

/**
 * `addresses`: the functions and lines behind addresses, as `addr2line -i -f` prints them: a line with the
 * function, a line with the place, innermost first. Unlike it, every section of a module is known by its
 * name, and no file of another function is taken.
 */
import { fstatSync, readSync, writeSync } from 'node:fs';
import type { DebugFile } from '../core/symbols/debug-file.ts';
import type { DebugLine } from '../core/symbols/location.ts';
import { inert } from '../core/text/inert.ts';
import { ByteBuffer } from './byte-buffer.ts';
import { OriginTexts, shown } from './origin-texts.ts';
import { Queries } from './queries.ts';

export interface AddressesOptions {
  /** Section that plain numbers of a module are offsets of. */
  readonly section: string;
  /** Prints each address before its lines, as it was given. */
  readonly echo: boolean;
}

/** Answered together: enough that each part of the debug info is decoded once for thousands of them. */
const MOST_TOGETHER = 1 << 18;
/** Whoever asks on after the answer gets it after a pause of so many milliseconds. */
const PAUSE_MS = 5;
/** Longer is no address. */
const LONGEST = 1024;
/** Bytes written at once, and read. */
const PIECE = 1 << 16;
const NOTHING = Buffer.from('??\n??:0\n');

/** Answers addresses: those that are given, or the lines of standard input. */
export async function printAddresses(
  file: DebugFile,
  addresses: readonly string[],
  options: AddressesOptions,
): Promise<void> {
  const printer = new Printer(file, options);
  const queries = new Queries();
  for (const address of addresses) {
    queries.add(address);
  }
  if (addresses.length > 0) {
    printer.answer(queries);
  } else {
    await forEachBatch((batch) => printer.answer(batch));
  }
}

class Printer {
  readonly #output = new ByteBuffer(PIECE);

  constructor(
    private readonly file: DebugFile,
    private readonly options: AddressesOptions,
  ) {}

  answer({ numbers, others }: Queries): void {
    const { echo, section } = this.options;
    const texts = new OriginTexts();
    // Arrays of numbers, not objects: there are as many as addresses. 0 stands for no origin.
    const origins = new Uint32Array(numbers.length);
    const lines = new Uint32Array(numbers.length);
    this.file.forEach(this.file.kind === 'module' ? section : null, numbers, (origin, line, index) => {
      texts.add(origin);
      origins[index] = origin.number + 1;
      lines[index] = line;
    });
    for (let index = 0; index < numbers.length; index++) {
      const other = others.get(index);
      if (echo) {
        this.#output.add(Buffer.from(`${other === undefined ? hex(numbers[index] ?? 0) : inert(other)}\n`));
      }
      const origin = origins[index] ?? 0;
      if (origin > 0) {
        texts.write(origin - 1, lines[index] ?? 0, this.#output);
      } else {
        this.#output.add(this.#textOf(other));
      }
      if (this.#output.length >= PIECE) {
        this.#flush();
      }
    }
    this.#flush();
  }

  #flush(): void {
    writeAll(this.#output.bytes);
    this.#output.length = 0;
  }

  #textOf(other: string | undefined): Uint8Array {
    const lines = other === undefined ? [] : this.#linesOf(other);
    const texts = lines.map(
      ({ function: name, path, line }) => `${shown(name)}\n${shown(path)}:${line || '?'}\n`,
    );
    return texts.length === 0 ? NOTHING : Buffer.from(texts.join(''));
  }

  /** What stands behind `.text.unlikely+0x20`, `symbol+0x20` or `symbol+0x20/0x80`. */
  #linesOf(query: string): readonly DebugLine[] {
    const [, name = '', offset = '0', size] = PLACE.exec(query) ?? [];
    const at = Number.parseInt(offset, 16);
    if (name.startsWith('.')) {
      return this.file.at({ section: name, offset: at });
    }
    const place = { symbol: name, offset: at, size: size === undefined ? null : Number.parseInt(size, 16) };
    return this.file.frame(place, false)?.lines ?? [];
  }
}

const PLACE = /^([\w.$]+)(?:\+(?:0x)?([\da-f]{1,12}))?(?:\/(?:0x)?([\da-f]{1,12}))?$/i;

function hex(address: number): string {
  return `0x${(address < 0 ? BigInt.asUintN(64, BigInt(address)) : address).toString(16)}`;
}

/** Reads lines as they come: all that come without a pause are one batch, up to a limit. */
async function forEachBatch(answer: (queries: Queries) => void): Promise<void> {
  let queries = new Queries();
  let rest: Uint8Array = Buffer.alloc(0);
  const flush = (): void => {
    const batch = queries;
    queries = new Queries();
    if (batch.numbers.length > 0) {
      answer(batch);
    }
  };
  const take = (piece: Uint8Array): void => {
    const bytes = Buffer.concat([rest, piece]);
    const end = queries.addLines(bytes);
    rest = bytes.subarray(end, end + LONGEST);
    if (queries.numbers.length >= MOST_TOGETHER) {
      flush();
    }
  };
  if (fstatSync(0).isFile()) {
    // All can be had at once, and without the stream of it, as in {@link writeAll}.
    const piece = Buffer.alloc(PIECE);
    for (let length = readSync(0, piece); length > 0; length = readSync(0, piece)) {
      take(piece.subarray(0, length));
    }
  } else {
    const pieces = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    for (;;) {
      const next = pieces.next();
      if (await isSlow(next)) {
        flush();
      }
      const { done, value } = await next;
      if (done === true) {
        break;
      }
      take(value);
    }
  }
  if (rest.length > 0) {
    take(Buffer.from('\n'));
  }
  flush();
}

/** Whether something takes longer than a pause. */
async function isSlow(work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const pause = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), PAUSE_MS);
  });
  try {
    return await Promise.race([work.then(() => false), pause]);
  } finally {
    clearTimeout(timer);
  }
}

/** Writes to standard output, without the stream of it: that takes longer to load than one answer. */
function writeAll(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') {
        // Whoever reads may stop: `| head` is no error.
        process.exit(0);
      }
      if (code !== 'EAGAIN') {
        throw error;
      }
      // The pipe is full, and somebody made it one that does not wait.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

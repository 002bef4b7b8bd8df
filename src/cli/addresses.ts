/**
 * `addresses`: the functions and lines behind addresses, as `addr2line -i -f` prints them: a line with the
 * function, a line with the place, innermost first. Unlike it, every section of a module is known by its
 * name, and no file of another function is taken.
 */
import { fstatSync, writeSync } from 'node:fs';
import type { DebugFile } from '../core/symbols/debug-file.ts';
import type { DebugLine } from '../core/symbols/location.ts';
import { inert } from '../core/text/inert.ts';
import { LineTexts } from './line-texts.ts';

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
/** Bytes written at once. */
const PIECE = 1 << 16;
const NOTHING = Buffer.from('??\n??:0\n');

/** A plain number, or another text that may be an address. */
type Query = number | string;

/** Answers addresses: those that are given, or the lines of standard input. */
export async function printAddresses(
  file: DebugFile,
  addresses: readonly string[],
  options: AddressesOptions,
): Promise<void> {
  const printer = new Printer(file, options);
  if (addresses.length > 0) {
    printer.answer(addresses.map(readQuery));
    return;
  }
  await forEachBatch((queries) => printer.answer(queries));
}

class Printer {
  #output = Buffer.alloc(PIECE);
  #length = 0;

  constructor(
    private readonly file: DebugFile,
    private readonly options: AddressesOptions,
  ) {}

  answer(queries: readonly Query[]): void {
    const { echo, section } = this.options;
    const { length } = queries;
    const texts = new LineTexts();
    const places = {
      chunks: new Uint32Array(length),
      starts: new Uint32Array(length),
      ends: new Uint32Array(length),
    };
    const numbers = queries.map((query) => (typeof query === 'number' ? query : Number.NaN));
    this.file.forEach(this.file.kind === 'module' ? section : null, numbers, (chain, index) =>
      texts.add(chain, places, index),
    );
    for (let index = 0; index < length; index++) {
      const query = queries[index] ?? '';
      if (typeof query === 'string') {
        texts.add(this.#linesOf(query), places, index);
      }
      if (echo) {
        this.#print(Buffer.from(`${typeof query === 'number' ? hex(query) : inert(query)}\n`));
      }
      const text = texts.get(places, index);
      this.#print(text.length > 0 ? text : NOTHING);
    }
    writeAll(this.#output.subarray(0, this.#length));
    this.#length = 0;
  }

  #print(bytes: Uint8Array): void {
    if (this.#length + bytes.length > PIECE) {
      writeAll(this.#output.subarray(0, this.#length));
      this.#length = 0;
    }
    if (bytes.length > PIECE) {
      writeAll(bytes);
      return;
    }
    this.#output.set(bytes, this.#length);
    this.#length += bytes.length;
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

const HEX = /^(?:0x)?[\da-f]{1,16}$/i;
/** Digits of a number that is exact whatever they are. */
const MOST_EXACT = 13;
const PLACE = /^([\w.$]+)(?:\+(?:0x)?([\da-f]{1,12}))?(?:\/(?:0x)?([\da-f]{1,12}))?$/i;

function readQuery(text: string): Query {
  if (!HEX.test(text)) {
    return text;
  }
  // Addresses of the kernel take all 64 bits; as debug info has them, they are small negative numbers.
  return text.length <= MOST_EXACT
    ? Number.parseInt(text, 16)
    : Number(BigInt.asIntN(64, BigInt(`0x${text.replace(/^0x/i, '')}`)));
}

function hex(address: number): string {
  return `0x${(address < 0 ? BigInt.asUintN(64, BigInt(address)) : address).toString(16)}`;
}

/** Reads lines as they come: all that come without a pause are one batch, up to a limit. */
async function forEachBatch(answer: (queries: readonly Query[]) => void): Promise<void> {
  const { stdin } = process;
  stdin.setEncoding('latin1');
  const pieces = stdin[Symbol.asyncIterator]() as AsyncIterator<string>;
  let queries: Query[] = [];
  let rest = '';
  const flush = (): void => {
    const batch = queries;
    queries = [];
    if (batch.length > 0) {
      answer(batch);
    }
  };
  // Of a file all can be had at once.
  const canPause = !fstatSync(0).isFile();
  for (;;) {
    const next = pieces.next();
    if (queries.length >= MOST_TOGETHER || (canPause && (await isSlow(next)))) {
      flush();
    }
    const { done, value } = await next;
    if (done === true) {
      break;
    }
    const parts = (rest + value).split('\n');
    rest = (parts.pop() ?? '').slice(0, LONGEST);
    for (const part of parts) {
      queries.push(readQuery(part.trim()));
    }
  }
  if (rest.trim() !== '') {
    queries.push(readQuery(rest.trim()));
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

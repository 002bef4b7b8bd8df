/**
 * What people save a text as, made plain: unpacked when it is gzip's (RFC 1952), UTF-8 when it is UTF-16 with
 * a byte order mark, as Windows writes what `>` redirects, and with newlines where only carriage returns end lines.
 */
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Failure } from '../core/failure.ts';
import type { Input } from './inputs.ts';

const RETURN = 0x0d;
const NEWLINE = 0x0a;

/** Bytes that are looked at before a text without any newline counts as one that ends its lines otherwise. */
const ENOUGH = 4096;

/** First bytes of what other packers write, and the program that unpacks it to standard output. */
const PACKED: readonly (readonly [bytes: readonly number[], format: string, program: string])[] = [
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], 'xz', 'xzcat'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd', 'zstdcat'],
  [[0x42, 0x5a, 0x68], 'bzip2', 'bzcat'],
];

/**
 * The same text as UTF-8 with newlines. A text that is plain passes as it comes.
 * @param name of the text, for the error
 * @throws Failure when it is packed in a way that is not read here
 */
export async function* plainBytes(input: Input, name: string): AsyncGenerator<Uint8Array> {
  const { head, rest } = await beginning(input, 6);
  const packed = PACKED.find(([bytes]) => beginsWith(head, bytes));
  if (packed !== undefined) {
    const [, format, program] = packed;
    throw new Failure(
      'bad-file',
      `${name} is packed with ${format}. Unpack it first: ${program} FILE | zscope ...`,
    );
  }
  yield* beginsWith(head, [0x1f, 0x8b]) ? unwrapped(gunzip(rest)) : unwrapped(rest);
}

function unwrapped(input: Input): AsyncGenerator<Uint8Array> {
  return withNewlines(asUtf8(input));
}

async function* gunzip(input: Input): AsyncGenerator<Uint8Array> {
  const source = Readable.from(input);
  const unpacked = createGunzip();
  source.on('error', (error) => unpacked.destroy(error));
  source.pipe(unpacked);
  try {
    // Ends, with what was whole until there, where the rest is missing.
    yield* unpacked as AsyncIterable<Uint8Array>;
  } finally {
    source.destroy();
    unpacked.destroy();
  }
}

async function* asUtf8(input: Input): AsyncGenerator<Uint8Array> {
  const { head, rest } = await beginning(input, 4);
  // The mark alone may begin any bytes; behind it is a character of ASCII.
  const encoding =
    beginsWith(head, [0xff, 0xfe]) && head[3] === 0
      ? 'utf-16le'
      : beginsWith(head, [0xfe, 0xff]) && head[2] === 0
        ? 'utf-16be'
        : null;
  if (encoding === null) {
    yield* rest;
    return;
  }
  const decoder = new TextDecoder(encoding);
  for await (const bytes of rest) {
    yield Buffer.from(decoder.decode(bytes, { stream: true }));
  }
  yield Buffer.from(decoder.decode());
}

async function* withNewlines(input: Input): AsyncGenerator<Uint8Array> {
  /** Whether carriage returns end the lines; null while nothing tells. */
  let isOnlyReturns: boolean | null = null;
  let waiting: Uint8Array[] = [];
  for await (const bytes of input) {
    if (isOnlyReturns !== null) {
      yield isOnlyReturns ? newlines(bytes) : bytes;
      continue;
    }
    const all = waiting.length === 0 ? bytes : Buffer.concat([...waiting, bytes]);
    if (all.includes(NEWLINE) || !all.includes(RETURN)) {
      isOnlyReturns = all.includes(NEWLINE) ? false : null;
      waiting = [];
      yield all;
    } else if (all.length >= ENOUGH) {
      isOnlyReturns = true;
      waiting = [];
      yield newlines(all);
    } else {
      waiting = [all];
    }
  }
  for (const bytes of waiting) {
    yield newlines(bytes);
  }
}

/** The same with newlines for carriage returns. */
function newlines(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => (byte === RETURN ? NEWLINE : byte));
}

/** The first bytes, so many if there are, and the whole of the input. */
async function beginning(
  input: Input,
  length: number,
): Promise<{ readonly head: Uint8Array; readonly rest: AsyncGenerator<Uint8Array> }> {
  const chunks = input[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  let isDone = false;
  while (head.length < length && !isDone) {
    const next = await chunks.next();
    isDone = next.done === true;
    head = next.done === true ? head : head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  const rest = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield head;
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
        yield next.value;
      }
    } finally {
      await chunks.return?.();
    }
  };
  return { head, rest: rest() };
}

function beginsWith(bytes: Uint8Array, beginning: readonly number[]): boolean {
  return beginning.every((byte, index) => bytes[index] === byte);
}

/** Bytes of a file changed at random: what a reader of untrusted files has to bear. */
import { inflateSync } from 'node:zlib';
import { isFailure } from '../../src/core/failure.ts';
import { type DebugFile, openDebugFile } from '../../src/core/symbols/debug-file.ts';

export interface FuzzResult {
  /** Changed bytes in all. */
  readonly flips: number;
  /** Files that were still answered about. */
  readonly answered: number;
  /** Files that were refused with a sentence. */
  readonly refused: number;
  /** Longest time that one file took, in milliseconds. */
  readonly longest: number;
}

/** A file may take so long; an undamaged one takes some milliseconds. */
const MOST_MS = 2000;

/** Marsaglia's xorshift32: numbers below 2^32 that are the same in every run. */
function* random(seed: number): Generator<number, never> {
  let state = seed | 1;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

/**
 * Changes bytes of copies of a file, up to `most` at a time, until `flips` were changed, and asks each
 * copy everything. Half of the changes go to headers and debug info by chance, since most of a small
 * object is that.
 * @throws Error that says how to repeat it, when an answer is neither lines nor a sentence
 */
export function fuzz(original: Uint8Array, flips: number, most: number, seed: number): FuzzResult {
  const numbers = random(seed);
  const next = (below: number): number => numbers.next().value % below;
  const changed = { flips: 0, answered: 0, refused: 0, longest: 0 };
  while (changed.flips < flips) {
    const bytes = original.slice();
    const count = 1 + next(most);
    const places = Array.from({ length: count }, () => next(bytes.length));
    for (const place of places) {
      // Single bits, extremes and small numbers lead deeper than noise.
      const kind = next(4);
      const old = bytes[place] ?? 0;
      bytes[place] =
        kind === 0 ? old ^ (1 << next(8)) : kind === 1 ? 0xff : kind === 2 ? next(16) : next(256);
    }
    changed.flips += count;
    const started = process.cpuUsage();
    try {
      askEverything(bytes);
      changed.answered++;
    } catch (error) {
      if (!isFailure(error)) {
        throw new Error(
          `seed ${seed}, after ${changed.flips} flips, at ${places.join(' ')}: ${String(error)}`,
          {
            cause: error,
          },
        );
      }
      changed.refused++;
    }
    // Of the processor: beside other work the clock tells nothing.
    const { user, system } = process.cpuUsage(started);
    const took = (user + system) / 1000;
    changed.longest = Math.max(changed.longest, took);
    if (took > MOST_MS) {
      throw new Error(`seed ${seed}, after ${changed.flips} flips, at ${places.join(' ')}: took ${took} ms`);
    }
  }
  return changed;
}

function askEverything(bytes: Uint8Array): void {
  const source = {
    size: bytes.length,
    read: (offset: number, length: number) => bytes.slice(offset, offset + length),
  };
  const file = openDebugFile(source, {
    decompress: (_, packed, maxOutputLength) => inflateSync(packed, { maxOutputLength }),
  });
  let failure: unknown;
  for (const ask of QUESTIONS) {
    try {
      ask(file);
    } catch (error) {
      if (!isFailure(error)) throw error;
      failure = error;
    }
  }
  if (failure) throw failure;
}

const SECTIONS = ['.text', '.text.unlikely', '.init.text', '.text.pool_sync'];

const QUESTIONS: readonly ((file: DebugFile) => void)[] = [
  ...SECTIONS.flatMap((section) =>
    [0, 0x21, 0x90, 0x141, 0x2f0].map((offset) => (file: DebugFile) => file.at({ section, offset })),
  ),
  (file) => file.forEach('.text', [0x141, 0, 0x21, 0x2f0, 0x90, 0x21], () => {}),
  (file) => file.symbols('weight.isra.0'),
  (file) => file.frame({ symbol: 'pool_sync', offset: 0x40, size: null }, true),
  (file) => file.frame({ symbol: 'refill', offset: 0x20, size: 0x80 }, true),
  (file) => file.atVirtual(0x1190n),
  (file) => file.symbols('pool_add').map((symbol) => file.parameters(symbol)),
  (file) => file.inlinedSites('queue_push', () => ['count', 'head->key']),
  (file) => file.struct('queue_t'),
  (file) => file.struct('item', { section: '.text', offset: 0x90 }),
  (file) => file.enumerators('order'),
];

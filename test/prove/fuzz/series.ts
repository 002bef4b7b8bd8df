/** What a parser is fuzzed by. */
import type { Random } from '../../support/random.ts';

export interface Series {
  /** What is read, as a word: `framing`. */
  readonly name: string;
  /** What holds for each input, in words. */
  readonly property: string;
  /** How many batches make the whole. */
  readonly batches: number;
  /**
   * Tries {@link BATCH} inputs.
   * @returns how many bytes they had together
   * @throws Error when what is to hold does not, with the input
   */
  batch(random: Random): number | Promise<number>;
  /** Inputs made to be slow. */
  readonly slow: readonly Slow[];
}

/** Inputs of one batch. */
export const BATCH = 1000;

export interface Slow {
  readonly what: string;
  /** Gives what is to be timed for an input of about so many bytes; making that input is not timed. */
  of(bytes: number): () => unknown;
}

/** Runs one input for each of a batch. */
export function each(random: Random, one: (random: Random) => number): number {
  let bytes = 0;
  for (let i = 0; i < BATCH; i++) bytes += one(random);
  return bytes;
}

/** An error that shows the input. */
export function broken(what: string, input: string | Uint8Array, seen?: unknown): Error {
  const shown = typeof input === 'string' ? JSON.stringify(input) : Buffer.from(input).toString('base64');
  const more = seen === undefined ? '' : `; ${JSON.stringify(seen)}`;
  return new Error(`${what} for the input ${shown.slice(0, 4000)}${more.slice(0, 2000)}`);
}

/** Anything: one of all characters, those that mean something to most formats more often. */
function character(random: Random): string {
  if (random.oneIn(3)) return random.pick([...'\n\r\t "\'\\#=,*?![]()<>:;$`&|~-_.@/%+\0\x1b\u2028']);
  return random.oneIn(4)
    ? String.fromCodePoint(random.below(0xd800))
    : String.fromCharCode(32 + random.below(95));
}

/**
 * Text of the format's own pieces with others between them, and then some damage: parts left out,
 * doubled, exchanged for anything.
 */
export function soup(random: Random, pieces: readonly string[], most: number): string {
  let text = '';
  for (let left = random.between(0, most); left > 0; left--) {
    text += random.oneIn(6) ? character(random) : random.pick(pieces);
  }
  for (let damage = random.oneIn(2) ? 0 : random.between(1, 4); damage > 0 && text.length > 0; damage--) {
    const from = random.below(text.length);
    const to = Math.min(text.length, from + random.between(1, 8));
    const middle = random.pick([() => '', () => text.slice(from, to).repeat(2), () => character(random)])();
    text = text.slice(0, from) + middle + text.slice(to);
  }
  return text;
}

/** The bytes in pieces, cut anywhere; empty pieces too. */
export function cut(random: Random, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  const longest = random.pick([1, 3, 20, 200]);
  for (let at = 0; at < bytes.length; ) {
    const next = Math.min(bytes.length, at + random.between(0, longest));
    pieces.push(bytes.subarray(at, next));
    at = next;
  }
  return pieces;
}

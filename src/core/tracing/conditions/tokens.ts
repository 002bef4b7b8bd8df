import { Failure } from '../../failure.ts';

/** One word of a condition, with where it begins. */
export interface Token {
  readonly kind: 'name' | 'number' | 'duration' | 'string' | 'sign' | 'end';
  /** Names and signs as written; of a string what is between its quotes. */
  readonly text: string;
  /** Of a number; of a duration in nanoseconds. */
  readonly value: bigint;
  /** UTF-16 units from the start. */
  readonly at: number;
}

/** A condition is typed by hand: what is longer than this is none. */
const LONGEST = 500;

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
};

const WORD =
  /\s*(?:([A-Za-z_]\w*(?:(?:->|\.)[A-Za-z_]\w*)*)|(0[xX][0-9a-fA-F]{1,16}|\d{1,20})(ns|us|ms|s)?(?!\w)|"([^"]*)"|(&&|\|\||[=!<>]=|[<>!&~()-]))/y;

/** @throws Failure `bad-request` with what is wrong and where */
export function tokens(text: string): Token[] {
  if (text.length > LONGEST) {
    throw wrong(`A condition has at most ${LONGEST} characters`);
  }
  const found: Token[] = [];
  let at = 0;
  while (at < text.trimEnd().length) {
    WORD.lastIndex = at;
    const match = WORD.exec(text);
    if (match === null) {
      const from = at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0);
      const where = `at character ${from + 1}`;
      throw wrong(
        text[from] === '='
          ? `A single "=" ${where} compares nothing: write "=="`
          : `This cannot be read ${where}: ${text.slice(from, from + 12)}`,
      );
    }
    const [whole, name, number, unit, quoted, sign] = match;
    const start = at + whole.length - whole.trimStart().length;
    at += whole.length;
    if (name !== undefined) {
      const word = { and: '&&', or: '||', not: '!' }[name];
      found.push({ kind: word === undefined ? 'name' : 'sign', text: word ?? name, value: 0n, at: start });
    } else if (number !== undefined) {
      const scale = unit === undefined ? 1n : (NANOSECONDS[unit] ?? 1n);
      const value = BigInt(number) * scale;
      if (value >= 2n ** 64n) {
        throw wrong(`${number} has more than 64 bits`);
      }
      found.push({ kind: unit === undefined ? 'number' : 'duration', text: number, value, at: start });
    } else if (quoted !== undefined) {
      found.push({ kind: 'string', text: quoted, value: 0n, at: start });
    } else {
      found.push({ kind: 'sign', text: sign ?? '', value: 0n, at: start });
    }
  }
  found.push({ kind: 'end', text: '', value: 0n, at: text.length });
  return found;
}

export function wrong(what: string): Failure {
  return new Failure('bad-request', `${what}.`, 'Write a condition like: foid == 34 && comm == "dd".');
}

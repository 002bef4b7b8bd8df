import { ERRNO_NUMBERS } from '../../zfs/errno.ts';
import { type Token, tokens, wrong } from './tokens.ts';

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | '~';

/** What a field is compared with. */
export type Literal =
  | { readonly kind: 'number'; readonly value: bigint }
  /** In nanoseconds. */
  | { readonly kind: 'duration'; readonly value: bigint }
  | { readonly kind: 'string'; readonly value: string };

/** A condition as a person wrote it, the names of its fields unchecked. */
export type Expression =
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly of: Expression }
  | {
      readonly kind: 'compare';
      readonly field: string;
      readonly operator: Comparison;
      readonly literal: Literal;
    }
  /** True when the field has one of these bits; all of them for a field that stands alone. */
  | { readonly kind: 'bits'; readonly field: string; readonly mask: bigint };

/** Parentheses and negations within each other. */
const DEEPEST = 32;
/** Comparisons: the kernel's own limit is far above. */
const MOST = 32;

const ALL_BITS = 2n ** 64n - 1n;
const MIRRORED: Readonly<Partial<Record<string, Comparison>>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/**
 * Reads a condition in the words of C: fields, numbers, durations (`10ms`), strings, names of errors,
 * `== != < <= > >= & ~ ! && || ( )`. `~` compares with a pattern of `*` and `?`.
 * @throws Failure `bad-request` with what is wrong
 */
export function parseCondition(text: string): Expression {
  return new Parser(tokens(text)).whole();
}

class Parser {
  #next = 0;
  #comparisons = 0;

  constructor(private readonly words: readonly Token[]) {}

  whole(): Expression {
    const expression = this.#either(0);
    if (this.#peek.kind !== 'end') {
      throw this.#unexpected('"&&", "||" or the end');
    }
    return expression;
  }

  get #peek(): Token {
    // The last word is the end, which is never passed.
    return this.words[Math.min(this.#next, this.words.length - 1)] as Token;
  }

  #takes(...signs: readonly string[]): string | null {
    const { kind, text } = this.#peek;
    if (kind !== 'sign' || !signs.includes(text)) {
      return null;
    }
    this.#next += 1;
    return text;
  }

  #unexpected(wanted: string) {
    const { kind, text, at } = this.#peek;
    const found = kind === 'end' ? 'it ends' : `there is ${kind === 'string' ? `"${text}"` : text}`;
    return wrong(`At character ${at + 1} ${wanted} is expected, but ${found}`);
  }

  #either(depth: number): Expression {
    let left = this.#both(depth);
    while (this.#takes('||') !== null) {
      left = { kind: 'or', left, right: this.#both(depth) };
    }
    return left;
  }

  #both(depth: number): Expression {
    let left = this.#one(depth);
    while (this.#takes('&&') !== null) {
      left = { kind: 'and', left, right: this.#one(depth) };
    }
    return left;
  }

  #one(depth: number): Expression {
    if (depth > DEEPEST) {
      throw wrong(`A condition is nested at most ${DEEPEST} deep`);
    }
    if (this.#takes('!') !== null) {
      return { kind: 'not', of: this.#one(depth + 1) };
    }
    if (this.#takes('(') === null) {
      return this.#comparison();
    }
    const inner = this.#either(depth + 1);
    if (this.#takes(')') === null) {
      throw this.#unexpected('")"');
    }
    return inner.kind === 'bits' ? this.#bitsAgainstZero(inner) : inner;
  }

  /** `(flags & 4) != 0`, `(flags & 4) == 0`. */
  #bitsAgainstZero(bits: Expression): Expression {
    const operator = this.#takes('==', '!=');
    if (operator === null) {
      return bits;
    }
    const literal = this.#literal();
    if (literal.kind !== 'number' || literal.value !== 0n) {
      throw wrong('Bits can be compared with 0 only: write (flags & 4) != 0');
    }
    return operator === '!=' ? bits : { kind: 'not', of: bits };
  }

  #comparison(): Expression {
    this.#comparisons += 1;
    if (this.#comparisons > MOST) {
      throw wrong(`A condition has at most ${MOST} comparisons`);
    }
    const { kind, text } = this.#peek;
    if (kind !== 'name' || constant(text) !== null) {
      return this.#literalFirst();
    }
    this.#next += 1;
    if (this.#takes('&') !== null) {
      const mask = this.#literal();
      if (mask.kind !== 'number' || mask.value < 0n) {
        throw wrong('After "&" comes a number without a sign');
      }
      return { kind: 'bits', field: text, mask: mask.value };
    }
    const operator = this.#takes('==', '!=', '<=', '>=', '<', '>', '~');
    if (operator === null) {
      return { kind: 'bits', field: text, mask: ALL_BITS };
    }
    return { kind: 'compare', field: text, operator: operator as Comparison, literal: this.#literal() };
  }

  #literalFirst(): Expression {
    const literal = this.#literal();
    const operator = MIRRORED[this.#takes('==', '!=', '<=', '>=', '<', '>') ?? ''];
    const field = this.#peek;
    if (operator === undefined || field.kind !== 'name' || constant(field.text) !== null) {
      throw this.#unexpected(operator === undefined ? 'a comparison' : 'a field');
    }
    this.#next += 1;
    return { kind: 'compare', field: field.text, operator, literal };
  }

  #literal(): Literal {
    const isNegative = this.#takes('-') !== null;
    const { kind, text, value } = this.#peek;
    const number = kind === 'number' ? value : kind === 'name' ? constant(text) : null;
    if (number !== null) {
      this.#next += 1;
      return { kind: 'number', value: isNegative ? -number : number };
    }
    if (!isNegative && (kind === 'string' || kind === 'duration')) {
      this.#next += 1;
      return kind === 'string' ? { kind, value: text } : { kind, value };
    }
    throw this.#unexpected('a number, a string, a duration or the name of an error');
  }
}

/** What is a number by its name everywhere. */
function constant(name: string): bigint | null {
  if (name === 'NULL' || name === 'false' || name === 'B_FALSE') {
    return 0n;
  }
  if (name === 'true' || name === 'B_TRUE') {
    return 1n;
  }
  const number = ERRNO_NUMBERS.get(name);
  return number === undefined ? null : BigInt(number);
}

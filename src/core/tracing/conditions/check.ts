import type { Comparison, Expression } from './parse.ts';
import { wrong } from './tokens.ts';

/** When the value of a field is there: at the entry of a call, at its return, or by both. */
export type Known = 'entry' | 'return' | 'both';

/** What a condition may ask for. */
export interface Field {
  /** As a person writes it. */
  readonly name: string;
  /** What the kernel's filter calls it; null where the kernel cannot filter by it. */
  readonly kernel: string | null;
  readonly type: 'signed' | 'unsigned' | 'string' | 'duration';
  /** Bits of a number: 8 to 64. */
  readonly bits: number;
  readonly known: Known;
  /** The sign does not matter: an error may be returned as EIO or as -EIO. */
  readonly eitherSign?: boolean;
}

/** A condition whose fields are known and whose values fit them. */
export type Condition =
  | { readonly kind: 'and' | 'or'; readonly left: Condition; readonly right: Condition }
  | { readonly kind: 'not'; readonly of: Condition }
  | { readonly kind: 'compare'; readonly field: Field; readonly operator: Comparison; readonly value: bigint }
  | {
      readonly kind: 'text';
      readonly field: Field;
      readonly operator: '==' | '!=' | '~';
      readonly value: string;
    }
  | { readonly kind: 'bits'; readonly field: Field; readonly mask: bigint };

/** Longest string that the kernel's filter takes is 256 bytes (MAX_FILTER_STR_VAL). */
const LONGEST_STRING = 200;

/**
 * Checks a condition against what is known of the traced functions.
 * @throws Failure `bad-request` for an unknown field and for a value that its field can never have
 */
export function checkCondition(expression: Expression, fields: ReadonlyMap<string, Field>): Condition {
  switch (expression.kind) {
    case 'and':
    case 'or': {
      const { kind, left, right } = expression;
      return { kind, left: checkCondition(left, fields), right: checkCondition(right, fields) };
    }
    case 'not':
      return { kind: 'not', of: checkCondition(expression.of, fields) };
    case 'bits': {
      const field = find(expression.field, fields);
      if (field.type !== 'signed' && field.type !== 'unsigned') {
        throw wrong(`${field.name} is no number: compare it with a value`);
      }
      const mask = expression.mask & (2n ** BigInt(field.bits) - 1n);
      if (mask === 0n) {
        throw wrong(`${field.name} has ${field.bits} bits, and none of these`);
      }
      return { kind: 'bits', field, mask };
    }
    case 'compare':
      return comparison(expression, find(expression.field, fields));
  }
}

function find(name: string, fields: ReadonlyMap<string, Field>): Field {
  const field = fields.get(name);
  if (field === undefined) {
    throw wrong(`There is no ${name} here; known are ${[...fields.keys()].join(', ')}`);
  }
  return field;
}

function comparison(
  { operator, literal }: Extract<Expression, { kind: 'compare' }>,
  field: Field,
): Condition {
  if (field.type === 'string') {
    if (literal.kind !== 'string') {
      throw wrong(`${field.name} is a string: compare it with one in double quotes`);
    }
    if (operator !== '==' && operator !== '!=' && operator !== '~') {
      throw wrong(`${field.name} is a string: only ==, != and ~ compare strings`);
    }
    if (literal.value.length > LONGEST_STRING || !/^[\x20-\x7e]*$/.test(literal.value)) {
      throw wrong(`A string to compare with has at most ${LONGEST_STRING} characters, all of ASCII`);
    }
    return { kind: 'text', field, operator, value: literal.value };
  }
  if (operator === '~') {
    throw wrong(`${field.name} is a number: "~" compares strings`);
  }
  if (field.type === 'duration' ? literal.kind !== 'duration' : literal.kind !== 'number') {
    throw wrong(
      field.type === 'duration'
        ? `${field.name} is compared with a duration: 500ns, 10us, 2ms or 1s`
        : `${field.name} is a number: compare it with one`,
    );
  }
  const value = literal.value as bigint;
  const bits = BigInt(field.bits);
  const [least, most] =
    field.type === 'signed' ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n] : [0n, 2n ** bits - 1n];
  // As C has it, -1 is the greatest value of an unsigned number.
  const fitting =
    field.type === 'unsigned' && value < 0n && value >= -(2n ** (bits - 1n))
      ? BigInt.asUintN(field.bits, value)
      : value;
  if (fitting < least || fitting > most) {
    throw wrong(`${field.name} has ${field.bits} bits: it is never ${value}`);
  }
  return { kind: 'compare', field, operator, value: fitting };
}

/** When all that a condition asks for is known; `both` also when it asks for things of both ends. */
export function knownWhen(condition: Condition): Known {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const [left, right] = [knownWhen(condition.left), knownWhen(condition.right)];
      return left === right ? left : 'both';
    }
    case 'not':
      return knownWhen(condition.of);
    default:
      return condition.field.known;
  }
}

/** The parts that must all be true. */
export function conjuncts(condition: Condition): Condition[] {
  return condition.kind === 'and'
    ? [...conjuncts(condition.left), ...conjuncts(condition.right)]
    : [condition];
}

export function allOf(conditions: readonly Condition[]): Condition | null {
  return conditions.reduce<Condition | null>(
    (left, right) => (left === null ? right : { kind: 'and', left, right }),
    null,
  );
}

import type { Condition, Field } from '../tracing/conditions/check.ts';
import { MAX_ERRNO, type ReturnKind } from '../tracing/return-type.ts';

/** How a language names what a condition asks for. */
export interface ConditionWords {
  /** An expression with the field's value, as a 64-bit number or a string; null when it has none. */
  value(field: Field): string | null;
  /** Whether a string equals a literal; null where the language cannot compare it. */
  equals(field: Field, literal: string): string | null;
}

/** Greatest number that every language here takes as a literal. */
const GREATEST = 2n ** 63n - 1n;

/**
 * A condition as an expression in the manner of C; null when the language cannot say it. All of it is
 * written here: names from the tables of fields, numbers in decimal, strings with nothing in them that could
 * end them or begin something.
 */
export function cCondition(condition: Condition, words: ConditionWords): string | null {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const [left, right] = [cCondition(condition.left, words), cCondition(condition.right, words)];
      return left === null || right === null
        ? null
        : `(${left}) ${condition.kind === 'and' ? '&&' : '||'} (${right})`;
    }
    case 'not': {
      const inner = cCondition(condition.of, words);
      return inner === null ? null : `!(${inner})`;
    }
    case 'text': {
      const { field, operator, value } = condition;
      // No sign of another meaning in any of the languages: quotes, escapes, formats.
      const equal = operator === '~' || !/^[\w ./:@+,=-]*$/.test(value) ? null : words.equals(field, value);
      return equal === null || operator === '==' ? equal : `!(${equal})`;
    }
    case 'bits': {
      const value = words.value(condition.field);
      return value === null || condition.field.eitherSign === true || condition.mask > GREATEST
        ? null
        : `(${value} & ${condition.mask}) != 0`;
    }
    case 'compare':
      return comparison(condition, words);
  }
}

function comparison(
  { field, operator, value }: Extract<Condition, { kind: 'compare' }>,
  words: ConditionWords,
): string | null {
  const text = words.value(field);
  const size = value < 0n ? -value : value;
  if (text === null || operator === '~' || size > GREATEST) {
    return null;
  }
  if (field.eitherSign !== true) {
    return `${text} ${operator} ${value}`;
  }
  // What has either sign is compared by its size.
  switch (operator) {
    case '==':
      return `${text} == ${size} || ${text} == -${size}`;
    case '!=':
      return `${text} != ${size} && ${text} != -${size}`;
    default:
      return null;
  }
}

/** Whether a value means an error, as `isErrorValue` (return-type.ts) has it; null when no value does. */
export function cErrorTest(value: string, errors: ReturnKind['errors']): string | null {
  const negative = `(${value} >= -${MAX_ERRNO} && ${value} <= -1)`;
  switch (errors) {
    case 'none':
      return null;
    case 'negative':
      return negative;
    case 'both':
      return `(${negative} || (${value} >= 1 && ${value} <= ${MAX_ERRNO}))`;
  }
}

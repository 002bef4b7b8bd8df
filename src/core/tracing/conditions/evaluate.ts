import type { Condition, Field } from './check.ts';
import type { Comparison } from './parse.ts';

/** The value of a field in one call: a number as its type has it, nanoseconds, or a string; null when it is not known. */
export type ValueOf = (field: Field) => bigint | string | null;

/** Whether a call fulfils a condition. What is not known fulfils no comparison. */
export function fulfils(condition: Condition, look: ValueOf): boolean {
  switch (condition.kind) {
    case 'and':
      return fulfils(condition.left, look) && fulfils(condition.right, look);
    case 'or':
      return fulfils(condition.left, look) || fulfils(condition.right, look);
    case 'not':
      return !fulfils(condition.of, look);
    case 'bits': {
      const value = look(condition.field);
      return (
        typeof value === 'bigint' && (BigInt.asUintN(condition.field.bits, value) & condition.mask) !== 0n
      );
    }
    case 'compare': {
      const value = look(condition.field);
      if (typeof value !== 'bigint') {
        return false;
      }
      return condition.field.eitherSign === true
        ? compares(size(value), condition.operator, size(condition.value))
        : compares(value, condition.operator, condition.value);
    }
    case 'text': {
      const value = look(condition.field);
      if (typeof value !== 'string') {
        return false;
      }
      return condition.operator === '~'
        ? matchesPattern(value, condition.value)
        : (value === condition.value) === (condition.operator === '==');
    }
  }
}

const size = (value: bigint): bigint => (value < 0n ? -value : value);

function compares(left: bigint, operator: Comparison, right: bigint): boolean {
  switch (operator) {
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    case '~':
      return false;
  }
}

/** `*` stands for anything, `?` for one character; goes back to the last star only, so that it ends soon. */
function matchesPattern(text: string, pattern: string): boolean {
  let at = 0;
  let star = -1;
  let from = 0;
  for (let i = 0; i < text.length; ) {
    if (at < pattern.length && pattern[at] === '*') {
      star = at++;
      from = i;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[i])) {
      at += 1;
      i += 1;
    } else if (star >= 0) {
      at = star + 1;
      i = ++from;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') {
    at += 1;
  }
  return at === pattern.length;
}

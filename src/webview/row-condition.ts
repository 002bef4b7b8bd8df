import { isFailure } from '../core/failure.ts';
import type { Condition, Field } from '../core/tracing/conditions/check.ts';
import { fulfils } from '../core/tracing/conditions/evaluate.ts';
import { type Expression, parseCondition } from '../core/tracing/conditions/parse.ts';
import type { TraceRow } from '../protocol/trace-view.ts';

/**
 * What a filter text means that is a condition, `duration > 1ms && ret == EIO`; null for one that is words. Which
 * arguments there are depends on the row: one that it has not fulfils nothing.
 */
export function rowCondition(text: string): ((row: TraceRow) => boolean) | null {
  // An arrow is part of an argument's name.
  if (!/[=!]=|[<>~]|&&|\|\|/.test(text.replaceAll('->', '.'))) {
    return null;
  }
  try {
    const condition = ofRow(parseCondition(text));
    return (row) => fulfils(condition, ({ name }) => valueIn(row, name));
  } catch (error) {
    if (isFailure(error)) {
      return null; // Not yet whole, perhaps.
    }
    throw error;
  }
}

/** A row's values have their types with them: what a field is compared with says what it is. */
function ofRow(expression: Expression): Condition {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return { kind: expression.kind, left: ofRow(expression.left), right: ofRow(expression.right) };
    case 'not':
      return { kind: 'not', of: ofRow(expression.of) };
    case 'bits':
      return { kind: 'bits', field: field(expression.field), mask: expression.mask };
    case 'compare': {
      const { operator, literal } = expression;
      if (literal.kind === 'string') {
        const compared = operator === '==' || operator === '~' ? operator : '!=';
        return { kind: 'text', field: field(expression.field), operator: compared, value: literal.value };
      }
      return { kind: 'compare', field: field(expression.field), operator, value: literal.value };
    }
  }
}

function field(name: string): Field {
  return { name, kernel: null, type: 'signed', bits: 64, known: 'both', eitherSign: name === 'errno' };
}

function valueIn(row: TraceRow, name: string): bigint | string | null {
  switch (name) {
    case 'comm':
      return row.comm;
    case 'function':
      return row.function;
    case 'pid':
      return BigInt(row.pid);
    case 'cpu':
      return BigInt(row.cpu);
    case 'duration':
      return row.durationNs === null ? null : BigInt(row.durationNs);
    case 'ret':
    case 'errno':
      return valueOfText(row.returned);
    default:
      return valueOfText(row.arguments.find((argument) => argument.name === name)?.value ?? '');
  }
}

/** The number that a value begins with, `5 EIO`, else its text without quotes. */
function valueOfText(text: string): bigint | string | null {
  const [, sign, digits] = /^(-?)(\d{1,20}|0x[0-9a-f]{1,16})(?: |$)/.exec(text) ?? [];
  if (digits !== undefined) {
    return sign === '-' ? -BigInt(digits) : BigInt(digits);
  }
  return text === '' ? null : text.replace(/^"(.*)"$/s, '$1');
}

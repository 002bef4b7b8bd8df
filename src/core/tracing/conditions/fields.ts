import { isFailure } from '../../failure.ts';
import type { Fetch, FetchType } from '../arguments.ts';
import type { ReturnKind } from '../return-type.ts';
import { checkCondition, type Field, type Known } from './check.ts';
import { parseCondition } from './parse.ts';

const COMMON: readonly Field[] = [
  { name: 'comm', kernel: 'comm', type: 'string', bits: 0, known: 'entry' },
  { name: 'pid', kernel: 'common_pid', type: 'signed', bits: 32, known: 'entry' },
  { name: 'cpu', kernel: 'CPU', type: 'unsigned', bits: 32, known: 'entry' },
];

/**
 * What a condition may ask for: the arguments by name, `comm`, `pid` (the thread's), `cpu`; where the return is
 * traced `ret`, `errno` (of either sign), and `duration` where both ends are. An argument hides a common field.
 */
export function conditionFields(
  fetches: readonly Fetch[],
  returns: ReturnKind | null,
  hasDuration: boolean,
): ReadonlyMap<string, Field> {
  const fields = new Map<string, Field>(COMMON.map((field) => [field.name, field]));
  for (const { index, name, type, add = 0 } of fetches) {
    if (/^[A-Za-z_]\w*(?:(?:->|\.)[A-Za-z_]\w*)*$/.test(name)) {
      const field = fieldOf(name, `a${index}`, type, 'entry');
      fields.set(name, add === 0 ? field : { ...field, kernel: null });
    }
  }
  if (returns !== null && returns.type !== null) {
    const value = fieldOf('ret', 'r', returns.type, 'return');
    fields.set('ret', value);
    if (returns.errors !== 'none') {
      fields.set('errno', {
        ...value,
        name: 'errno',
        type: 'signed',
        eitherSign: true,
        kernel: value.type === 'signed' ? value.kernel : null,
      });
    }
  }
  if (hasDuration) {
    fields.set('duration', { name: 'duration', kernel: 'ns', type: 'duration', bits: 64, known: 'both' });
  }
  return fields;
}

/** Whether a condition asks for nothing but what calls of all functions have: their task and their processor. */
export function fitsAnyFunction(condition: string): boolean {
  try {
    checkCondition(parseCondition(condition), conditionFields([], null, false));
    return true;
  } catch (error) {
    if (!isFailure(error)) {
      throw error;
    }
    return false;
  }
}

function fieldOf(name: string, kernel: string, type: FetchType, known: Known): Field {
  if (type === 'string') {
    return { name, kernel, type: 'string', bits: 0, known };
  }
  return {
    name,
    kernel,
    type: type.startsWith('s') ? 'signed' : 'unsigned',
    bits: Number(type.slice(1)),
    known,
  };
}

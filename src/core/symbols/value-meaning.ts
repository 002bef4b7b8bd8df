/** What numbers mean, as far as their names and types tell: the same for every kind of debug info. */
import type { ValueType } from './value-type.ts';

/**
 * @param name what has the value: numbers called `error` are error numbers
 * @param typeName of the typedef, or empty
 */
export function integerType(
  size: 1 | 2 | 4 | 8,
  isSigned: boolean,
  name: string,
  typeName: string,
): ValueType {
  if (isSigned) {
    const isError = size === 4 && /(?:^|_)(?:err|error|errno)$/.test(name);
    return { kind: 'integer', size, isSigned, means: isError ? 'error' : 'number' };
  }
  const isFlags = /flags?$/.test(name) || /flags?_t$/.test(typeName);
  return { kind: 'integer', size, isSigned, means: isFlags ? 'flags' : 'number' };
}

/** True where most constants are single bits, the others sums of them, and they are not just counted up. */
export function areFlags(values: readonly number[]): boolean {
  const isBit = (value: number) => value > 0 && Number.isInteger(Math.log2(value));
  const bits = new Set(values.filter(isBit));
  const all = [...bits].reduce((sum, bit) => sum + bit, 0);
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const isCounted = sorted.every((value, i) => i === 0 || value === (sorted[i - 1] ?? 0) + 1);
  return (
    bits.size >= 3 &&
    !isCounted &&
    bits.size * 2 > values.length &&
    values.every((value) => value >= 0 && value <= all)
  );
}

/** Sizes of values that a register holds. */
export function valueSize(size: number | null): 1 | 2 | 4 | 8 | null {
  return size === 1 || size === 2 || size === 4 || size === 8 ? size : null;
}

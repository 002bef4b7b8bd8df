import { expect, it } from 'vitest';
import type { ValueType } from '../../../../../src/core/symbols/value-type.ts';
import { showValue } from '../../../../../src/core/tracing/values/show-value.ts';

const constants = (values: Readonly<Record<string, number>>) =>
  Object.entries(values).map(([name, value]) => ({ name, value }));
const flags: ValueType = {
  kind: 'enum',
  size: 4,
  isSigned: false,
  isFlags: true,
  constants: constants({ NONE: 0, A: 1, B: 2, C: 4, AB: 3 }),
};

it('names constants, and sums of flags by the fewest names', () => {
  const states = constants({ OFF: -1, ON: 1 });
  const state: ValueType = { kind: 'enum', size: 4, isSigned: true, isFlags: false, constants: states };
  expect(['-1', '1', '3'].map((text) => showValue(state, text))).toEqual(['OFF', 'ON', '3']);
  expect(['0', '3', '7', '5', '16', '20'].map((text) => showValue(flags, text))).toEqual([
    'NONE',
    'AB',
    'AB|C',
    'A|C',
    '0x10',
    'C|0x10',
  ]);
});

it('keeps all digits of 64 bits, and says what an error is called', () => {
  const integer = (means: 'number' | 'flags' | 'error'): ValueType => ({
    kind: 'integer',
    size: 8,
    isSigned: false,
    means,
  });
  expect(showValue(integer('number'), '18446744073709551615')).toBe('18446744073709551615');
  expect(showValue(integer('flags'), '18446744073709551615')).toBe('0xffffffffffffffff');
  expect(['0', '5', '-52', '4000'].map((text) => showValue(integer('error'), text))).toEqual([
    '0',
    '5 EIO',
    '-52 ECKSUM',
    '4000',
  ]);
  expect(showValue({ kind: 'bool', size: 1 }, '2')).toBe('true');
});

it('passes on what the kernel could not read', () => {
  expect(showValue(flags, '(fault)')).toBe('(fault)');
  expect(showValue({ kind: 'text', isPointer: true }, '"tank"')).toBe('"tank"');
});

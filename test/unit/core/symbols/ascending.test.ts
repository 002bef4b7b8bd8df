import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascending } from '../../../../src/core/symbols/ascending.ts';

describe('ascending', () => {
  // Large ones have no room for an index below them.
  it.each([1000, Number.MAX_SAFE_INTEGER])(
    'has all numbers below %d that lie in the range, in order',
    (most) => {
      const number = fc.integer({ min: -most, max: most });
      fc.assert(
        fc.property(
          fc.array(fc.oneof(number, fc.constant(Number.NaN))),
          number,
          number,
          (offsets, low, high) => {
            const { sorted, indices } = ascending(offsets, 0, low, high);
            const wanted = offsets.filter((offset) => offset >= low && offset < high).sort((a, b) => a - b);
            expect([...sorted]).toEqual(wanted);
            expect([...indices].map((index) => offsets[index])).toEqual(wanted);
            expect(new Set(indices).size).toBe(wanted.length);
          },
        ),
      );
    },
  );

  it('has thousands in order, equal ones in theirs', () => {
    const offsets = Array.from({ length: 10_000 }, (_, i) => ((i * 7919) % 4999) * 800_003 - 3_000_000);
    const { sorted, indices } = ascending(offsets, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    const wanted = [...offsets.keys()].sort((a, b) => (offsets[a] ?? 0) - (offsets[b] ?? 0) || a - b);
    expect([...indices]).toEqual(wanted);
    expect([...sorted]).toEqual(wanted.map((index) => offsets[index]));
  });

  it('adds the base to each number', () => {
    expect([...ascending([5, 1, 9], 100, 100, 106).sorted]).toEqual([101, 105]);
  });
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inParts, Newest } from '../../../src/extension/newest.ts';

it('keeps the newest of a list, each at its index', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat({ max: 30 }), fc.constant('clear'))), (steps) => {
      const newest = new Newest<number>(20);
      let end = 0;
      let cleared = 0;
      for (const step of steps) {
        if (typeof step === 'string') {
          newest.clear();
          cleared = end;
        } else {
          newest.push(Array.from({ length: step }, (_, i) => end + i));
          end += step;
        }
        expect(newest.end).toBe(end);
        expect(newest.items).toEqual(Array.from({ length: end - newest.first }, (_, i) => newest.first + i));
        expect(newest.items.length).toBeGreaterThanOrEqual(Math.min(20, end - cleared));
        expect(newest.items.length).toBeLessThanOrEqual(22);
        expect(newest.at(newest.first - 1)).toBeUndefined();
        expect(newest.at(end - 1)).toBe(newest.items.at(-1));
      }
    }),
  );
});

it('divides a list into parts', () => {
  expect([...inParts([1, 2, 3, 4, 5], 2)]).toEqual([[1, 2], [3, 4], [5]]);
  expect([...inParts([], 2)]).toEqual([]);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ring } from '../../../../src/webview/rows/ring.ts';

const content = (ring: Ring<number>) =>
  Array.from({ length: ring.length }, (_, index) => ring.at(ring.first + index));

describe('Ring', () => {
  it('holds the newest items under their sequence numbers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(fc.integer()), (capacity, items) => {
        const ring = new Ring<number>(capacity);
        items.forEach((item) => {
          ring.push(item);
        });
        expect(content(ring)).toEqual(items.slice(-capacity));
        expect(ring.end).toBe(items.length);
        expect(ring.first).toBe(Math.max(0, items.length - capacity));
      }),
    );
  });

  it('knows nothing outside of what it holds', () => {
    const ring = new Ring<string>(2);
    for (const item of ['a', 'b', 'c']) {
      ring.push(item);
    }
    expect([ring.at(-1), ring.at(0), ring.at(3), ring.at(1), ring.at(2)]).toEqual([
      undefined,
      undefined,
      undefined,
      'b',
      'c',
    ]);
  });

  it('starts again when cleared', () => {
    const ring = new Ring<number>(2);
    ring.push(1);
    ring.push(2);
    ring.push(3);
    ring.clear();
    expect([ring.length, ring.first, ring.end]).toEqual([0, 0, 0]);
    ring.push(4);
    expect(content(ring)).toEqual([4]);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses to hold %s items', (capacity) => {
    expect(() => new Ring(capacity)).toThrow(RangeError);
  });
});

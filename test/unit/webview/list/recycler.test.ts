import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Recycler } from '../../../../src/webview/list/recycler.ts';

it('a row keeps its place while it is in sight, and new ones get those that became free', () => {
  const recycler = new Recycler();
  const first = recycler.place([1, 2, 3]);
  const second = recycler.place([3, 4, 5]);
  expect(second.get(3)).toBe(first.get(3));
  expect([...second.values()].sort()).toEqual([...first.values()].sort());
});

it('no two rows have one place, and there are no more places than rows', () => {
  fc.assert(
    fc.property(fc.array(fc.uniqueArray(fc.nat(60), { maxLength: 20 }), { maxLength: 20 }), (views) => {
      const recycler = new Recycler();
      let before: ReadonlyMap<number, number> = new Map();
      for (const ids of views) {
        const places = recycler.place(ids);
        expect(new Set(places.values()).size).toBe(ids.length);
        for (const [id, place] of places) expect(before.get(id) ?? place).toBe(place);
        before = places;
      }
    }),
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstUnread } from '../../../../src/core/zfs/dbgmsg-overlap.ts';

test('the lines after the newest that was read are new', () => {
  expect(firstUnread(['a', 'b', 'c'], ['b', 'c', 'd', 'e'])).toBe(2);
  expect(firstUnread(['a', 'b'], ['a', 'b'])).toBe(2);
  expect(firstUnread(['a', 'b'], ['a', 'b', 'b', 'b'])).toBe(2);
});

test('of equal lines the most are taken for those that were read', () => {
  expect(firstUnread(['x', 'a', 'a', 'a'], ['a', 'a', 'a', 'a'])).toBe(3);
});

test('a list that reaches further back than what was kept goes on behind that', () => {
  expect(firstUnread(['c', 'd'], ['a', 'b', 'c', 'd', 'e'])).toBe(4);
});

test('nothing in common', () => {
  expect(firstUnread(['a', 'b'], ['c'])).toBeNull();
  expect(firstUnread(['a', 'b'], [])).toBeNull();
});

test('what was appended is found, whatever was dropped at the head and however much was kept', () => {
  const cut = fc.nat({ max: 30 });
  fc.assert(
    fc.property(fc.nat({ max: 60 }), fc.nat({ max: 30 }), cut, cut, (read, appended, dropped, forgotten) => {
      const all = Array.from({ length: read + appended }, (_, i) => `line ${i}`);
      const kept = all.slice(Math.min(forgotten, read), read);
      const list = all.slice(dropped);
      const found = firstUnread(kept, list);
      const inCommon = kept.length > 0 && Math.max(dropped, Math.min(forgotten, read)) < read;
      expect(found).toBe(inCommon ? read - dropped : null);
    }),
  );
});

import { expect, test } from 'vitest';
import { BoundedMap } from '../../../src/core/bounded-map.ts';

test('what was set longest ago goes first', () => {
  const map = new BoundedMap<string | undefined, number>(2);
  map.set(undefined, 1).set('b', 2).set(undefined, 3).set('c', 4);
  expect([...map]).toEqual([
    [undefined, 3],
    ['c', 4],
  ]);
});

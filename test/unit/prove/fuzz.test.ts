import { expect, it } from 'vitest';
import { programs } from '../../prove/fuzz/programs.ts';
import { toolPrograms } from '../../prove/fuzz/tools.ts';
import { Random } from '../../support/random.ts';

// The long proof has a million of each; it has to know the scripts as they are by now.
it.each([programs, toolPrograms])('$name: nothing but what is meant', async ({ batch }) => {
  expect(await batch(new Random('one batch'))).toBeGreaterThan(0);
});

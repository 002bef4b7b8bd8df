/** Changed bytes, of which `npm run prove -- damaged` changes a million: every answer is lines or a sentence, and comes soon. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FIXTURES, fixture } from '../unit/core/symbols/fixtures.ts';
import { fuzz } from './fuzz.ts';
import { VARIANTS, variantFile } from './variants.ts';

const FLIPS = Math.ceil(200_000 / VARIANTS.length);
/** Bytes changed at once. */
const MOST = 16;

describe.each(VARIANTS)('$name', ({ name }) => {
  it('with bytes changed at random is answered about or refused', () => {
    const result = fuzz(new Uint8Array(readFileSync(variantFile(name))), FLIPS, MOST, 4711);
    expect(result.flips).toBeGreaterThanOrEqual(FLIPS);
    expect(result.refused).toBeGreaterThan(0);
  });
});

describe.each(FIXTURES)('%s', (name) => {
  it('with bytes changed at random, is answered about or refused', () => {
    expect(fuzz(fixture(name), 3000, 12, 99).refused).toBeGreaterThan(0);
  });
});

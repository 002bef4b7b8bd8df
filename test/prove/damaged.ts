/** Debug files of which bytes were changed at random: a sentence or lines, and soon. */
import { readFileSync } from 'node:fs';
import { ensurePrograms } from '../support/debian.ts';
import { fuzz } from '../symbols/fuzz.ts';
import { PROGRAMS } from '../symbols/setup.ts';
import { buildVariants, VARIANTS, variantFile } from '../symbols/variants.ts';
import type { Finding, Proof } from './proof.ts';

/** Changed bytes of all builds together. */
const FLIPS = 1_000_000;
const SHORT = 100_000;
/** Bytes changed at once. */
const MOST = 16;

const number = (value: number): string => value.toLocaleString('en');

export const damaged: Proof = {
  name: 'damaged',
  shows:
    'A debug file of which any bytes were changed is answered about or refused with a sentence, and soon.',
  async run(context) {
    await ensurePrograms(PROGRAMS, 'the builds whose bytes are changed', context.progress);
    buildVariants();
    const findings: Finding[] = [];
    for (const { random } of context.rounds(1)) {
      const flips = Math.ceil((context.short ? SHORT : FLIPS) / VARIANTS.length);
      const sum = { flips: 0, answered: 0, refused: 0, longest: 0 };
      const faults: string[] = [];
      for (const { name } of VARIANTS) {
        context.progress(`  ${name}`);
        try {
          const result = fuzz(
            new Uint8Array(readFileSync(variantFile(name))),
            flips,
            MOST,
            random.below(2 ** 31),
          );
          sum.flips += result.flips;
          sum.answered += result.answered;
          sum.refused += result.refused;
          sum.longest = Math.max(sum.longest, result.longest);
          if (result.answered === 0 || result.refused === 0) {
            faults.push(`${name}: ${result.answered} answered about, ${result.refused} refused`);
          }
        } catch (error) {
          faults.push(`${name}: ${error instanceof Error ? error.message : error}`);
        }
      }
      findings.push({
        what: `${number(sum.flips)} changed bytes in ${VARIANTS.length} builds, up to ${MOST} at once`,
        measured:
          `${number(sum.answered)} files answered about, ${number(sum.refused)} refused with a sentence; longest ` +
          `${sum.longest.toFixed(0)} ms of processor time${faults.length > 0 ? `; ${faults.join('; ')}` : ''}`,
        holds: faults.length === 0,
      });
    }
    return { findings };
  },
};

/** Our chains of functions and lines against a tool's, as a row of a proof. */
import type { DebugFile } from '../../src/core/symbols/debug-file.ts';
import { compareFile } from '../symbols/compare-file.ts';
import type { Finding, ProofContext } from './proof.ts';

/** What docs/symbols.md has the meaning of. */
export const CLASSES_NOTE = 'The classes of what differs are explained in [symbols.md](symbols.md).';

export interface ChainComparison {
  readonly what: string;
  /** The file that the tool reads. */
  readonly path: string;
  /** What we read: the same, or that before it was linked. */
  readonly file: DebugFile;
  readonly program: Parameters<typeof compareFile>[3];
  /** Addresses. */
  readonly wanted: number;
  readonly seed: number;
  /** The part of them, of 1, about which both have to say the very same, for the comparison to mean something. */
  readonly leastSame: number;
}

export function compareChains(comparison: ChainComparison, { progress }: ProofContext): Finding {
  const { what, path, file, program, wanted, seed, leastSame } = comparison;
  progress(`${what}: comparing with ${program}`);
  const result = compareFile(path, path, file, program, wanted, seed);
  const { sections, compared, inlined, counts, differing } = result;
  for (const line of differing.slice(0, 20)) progress(`differs: ${line}`);
  const classes = Object.entries(counts)
    .filter(([kind, count]) => kind !== 'different' && count > 0)
    .map(([kind, count]) => `${kind} ${count}`);
  const all = compared.toLocaleString('en');
  return {
    what: `${what}: ${all} addresses in ${sections} sections against ${program}`,
    measured: [...classes, `several functions deep ${inlined}`, `unexplained ${differing.length}`].join(', '),
    holds: differing.length === 0 && counts.same > compared * leastSame,
  };
}

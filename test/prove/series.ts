/** Series of rounds that each strike a client: what is the same whatever befalls it. */
import type { ClientProcess } from './client-process.ts';
import type { Finding, ProofContext, Round } from './proof.ts';

/** What a round came to. */
export interface RoundResult {
  /** What is wrong; empty for nothing. */
  readonly faults: readonly string[];
}

/** The name of a series, which chooses it, and how many rounds it has. */
export interface SeriesName {
  readonly name: string;
  readonly rounds: number;
}

/**
 * Runs the chosen rounds of a series, one after the other.
 * @param told what is said of a round that is over, beside its faults
 */
export async function series<R extends RoundResult>(
  context: ProofContext,
  { name, rounds }: SeriesName,
  one: (round: Round) => Promise<R>,
  told: (result: R) => string,
): Promise<R[]> {
  const results: R[] = [];
  for (const round of context.rounds(rounds, 1, name)) {
    context.progress(`  ${name}, round ${round.number} of ${rounds}`);
    const result = await one(round);
    context.progress(`    ${[told(result), ...result.faults].join('; ')}`);
    results.push({ ...result, faults: result.faults.map((fault) => `round ${round.number}: ${fault}`) });
  }
  return results;
}

/** The row of a series; none where no round of it was run. @param measured of all rounds, in words */
export function findingOf(
  what: string,
  results: readonly RoundResult[],
  measured: string,
): readonly Finding[] {
  const faults = results.flatMap((result) => result.faults);
  return results.length === 0
    ? []
    : [{ what, measured: [measured, ...faults].join('; '), holds: faults.length === 0 }];
}

/** `12.3 s`: the longest of some times in milliseconds. */
export function longest<R>(results: readonly R[], of: (result: R) => number): string {
  return `${(Math.max(0, ...results.map(of)) / 1000).toFixed(1)} s`;
}

/** `once`, `7 times` */
export function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

/**
 * Has something done to a client. What goes wrong is a fault, told with what the client said; so is each bug that the
 * client tells. The client is gone afterwards.
 */
export async function struck(client: ClientProcess, strike: () => Promise<string[]>): Promise<string[]> {
  try {
    return [...(await strike()), ...client.bugs()];
  } catch (error) {
    return [`${error instanceof Error ? error.message : error}; the client said: ${client.last()}`];
  } finally {
    if (!client.hasEnded) await client.kill();
  }
}

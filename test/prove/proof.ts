/**
 * Long proofs: what takes minutes to show and is therefore no part of `npm test`. scripts/prove.ts has
 * the table of them and runs them.
 */
import type { Progress } from '../support/progress.ts';
import { Random } from '../support/random.ts';

export interface Proof {
  /** The word that chooses it: `npm run prove -- NAME`. */
  readonly name: string;
  /** A sentence: what is shown. */
  readonly shows: string;
  /** Whether the lab VM is started before it. */
  readonly needsVm?: boolean;
  /** Broken off when it rejects, which is a failure as well. */
  run(context: ProofContext): Promise<ProofResult>;
}

export interface ProofResult {
  /** At least one. */
  readonly findings: readonly Finding[];
  /** Markdown below the table: what is not shown, what a word in it means. */
  readonly notes?: readonly string[];
}

/** A row of the table: something that was looked at. */
export interface Finding {
  readonly what: string;
  /** What was measured in this run, with its units and counts; of what does not hold, what is wrong as well. */
  readonly measured: string;
  /** False fails the proof. */
  readonly holds: boolean;
}

/** One of the rounds of a proof. */
export interface Round {
  /** From 1. */
  readonly number: number;
  /** Of this round alone: it does the same when only this round is run again. */
  readonly random: Random;
}

export interface ProofOptions {
  readonly progress: Progress;
  /** All that is random follows from it. */
  readonly seed: number;
  /** The least that shows something, as `npm test` does it. */
  readonly short?: boolean;
  /** Only this round, from 1. */
  readonly onlyRound?: number;
  /** Only the series of rounds whose name this regular expression fits. */
  readonly part?: string;
  /** Of each series no more rounds than so many. */
  readonly most?: number;
}

/** What a proof runs with. */
export class ProofContext {
  constructor(
    private readonly proof: string,
    private readonly options: ProofOptions,
  ) {}

  get progress(): Progress {
    return this.options.progress;
  }

  get short(): boolean {
    return this.options.short ?? false;
  }

  /**
   * The rounds to run of `whole`; in the short form only the first `short`. None of a series that was not chosen.
   * @param part where a proof has several series of rounds, which one
   */
  rounds(whole: number, short = 1, part = ''): Round[] {
    const { onlyRound, seed, most = whole } = this.options;
    const isChosen = new RegExp(this.options.part ?? '').test(part);
    const count = isChosen ? Math.min(whole, this.short ? short : most) : 0;
    return Array.from({ length: count }, (_, index) => index + 1)
      .filter((number) => onlyRound === undefined || number === onlyRound)
      .map((number) => ({ number, random: new Random(`${seed} ${this.proof} ${part} ${number}`) }));
  }
}

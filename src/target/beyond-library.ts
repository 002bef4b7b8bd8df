import { Failure, isFailure } from '../core/failure.ts';

/** What of it the other side alone says: whoever is between us can say the same. */
export const ALGORITHMS = 'its algorithms';

/** What our SSH library cannot do, and the system's own ssh may. */
export class BeyondLibrary extends Failure {
  constructor(
    failure: Failure,
    /** What it takes, in a few words: `the host certificate`. */
    readonly what: string,
  ) {
    super(failure.code, failure.message, failure.remedy);
  }

  override before(words: string): BeyondLibrary {
    return new BeyondLibrary(super.before(words), this.what);
  }
}

/** What the library lacks, when that is what an error says. */
export function lackOf(error: unknown): string | null {
  return isFailure(error) && error instanceof BeyondLibrary ? error.what : null;
}

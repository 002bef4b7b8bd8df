/** What went wrong, as a stable word that code can branch on. */
export type FailureCode =
  | 'cancelled'
  | 'no-host'
  | 'refused'
  | 'unreachable'
  | 'host-key-changed'
  | 'host-key-refused'
  | 'auth-failed'
  | 'not-root'
  | 'not-allowed'
  | 'unsupported'
  | 'lost'
  | 'timeout'
  | 'script-failed'
  | 'bad-output'
  | 'bad-file'
  | 'no-stacks'
  | 'no-zfs'
  | 'no-tracefs'
  | 'not-traceable'
  | 'no-source'
  | 'bad-request';

/**
 * An expected failure: something a person can understand and act on, as against a bug.
 * `message` says what happened and why in one sentence; `remedy` says what to do about it.
 *
 * The bundles each carry their own copy of this class, so test with {@link isFailure}, never with
 * `instanceof`.
 */
export class Failure extends Error {
  readonly isFailure = true;

  constructor(
    readonly code: FailureCode,
    message: string,
    readonly remedy = '',
  ) {
    super(message);
    this.name = 'Failure';
  }

  /** The same failure with words before what it says. */
  before(words: string): Failure {
    return new Failure(this.code, `${words}${this.message}`, this.remedy);
  }
}

/** Tells a {@link Failure} of any bundle from every other thrown value. */
export function isFailure(value: unknown): value is Failure {
  return value instanceof Error && (value as { isFailure?: unknown }).isFailure === true;
}

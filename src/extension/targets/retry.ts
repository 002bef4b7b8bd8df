import { isFailure } from '../../core/failure.ts';
import type { Prompts } from '../../target/connection.ts';

const FIRST_MS = 1000;
const LONGEST_MS = 30_000;
/** A connection that stood for so long was no attempt that failed. */
const SETTLED_MS = 60_000;

/**
 * How long to wait before another attempt at a lost connection, in milliseconds: a second, then twice as
 * long each time up to half a minute, a quarter more or less so that many windows don't knock together.
 * @param attempt counted from 0
 * @param random from 0 to 1
 */
export function retryDelay(attempt: number, random: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10)) * (0.75 + 0.5 * random);
}

/** When a target is tried again: later and later, until a connection to it has stood for a minute. */
export class Backoff {
  #attempt = 0;

  /** A connection has ended after so many milliseconds. */
  stood(ms: number): void {
    if (ms > SETTLED_MS) {
      this.#attempt = 0;
    }
  }

  /** Milliseconds to wait before the attempt that comes now. @param random from 0 to 1 */
  next(random: number): number {
    this.#attempt += 1;
    return retryDelay(this.#attempt - 1, random);
  }
}

/** Whether what an attempt failed with may pass by itself: a machine that boots, a network that is away. */
function mayPass(error: unknown): boolean {
  return (
    isFailure(error) &&
    ['no-host', 'refused', 'unreachable', 'timeout', 'lost', 'script-failed'].includes(error.code)
  );
}

/**
 * How often a machine may refuse an account that it had let in: while it boots PAM lets in nobody but root
 * (pam_nologin(8)), by whatever way of signing in. No more, since some bar an address that was refused five times.
 */
const MOST_REFUSALS = 4;

/** The attempts after one loss. */
export class Attempts {
  #refusals = 0;

  /** Whether there is to be another one after one that failed. */
  goOn(error: unknown): boolean {
    if (mayPass(error)) {
      return true;
    }
    // It is cancelled where the server wants what only a person could answer, after it took no key.
    const isRefusal = isFailure(error) && ['auth-failed', 'cancelled'].includes(error.code);
    this.#refusals += isRefusal ? 1 : 0;
    return isRefusal && this.#refusals < MOST_REFUSALS;
  }
}

/** Prompts for an attempt that nobody asked for: it is over when it would take the person. */
export const nobodyAsked: Prompts = {
  trustHostKey: async () => false,
  passphrase: async () => undefined,
  password: async () => undefined,
  answer: async () => undefined,
};

import type { Disposable } from '../core/lifetime.ts';
import type { Prompts } from './connection.ts';

/** A time limit that does not run while the person is being asked something. */
export class Patience implements Disposable {
  readonly #expired: () => void;
  #leftMs: number;
  #startedAt = 0;
  #timer: NodeJS.Timeout | null = null;
  #questions = 0;
  #ended = false;

  constructor(limitMs: number, expired: () => void) {
    this.#leftMs = limitMs;
    this.#expired = expired;
    this.#start();
  }

  #start(): void {
    this.#startedAt = performance.now();
    this.#timer = setTimeout(() => {
      this.#ended = true;
      this.#expired();
    }, this.#leftMs);
  }

  /** Waits for an answer with the clock stopped. */
  async during<T>(question: Promise<T>): Promise<T> {
    this.#questions += 1;
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
      this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - this.#startedAt));
    }
    try {
      return await question;
    } finally {
      this.#questions -= 1;
      if (this.#questions === 0 && !this.#ended) this.#start();
    }
  }

  dispose(): void {
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** The same prompts, with this clock stopped while one is open. */
  wrap(prompts: Prompts): Prompts {
    return {
      trustHostKey: (question) => this.during(prompts.trustHostKey(question)),
      passphrase: (file, again) => this.during(prompts.passphrase(file, again)),
      password: (user, host, again) => this.during(prompts.password(user, host, again)),
      answer: (text, echo, host) => this.during(prompts.answer(text, echo, host)),
    };
  }
}

import type { Disposable } from '../../core/lifetime.ts';
import type { Newest } from '../newest.ts';

/** Events sent to the page in one message. */
const BATCH = 1000;
/** Messages in a row before others of the extension have their turn: a million events take a while. */
const PARTS = 20;

/** Sends a page the events that it does not have. */
export class EventSender<T> implements Disposable {
  /** Index of the first event that was not sent. */
  #sent = 0;
  #later: NodeJS.Immediate | null = null;
  #ended = false;

  /** @param post is given some events, and the index of the first */
  constructor(
    private readonly events: () => Pick<Newest<T>, 'first' | 'items'>,
    private readonly post: (batch: readonly T[], from: number) => void,
  ) {}

  /** From the oldest event on. */
  restart(): void {
    this.#sent = 0;
    this.send();
  }

  /** So many at once that others come to their turn between. */
  send(): void {
    if (this.#later !== null || this.#ended) {
      return;
    }
    for (let part = 0; part < PARTS; part++) {
      const { first, items } = this.events();
      const from = Math.max(this.#sent, first);
      const batch = items.slice(from - first, from - first + BATCH);
      if (batch.length === 0) {
        return;
      }
      this.post(batch, from);
      this.#sent = from + batch.length;
    }
    this.#later = setImmediate(() => {
      this.#later = null;
      this.send();
    });
  }

  dispose(): void {
    this.#ended = true;
    if (this.#later !== null) {
      clearImmediate(this.#later);
    }
  }
}

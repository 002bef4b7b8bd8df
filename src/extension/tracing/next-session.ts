import { randomBytes } from 'node:crypto';
import type { Disposable } from '../../core/lifetime.ts';
import { traceFunction } from '../../target/collectors/trace-function.ts';
import type { Connection } from '../../target/connection.ts';

/** The connection's own first questions go before. */
const SETTLED_MS = 1000;

/** Ids of trace sessions; has a shell stand by on each target for the session that may come next. */
export class NextSession implements Disposable {
  readonly #ids = new WeakMap<Connection, string>();
  readonly #timers = new Set<NodeJS.Timeout>();

  /** Makes ready for a session over a connection; does nothing when that is done already. */
  prepare(connection: Connection): void {
    if (this.#ids.has(connection)) {
      return;
    }
    const sessionId = newId();
    this.#ids.set(connection, sessionId);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#ids.get(connection) === sessionId && connection.state !== 'closed') {
        connection.standBy(traceFunction, { sessionId });
      }
    }, SETTLED_MS);
    this.#timers.add(timer);
  }

  /** Id of a session that starts now. */
  take(connection: Connection): string {
    const id = this.#ids.get(connection) ?? newId();
    this.#ids.delete(connection);
    return id;
  }

  dispose(): void {
    for (const timer of this.#timers) {
      clearTimeout(timer);
    }
    this.#timers.clear();
  }
}

/** An id that no shell stands by for. */
export function newId(): string {
  return randomBytes(4).toString('hex');
}

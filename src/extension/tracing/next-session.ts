import { randomBytes } from 'node:crypto';
import type { Disposable } from '../../core/lifetime.ts';
import { traceFunction } from '../../target/collectors/trace-function.ts';
import type { Connection } from '../../target/connection.ts';

/** A new connection's own first questions go before. */
const SETTLED_MS = 1000;
/** A shell that stands by costs its target a process every few seconds, so it ends when no session came for so long. */
export const UNUSED_MS = 5 * 60 * 1000;

/** What stands by on a connection. */
interface Waiting {
  readonly sessionId: string;
  readonly shell: Disposable;
  /** Ends it. */
  readonly timer: NodeJS.Timeout;
}

/** Ids of trace sessions; has a shell stand by on a target while a session is likely to come. */
export class NextSession implements Disposable {
  readonly #waiting = new Map<Connection, Waiting>();
  /** Those whose first second is over, or runs. */
  readonly #known = new WeakSet<Connection>();
  readonly #settling = new Set<NodeJS.Timeout>();

  /** A session is likely to come: makes ready for it, or goes on waiting. */
  prepare(connection: Connection): void {
    const waiting = this.#waiting.get(connection);
    if (waiting !== undefined) {
      waiting.timer.refresh();
    } else if (this.#known.has(connection)) {
      this.#standBy(connection);
    } else if (connection.facts.root !== 'none') {
      this.#known.add(connection);
      const timer = setTimeout(() => {
        this.#settling.delete(timer);
        this.#standBy(connection);
      }, SETTLED_MS);
      this.#settling.add(timer);
    }
  }

  #standBy(connection: Connection): void {
    if (this.#waiting.has(connection) || connection.state !== 'connected') {
      return;
    }
    const sessionId = newId();
    const shell = connection.standBy(traceFunction, { sessionId });
    const timer = setTimeout(() => {
      this.#waiting.delete(connection);
      shell.dispose();
    }, UNUSED_MS);
    timer.unref();
    this.#waiting.set(connection, { sessionId, shell, timer });
  }

  /** Id of a session that starts now. */
  take(connection: Connection): string {
    const waiting = this.#waiting.get(connection);
    this.#waiting.delete(connection);
    clearTimeout(waiting?.timer);
    return waiting?.sessionId ?? newId();
  }

  dispose(): void {
    for (const timer of this.#settling) {
      clearTimeout(timer);
    }
    this.#settling.clear();
    for (const { shell, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      shell.dispose();
    }
    this.#waiting.clear();
  }
}

/** An id that no shell stands by for. */
export function newId(): string {
  return randomBytes(4).toString('hex');
}

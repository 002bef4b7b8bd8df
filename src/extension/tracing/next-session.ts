import { randomBytes } from 'node:crypto';
import type { Disposable } from '../../core/lifetime.ts';
import { traceFunction } from '../../target/collectors/trace-function.ts';
import type { Connection, StandingBy } from '../../target/connection.ts';

/** A new connection's own first questions go before. */
const SETTLED_MS = 1000;
/**
 * And so do a session's first calls: a shell's processes cost an emulated machine as much as all that a session does till
 * then, and its view moves the source beside it, which looks as if a person did something there.
 */
const BEGUN_MS = 2000;
/** A shell that stands by costs its target a process every few seconds, so it ends when no session came for so long. */
export const UNUSED_MS = 5 * 60 * 1000;

/** What stands by on a connection. */
interface Waiting {
  readonly sessionId: string;
  readonly shell: StandingBy;
  /** Ends it. */
  readonly timer: NodeJS.Timeout;
}

/** Ids of trace sessions; has a shell stand by on a target while a session is likely to come. */
export class NextSession implements Disposable {
  readonly #waiting = new Map<Connection, Waiting>();
  /** Those that were waited for once. */
  readonly #known = new WeakSet<Connection>();
  /** Those on which one was likely to be next before a shell stood by. */
  readonly #next = new WeakSet<Connection>();
  /** Those on which it still goes on. */
  readonly #settling = new Map<Connection, NodeJS.Timeout>();

  /**
   * A session is likely to come: makes ready for it, or goes on waiting.
   * @param isNext whether hardly anything else comes before it: then the shell does ahead what it can, which it undoes
   *   when it ends
   */
  prepare(connection: Connection, isNext = false): void {
    const waiting = this.#waiting.get(connection);
    if (waiting !== undefined) {
      waiting.timer.refresh();
      if (isNext) {
        waiting.shell.goAhead();
      }
      return;
    }
    if (isNext) {
      this.#next.add(connection);
    }
    if (this.#known.has(connection)) {
      this.#standBy(connection);
    } else if (connection.facts.root !== 'none') {
      this.#known.add(connection);
      this.#later(connection, SETTLED_MS);
    }
  }

  #later(connection: Connection, ms: number): void {
    clearTimeout(this.#settling.get(connection));
    const timer = setTimeout(() => {
      this.#settling.delete(connection);
      this.#standBy(connection);
    }, ms);
    this.#settling.set(connection, timer);
  }

  #standBy(connection: Connection): void {
    const isBusy = this.#waiting.has(connection) || this.#settling.has(connection);
    if (isBusy || connection.state !== 'connected' || connection.facts.root === 'none') {
      return;
    }
    const sessionId = newId();
    const shell = connection.standBy(traceFunction, { sessionId, machine: connection.facts.machine });
    const timer = setTimeout(() => {
      this.#waiting.delete(connection);
      shell.dispose();
    }, UNUSED_MS);
    timer.unref();
    this.#waiting.set(connection, { sessionId, shell, timer });
    if (this.#next.delete(connection)) {
      shell.goAhead();
    }
  }

  /** Id of a session that starts now; for the next one it is made ready soon. */
  take(connection: Connection): string {
    this.#known.add(connection);
    this.#next.delete(connection);
    this.#later(connection, BEGUN_MS);
    const waiting = this.#waiting.get(connection);
    this.#waiting.delete(connection);
    clearTimeout(waiting?.timer);
    return waiting?.sessionId ?? newId();
  }

  dispose(): void {
    for (const timer of this.#settling.values()) {
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

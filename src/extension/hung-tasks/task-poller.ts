import type { Disposable } from '../../core/lifetime.ts';
import type { TaskSnapshot } from '../../core/tasks.ts';
import type { Connection, ConnectionState } from '../../target/connection.ts';
import { targetModule } from '../targets/lazy-target.ts';

/** What the poller tells: a snapshot, or why there is none. */
export interface PollerSink {
  snapshot(snapshot: TaskSnapshot, connection: Connection): void;
  failed(error: unknown): void;
  /** A snapshot was asked for; it ends when the promise does. */
  working(done: Promise<void>): void;
}

/**
 * Takes snapshots of the tasks of one connection, again and again while it is wanted: the view is
 * visible and the connection stands. Asks a slow target less often: a snapshot is followed by a
 * pause of at least three times what it took. One that was silent is not slow, and is looked at once it is heard again.
 */
export class TaskPoller implements Disposable {
  #connection: Connection | null = null;
  #listener: Disposable | null = null;
  /** Counts up whenever the connection falls silent. */
  #silences = 0;
  #visible = false;
  #timer: NodeJS.Timeout | null = null;
  #running: AbortController | null = null;

  constructor(
    private readonly sink: PollerSink,
    /** Milliseconds between two snapshots. */
    private readonly interval: () => number,
  ) {}

  set connection(connection: Connection | null) {
    if (connection !== this.#connection) {
      this.#connection = connection;
      this.#listener?.dispose();
      this.#listener = connection?.onState((state) => this.#hear(state)) ?? null;
      this.#cancel();
      this.#again();
    }
  }

  #hear(state: ConnectionState): void {
    if (state === 'silent') {
      this.#silences += 1;
    } else if (state === 'connected') {
      this.#again();
    }
  }

  set visible(visible: boolean) {
    if (visible !== this.#visible) {
      this.#visible = visible;
      if (visible) {
        this.#again();
      } else {
        this.#cancel();
      }
    }
  }

  /** Takes a snapshot at once, unless one is under way; also when nobody sees it. */
  now(): void {
    if (this.#running === null && this.#connection !== null) {
      this.#stopTimer();
      this.sink.working(this.#take(this.#connection));
    }
  }

  async #take(connection: Connection): Promise<void> {
    const abort = new AbortController();
    this.#running = abort;
    const started = performance.now();
    const silences = this.#silences;
    try {
      const { taskSnapshot } = targetModule();
      const snapshot = await connection.run(taskSnapshot, null, { signal: abort.signal });
      if (this.#running === abort) {
        this.sink.snapshot(snapshot, connection);
      }
    } catch (error) {
      if (this.#running === abort && connection.state !== 'closed') {
        this.sink.failed(error);
      }
    }
    if (this.#running === abort) {
      this.#running = null;
      const took = silences === this.#silences ? performance.now() - started : 0;
      this.#timer = setTimeout(() => this.#again(), Math.max(this.interval(), 3 * took));
    }
  }

  #again(): void {
    if (this.#visible) {
      this.now();
    }
  }

  #cancel(): void {
    this.#stopTimer();
    this.#running?.abort();
    this.#running = null;
  }

  #stopTimer(): void {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
  }

  dispose(): void {
    this.#visible = false;
    this.#connection = null;
    this.#listener?.dispose();
    this.#cancel();
  }
}

import type { Disposable } from '../../core/lifetime.ts';
import type {
  TraceEvent,
  TraceLimit,
  TraceRefused,
  TraceStarted,
  TraceStreamEvent,
} from '../../core/tracing/events.ts';
import { TRACE_ROWS_KEPT } from '../../protocol/trace-view.ts';
import { type TraceParams, traceFunction } from '../../target/collectors/trace-function.ts';
import type { Connection, RunningStream, StreamEnd } from '../../target/connection.ts';
import { Newest } from '../newest.ts';

/** One tracing of one function, running or ended, with its events. */
export class TraceSession implements Disposable {
  readonly #events = new Newest<TraceEvent>(TRACE_ROWS_KEPT);
  #stream: RunningStream | null = null;
  #disposed = false;
  readonly #listeners = new Set<SessionListener>();
  #started: TraceStarted | null = null;
  #refused: TraceRefused | null = null;
  #limit: TraceLimit | null = null;

  constructor(
    readonly connection: Connection,
    readonly params: TraceParams,
  ) {}

  /** Starts; resolves when it has ended and the target confirmed the clean-up. @throws Failure when it cannot start. */
  async run(): Promise<StreamEnd> {
    const stream = await this.connection.stream(traceFunction, this.params, {
      events: (batch) => this.#add(batch),
    });
    this.#stream = stream;
    if (this.#disposed) {
      stream.dispose();
    }
    return stream.ended;
  }

  /** Calls the listener with events from now on. */
  listen(listener: SessionListener): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }

  /** Set once the probe is there. */
  get started(): TraceStarted | null {
    return this.#started;
  }

  /** Set when the kernel does not let this be traced. */
  get refused(): TraceRefused | null {
    return this.#refused;
  }

  /** Set when it ended by itself at one of its limits. */
  get limit(): TraceLimit | null {
    return this.#limit;
  }

  /** Events, the newest of which are kept. */
  get events(): Pick<Newest<TraceEvent>, 'items' | 'first' | 'at'> {
    return this.#events;
  }

  #add(arrived: readonly TraceStreamEvent[]): void {
    const start = this.#events.end;
    const batch: TraceEvent[] = [];
    for (const event of arrived) {
      switch (event.kind) {
        case 'started':
          this.#started = event;
          break;
        case 'refused':
          this.#refused = event;
          break;
        case 'limit':
          this.#limit = event;
          break;
        case 'tally':
        case 'counters':
          break;
        default:
          batch.push(event);
      }
    }
    this.#events.push(batch);
    for (const listener of this.#listeners) {
      listener(batch, start);
    }
  }

  /** Asks the target to stop and to clean up. */
  dispose(): void {
    this.#disposed = true;
    this.#stream?.dispose();
  }
}

/**
 * Also called with an empty batch, when the session started, was refused or reached a limit.
 * @param start index of the batch's first event in the session.
 */
export type SessionListener = (batch: readonly TraceEvent[], start: number) => void;

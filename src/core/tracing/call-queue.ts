import type { Frame } from '../stack/frame.ts';
import { CallPairs } from './call-pairs.ts';
import type { CallEvent, LossEvent, TraceEvent } from './events.ts';
import type { FtraceProgram } from './ftrace-program.ts';
import { passes } from './passes.ts';
import type { EventRole } from './program/programs.ts';
import type { StackPool } from './stack-pool.ts';

/**
 * A call waits for its stack no longer than so many seconds of the trace's clock, nor behind more entries. A processor of
 * a virtual machine may rest between the two, while others go on.
 */
const PATIENCE = { seconds: 2, entries: 50_000 } as const;
/** Entries of which those that are whole are taken out at a time. */
const MANY = 256;

/** A call that was recorded and may still lack its stack. */
export interface Recorded {
  readonly call: { -readonly [K in keyof CallEvent]: CallEvent[K] };
  readonly role: EventRole;
  /** Stack pointer, where entries and returns are to be paired. */
  readonly pointer: string;
}

/** One that is in the queue. */
export interface Waiting extends Recorded {
  /** Nothing of it is to come. */
  done: boolean;
}

/**
 * Calls in the order they were recorded, until their stacks have come: the kernel records a call and, right behind it on
 * the same processor, its stack. They come out in that order; where entries and returns are paired, in that of
 * the returns.
 */
export class CallQueue {
  readonly #pool: StackPool;
  /** Those before the first that is not done are out already. */
  #queue: (Waiting | LossEvent)[] = [];
  /** What is whole and not out yet. */
  #done: TraceEvent[] = [];
  /** The last call of each processor that has no stack yet. */
  readonly #byCpu = new Map<number, Waiting>();
  readonly #pairs = new Map<FtraceProgram, CallPairs>();

  constructor(pool: StackPool) {
    this.#pool = pool;
  }

  /**
   * Returns that came without their entry, which was lost or before the session. Where a filter holds entries back
   * nobody knows which of them are missing: those of such functions don't count.
   */
  get unpaired(): number {
    return [...this.#pairs].reduce(
      (sum, [{ filters }, { unpaired }]) => sum + (filters.entry === null ? unpaired : 0),
      0,
    );
  }

  /** A call was recorded; the one before it on its processor has no stack then. */
  add(recorded: Recorded): void {
    const { cpu } = recorded.call;
    const before = this.#byCpu.get(cpu);
    if (before !== undefined) {
      before.done = true;
    }
    const waiting: Waiting = { ...recorded, done: !recorded.role.program.stacks };
    this.#queue.push(waiting);
    if (!waiting.done) {
      this.#byCpu.set(cpu, waiting);
    }
    if (this.#queue.length > MANY) {
      this.#takeDone();
    }
    const [oldest] = this.#queue;
    if (oldest === undefined || !('call' in oldest)) {
      return;
    }
    const isLate = recorded.call.time - oldest.call.time > PATIENCE.seconds;
    if ((isLate || this.#queue.length > PATIENCE.entries) && !oldest.done) {
      this.takeStackless(oldest.call.cpu);
      oldest.done = true;
    }
  }

  /** The call that a stack recorded on this processor belongs to; it waits for none from now on. */
  takeStackless(cpu: number): Waiting | null {
    const waiting = this.#byCpu.get(cpu) ?? null;
    this.#byCpu.delete(cpu);
    return waiting;
  }

  /** A call has its stack, which is of the pool's frames. */
  finish(waiting: Waiting, frames: readonly Frame[]): void {
    waiting.call.stack = this.#pool.stack(frames);
    waiting.done = true;
  }

  /** What was recorded last on the processor has lost its stack. */
  lose(event: LossEvent): void {
    if (event.cpu === null) {
      this.giveUp();
    } else {
      const waiting = this.takeStackless(event.cpu);
      if (waiting !== null) {
        waiting.done = true;
      }
    }
    this.#queue.push(event);
  }

  /** What waits for a stack will have none. */
  giveUp(): void {
    for (const waiting of this.#queue) {
      if ('call' in waiting) {
        waiting.done = true;
      }
    }
    this.#byCpu.clear();
  }

  /** What is whole by now. */
  ready(): TraceEvent[] {
    this.#takeDone();
    const events = this.#done;
    this.#done = [];
    return events;
  }

  #takeDone(): void {
    let count = 0;
    for (const entry of this.#queue) {
      if ('call' in entry) {
        if (!entry.done) {
          break;
        }
        const call = this.#paired(entry);
        if (call !== null && passes(call, entry.role.program)) {
          this.#done.push(call);
        }
      } else {
        this.#done.push(entry);
      }
      count += 1;
    }
    if (count > 0) {
      this.#queue = this.#queue.slice(count);
    }
  }

  /** What waits for a stack or a return that will not come. */
  end(): TraceEvent[] {
    this.giveUp();
    const events = this.ready();
    for (const [program, pairs] of this.#pairs) {
      // Where a filter holds returns back, most of these have returned.
      if (program.filters.keepsReturns && program.filters.ours === null) {
        events.push(...pairs.open().map((call) => ({ ...call, returned: null, durationNs: null })));
      }
    }
    this.#pairs.clear();
    return events;
  }

  /** The whole call, as far as this event is the last of it. */
  #paired({ call, role: { program, at }, pointer }: Waiting): CallEvent | null {
    if (at === 'whole') {
      return call;
    }
    let pairs = this.#pairs.get(program);
    if (pairs === undefined) {
      pairs = new CallPairs(program.stackShift);
      this.#pairs.set(program, pairs);
    }
    if (at === 'entry') {
      pairs.enter(call, pointer);
      return null;
    }
    const entered = pairs.leave(call.pid, pointer);
    if (entered === null) {
      return null;
    }
    return {
      ...entered,
      returned: call.returned ?? { value: '', errno: null },
      durationNs: Math.max(0, Math.round((call.time - entered.time) * 1e6)) * 1000,
    };
  }
}

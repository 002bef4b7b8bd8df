import { type LossEvent, lostIn, type TraceCounters } from '../../core/tracing/events.ts';

/** What is known to be missing of a session, over all of its connections. */
export class TraceLosses {
  #counters: TraceCounters | null = null;
  /** Counters of what ran over connections that were lost. */
  #before: TraceCounters | null = null;
  #hasGap = false;
  #lost = 0;
  #isComplete = false;

  counted(counters: TraceCounters): void {
    this.#counters = counters;
  }

  add(loss: LossEvent): void {
    this.#lost += lostIn(loss);
  }

  /** All that was recorded over the connection of now has been told. */
  complete(): void {
    this.#isComplete = true;
  }

  /** It goes on over another connection, where the kernel counts anew. */
  goesOn(): void {
    this.#hasGap = true;
    this.#before = this.counters;
    this.#counters = null;
    this.#isComplete = false;
  }

  /** By the kernel's counters, which begin anew with each connection; null until they came. */
  get counters(): TraceCounters | null {
    const [before, now] = [this.#before, this.#counters];
    return before === null || now === null
      ? (now ?? before)
      : {
          kind: 'counters',
          calls: before.calls + now.calls,
          overrun: before.overrun + now.overrun,
          missed: before.missed + now.missed,
        };
  }

  /** Whether it went on after a lost connection: sums that the target makes are of what came since. */
  get hasGap(): boolean {
    return this.#hasGap;
  }

  /** Entries that were lost where the stream itself says so: the kernel's counters may know of more. */
  get lost(): number {
    return this.#lost;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Whether anything is missing of what came so far. */
  get some(): boolean {
    const { overrun = 0, missed = 0 } = this.counters ?? {};
    return this.#hasGap || this.#lost + overrun + missed > 0;
  }
}

import type { CallEvent, LatencyBucket, TraceEvent, TraceTally } from './events.ts';
import { functionOf } from './sites.ts';

/** Seconds that the rate is taken over. */
const RATE_SECONDS = 5;
/** Powers of two of a nanosecond: up to some hours. */
const BUCKETS = 45;

/** What one traced function did so far, kept up event by event. */
export class FunctionStats {
  /** Calls that were recorded, or summed up by the kernel. */
  calls = 0;
  first: CallEvent | null = null;
  last: CallEvent | null = null;
  /** When something was heard of it last, in seconds of the caller's clock. */
  #heardAt = Number.NEGATIVE_INFINITY;
  /** Durations by power of two, as the kernel's own histograms have them. */
  readonly #buckets = new Float64Array(BUCKETS);
  /** The shortest and the longest duration of recorded calls, in nanoseconds: a power of two says neither. */
  #shortest = Number.POSITIVE_INFINITY;
  #longest = 0;
  /** Calls by whole second of the target's clock. */
  readonly #seconds = new Map<number, number>();
  #tallied: { readonly at: number; readonly hits: number }[] = [];

  /** @param now when it arrived, in seconds on any clock that goes on evenly */
  add(call: CallEvent, now: number): void {
    this.#heardAt = now;
    this.calls += 1;
    this.first ??= call;
    this.last = call;
    if (call.durationNs != null) {
      const log2 = Math.ceil(Math.log2(Math.max(1, call.durationNs)));
      const index = Math.min(BUCKETS - 1, log2);
      this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
      this.#shortest = Math.min(this.#shortest, call.durationNs);
      this.#longest = Math.max(this.#longest, call.durationNs);
    }
    const second = Math.floor(call.time);
    this.#seconds.set(second, (this.#seconds.get(second) ?? 0) + 1);
    if (this.#seconds.size > RATE_SECONDS + 1) {
      const [oldest] = this.#seconds.keys();
      this.#seconds.delete(oldest ?? 0);
    }
  }

  /** Nothing was recorded for a while: clocks and sums may begin anew. */
  gap(): void {
    this.#seconds.clear();
    this.#tallied = [];
  }

  /** @param now as for {@link add} */
  tally(tally: TraceTally, now: number): void {
    this.#heardAt = now;
    this.calls = tally.hits;
    this.#tallied = [...this.#tallied, { at: now, hits: tally.hits }].slice(-RATE_SECONDS - 1);
    if (tally.of === 'latency') {
      this.#buckets.fill(0);
      for (const { log2, count } of tally.rows) {
        this.#buckets[Math.min(BUCKETS - 1, log2)] = count;
      }
    }
  }

  /**
   * Calls a second in the last seconds before the newest call; null when there are too few to tell, or that is long ago.
   * @param now as for {@link add}
   */
  rate(now: number): number | null {
    if (now - this.#heardAt > RATE_SECONDS) {
      return null;
    }
    const [first, last] = [this.#tallied[0], this.#tallied.at(-1)];
    if (first !== undefined && last !== undefined) {
      return last.at - first.at < 0.5 ? null : (last.hits - first.hits) / (last.at - first.at);
    }
    const newest = Math.max(...this.#seconds.keys());
    // The newest second has only begun.
    const whole = [...this.#seconds].filter(([second]) => second < newest && second >= newest - RATE_SECONDS);
    const oldest = Math.min(...whole.map(([second]) => second));
    return whole.length === 0 ? null : whole.reduce((sum, [, count]) => sum + count, 0) / (newest - oldest);
  }

  /**
   * The duration, in nanoseconds, that this share of the calls did not exceed, to a power of two and between the
   * shortest and the longest that was seen; null without any.
   */
  quantile(share: number): number | null {
    const about = quantile(
      [...this.#buckets].flatMap((count, log2) => (count === 0 ? [] : [{ log2, count }])),
      share,
    );
    // Of durations that the kernel summed up the extremes are not known.
    const isKnown = about !== null && this.#longest > 0;
    return isKnown ? Math.min(this.#longest, Math.max(this.#shortest, about)) : about;
  }
}

/** See {@link FunctionStats.quantile}; between the bounds of a power of two it is taken to grow evenly. */
export function quantile(
  buckets: readonly Pick<LatencyBucket, 'log2' | 'count'>[],
  share: number,
): number | null {
  const all = buckets.reduce((sum, { count }) => sum + count, 0);
  let below = 0;
  for (const { log2, count } of buckets) {
    if (count > 0 && below + count >= all * share) {
      const least = log2 === 0 ? 0 : 2 ** (log2 - 1);
      return least + (2 ** log2 - least) * ((all * share - below) / count);
    }
    below += count;
  }
  return null;
}

/** Functions that are told apart: names come from the target, which may say a new one with each call. */
const MOST_FUNCTIONS = 10_000;

/** The functions of a session, by symbol; one that was inlined also as all of its places together. */
export class SessionStats {
  readonly #functions = new Map<string, FunctionStats>();
  /** The newest sums of the places of inlined functions. */
  readonly #sites = new Map<string, Map<string, TraceTally>>();

  of(symbol: string): FunctionStats {
    let stats = this.#functions.get(symbol);
    if (stats === undefined) {
      stats = new FunctionStats();
      if (this.#functions.size < MOST_FUNCTIONS) {
        this.#functions.set(symbol, stats);
      }
    }
    return stats;
  }

  /** The newest sums of one function. @param now as {@link FunctionStats.tally} */
  tally(tally: TraceTally, now: number): void {
    const { symbol } = tally;
    this.of(symbol).tally(tally, now);
    const name = functionOf(symbol);
    if (name !== symbol) {
      const sites = this.#sites.get(name) ?? new Map<string, TraceTally>();
      this.#sites.set(name, sites.set(symbol, tally));
      const hits = [...sites.values()].reduce((sum, site) => sum + site.hits, 0);
      this.of(name).tally({ ...tally, symbol: name, hits }, now);
    }
  }

  /** @param now as for {@link FunctionStats.add} */
  add(events: readonly TraceEvent[], now: number): void {
    for (const event of events) {
      if (event.kind === 'call') {
        this.of(event.symbol).add(event, now);
        const name = functionOf(event.symbol);
        if (name !== event.symbol) {
          this.of(name).add(event, now);
        }
      } else if (event.gap !== undefined) {
        for (const stats of this.#functions.values()) {
          stats.gap();
        }
      }
    }
  }
}

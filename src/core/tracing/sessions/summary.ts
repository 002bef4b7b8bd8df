import { sourceName, type Trace } from '../../stack/frame.ts';
import type { CallEvent } from '../events.ts';
import { quantile as quantileOfBuckets } from '../function-stats.ts';
import { acrossBuilds } from '../sites.ts';
import type { KeptSession } from './session.ts';

/** What a session says of one function. */
export interface FunctionSummary {
  /** As the source names it: compiled forms of one function are one. */
  readonly name: string;
  readonly calls: number;
  /** Calls a second; null when the time is not known. */
  readonly rate: number | null;
  /** How often each error was returned, by its name or number. */
  readonly errors: ReadonlyMap<string, number>;
  /** Nanoseconds; null where durations were not measured. */
  readonly p50: number | null;
  readonly p99: number | null;
  /** Whether the target summed durations up by powers of two, so that these two are estimates within one. */
  readonly isEstimate: boolean;
  /** How often it was called from each chain of functions, `vfs_fsync < ksys_fsync`, innermost first. */
  readonly stacks: ReadonlyMap<string, { readonly trace: Trace; readonly count: number }>;
}

/** Stacks that are told apart in one function. */
const MOST_STACKS = 10_000;

interface Collected {
  calls: number;
  readonly errors: Map<string, number>;
  readonly durations: number[];
  readonly stacks: Map<string, { readonly trace: Trace; count: number }>;
  p50: number | null;
  p99: number | null;
}

/** Every function that the session traced, also those that were never called, by name. */
export function summarize(session: KeptSession): Map<string, FunctionSummary> {
  const all = new Map<string, Collected>();
  const of = (symbol: string): Collected => {
    const name = acrossBuilds(symbol);
    const known = all.get(name);
    if (known !== undefined) {
      return known;
    }
    const fresh: Collected = {
      calls: 0,
      errors: new Map(),
      durations: [],
      stacks: new Map(),
      p50: null,
      p99: null,
    };
    all.set(name, fresh);
    return fresh;
  };
  for (const { symbol } of session.header.functions) {
    of(symbol);
  }
  for (const event of session.events) {
    if (event.kind === 'call') {
      addCall(of(event.symbol), event);
    }
  }
  for (const tally of session.tallies) {
    const collected = of(tally.symbol);
    collected.calls = Math.max(collected.calls, tally.hits);
    if (tally.of === 'latency') {
      const buckets = [...tally.rows].sort((a, b) => a.log2 - b.log2);
      collected.p50 = quantileOfBuckets(buckets, 0.5);
      collected.p99 = quantileOfBuckets(buckets, 0.99);
    } else if (tally.of === 'stacks') {
      for (const { stack, count } of tally.rows) {
        addStack(collected, stack, count);
      }
    }
  }
  const seconds = secondsOf(session);
  return new Map(
    [...all].map(([name, { calls, errors, durations, stacks, p50, p99 }]) => {
      const sorted = durations.sort((a, b) => a - b);
      return [
        name,
        {
          name,
          calls,
          rate: seconds === null ? null : calls / seconds,
          errors,
          isEstimate: p50 !== null,
          p50: p50 ?? quantile(sorted, 0.5),
          p99: p99 ?? quantile(sorted, 0.99),
          stacks,
        },
      ];
    }),
  );
}

/** How long it was traced: by the clock of who kept it, else from the first event to the last; null when neither tells. */
export function secondsOf({ header, events, end }: KeptSession): number | null {
  if (end !== null && end.endedAt > header.startedAt) {
    return (end.endedAt - header.startedAt) / 1000;
  }
  const first = events.find((event) => event.kind === 'call');
  const last = events.findLast((event) => event.kind === 'call');
  const seconds = first && last ? last.time - first.time : 0;
  return seconds > 0 ? seconds : null;
}

function addCall(collected: Collected, event: CallEvent): void {
  collected.calls += 1;
  const error = event.returned?.errno;
  if (error) {
    collected.errors.set(error, (collected.errors.get(error) ?? 0) + 1);
  }
  if (typeof event.durationNs === 'number') {
    collected.durations.push(event.durationNs);
  }
  addStack(collected, event.stack, 1);
}

function addStack({ stacks }: Collected, trace: Trace, count: number): void {
  if (trace.length === 0) {
    return;
  }
  const key = chainOf(trace);
  const known = stacks.get(key);
  if (known !== undefined) {
    known.count += count;
  } else if (stacks.size < MOST_STACKS) {
    stacks.set(key, { trace, count });
  }
}

/** Names of the functions, innermost first: what two builds have in common. */
export function chainOf(trace: Trace): string {
  return trace
    .filter(({ reliable }) => reliable)
    .map(({ symbol }) => sourceName(symbol))
    .join(' < ');
}

function quantile(sorted: readonly number[], part: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? null;
}

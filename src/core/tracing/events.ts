import type { Frame, Trace } from '../stack/frame.ts';

/** What a trace session tells. All text is untrusted. */
export type TraceEvent = CallEvent | LossEvent;

/** What the stream of one trace session tells: its events, and how the session itself fares. */
export type TraceStreamEvent =
  | TraceEvent
  | TraceTally
  | TraceCounters
  | TraceStarted
  | TraceRefused
  | TraceLimit
  | TraceComplete;

/** One call of the traced function. */
export interface CallEvent {
  readonly kind: 'call';
  /** Seconds on the target's trace clock (`local`, near uptime), microseconds kept. */
  readonly time: number;
  readonly comm: string;
  /** Thread id. */
  readonly pid: number;
  readonly cpu: number;
  /** Symbol as traced, clone suffix included. */
  readonly symbol: string;
  /** In the order of the declaration; empty when they are not known. */
  readonly arguments: readonly ArgumentValue[];
  /**
   * Innermost first, beginning with the traced function itself, or with its caller for a call that was seen at its
   * return only; empty where the kernel gave none.
   */
  readonly stack: Trace;
  /** Where returns are seen: what it returned; null when it had not returned by the end of the session. */
  readonly returned?: ReturnedValue | null;
  /** Where both ends are seen: nanoseconds from entry to return, whole microseconds; null without a return. */
  readonly durationNs?: number | null;
  /** Where the call graph is seen: what it called, each before what it called itself in turn. */
  readonly below?: readonly BelowCall[];
}

/** A call that was made on behalf of a traced one. */
export interface BelowCall {
  /** 1 for what the traced function called itself. */
  readonly depth: number;
  /** The function that was called: offset 0 of it. */
  readonly frame: Frame;
  /** Nanoseconds since the entry of the traced function, whole microseconds. */
  readonly startNs: number;
  /** Null when it had not returned by the end of the session. */
  readonly durationNs: number | null;
}

/** Calls below one traced call that are kept: what comes then is left out. */
export const MOST_BELOW = 20_000;

export interface ReturnedValue {
  /** Decimal, hex for pointers; empty for a function that returns nothing. */
  readonly value: string;
  /** `EIO` for 5 and -5 where the function returns error numbers; null for what is none. */
  readonly errno: string | null;
}

export interface ArgumentValue {
  readonly name: string;
  /** Hex for pointers, decimal for integers, in double quotes for strings; `(fault)` for an unreadable one. A long one is cut and ends in `…`. */
  readonly value: string;
}

/** Calls are missing here: the kernel's buffer was full, or nothing was recorded for a while. */
export interface LossEvent {
  readonly kind: 'loss';
  /**
   * Why nothing was recorded: the session was interrupted, nearly always since the connection was lost, or the target was also booted anew, so that its clock began
   * again. Absent for a buffer that was full.
   */
  readonly gap?: 'connection' | 'reboot';
  /** Null when it is not known which CPU's. */
  readonly cpu: number | null;
  /** Entries lost (a call and its stack are two); null when the kernel does not say. */
  readonly count: number | null;
}

/** Entries that a session's buffer had no room for, as far as its stream says; at least 1 for each loss. */
export function lostIn(event: TraceEvent): number {
  return event.kind === 'loss' && event.gap === undefined ? (event.count ?? 1) : 0;
}

/** Sums that the kernel made of one function's calls since the session began; each replaces the one before. */
export type TraceTally = {
  readonly kind: 'tally';
  /** Symbol as traced. */
  readonly symbol: string;
  /** Calls that were summed up. */
  readonly hits: number;
  /** Calls that the kernel had no room for. */
  readonly dropped: number;
  /** Not all rows came: there are too many. */
  readonly isCut: boolean;
} & (
  | { readonly of: 'count'; readonly rows: readonly TaskCount[] }
  | { readonly of: 'latency'; readonly rows: readonly LatencyBucket[] }
  | { readonly of: 'stacks'; readonly rows: readonly StackCount[] }
);

/** Whether the kernel had no room for all of it, or not all of it came. */
export function isPartial({ dropped, isCut }: TraceTally): boolean {
  return dropped > 0 || isCut;
}

export interface TaskCount {
  readonly comm: string;
  /** Thread id. */
  readonly pid: number;
  readonly count: number;
}

/** Durations above 2^(log2 - 1) and up to 2^log2 nanoseconds. */
export interface LatencyBucket {
  readonly log2: number;
  readonly count: number;
  /** All of them together, in nanoseconds. */
  readonly sumNs: number;
}

export interface StackCount {
  /** As {@link CallEvent.stack}; the kernel keeps 16 frames at most (HIST_STACKTRACE_DEPTH), some of them the probe's own. */
  readonly stack: Trace;
  readonly count: number;
}

/** How the session stands by the kernel's counters, about once a second. */
export interface TraceCounters {
  readonly kind: 'counters';
  /** Calls seen, whether a condition let them pass or not. */
  readonly calls: number;
  /** Entries that were overwritten in the buffer before they were read (a call and its stack are two). */
  readonly overrun: number;
  /** Returns that were not seen: more calls at a time than the probe keeps (`nmissed`). */
  readonly missed: number;
}

/** The probe is set: calls are seen from now on. */
export interface TraceStarted {
  readonly kind: 'started';
  /** False when the kernel took the probe only without arguments. */
  readonly withArguments: boolean;
}

/** The kernel does not let this function be traced, or nothing at all. Nothing follows. */
export interface TraceRefused {
  readonly kind: 'refused';
  readonly reason:
    | 'no-tracefs'
    | 'no-kprobes'
    | 'no-instance'
    | 'no-probe'
    | 'no-enable'
    /** The kernel does not take the condition. */
    | 'no-filter'
    /** The kernel cannot sum up (CONFIG_HIST_TRIGGERS). */
    | 'no-tally'
    /** The tool that was to trace does not run. */
    | 'no-tool'
    /** The kernel has no function graph of a session's own. */
    | 'no-graph'
    /** Somebody else looks at the function graph, whose columns all share. */
    | 'graph-in-use';
  /** A sentence. */
  readonly why: string;
}

/** The session reached its limit and ended by itself. */
export interface TraceLimit {
  readonly kind: 'limit';
  /** `rate`: more calls a second than wanted; `rate` says how many. */
  readonly of: 'events' | 'time' | 'rate';
  /** Calls a second when it ended; null when that was not measured. */
  readonly rate?: number;
}

/**
 * The session has ended, and all that it recorded has been told or is counted as lost. One that was cut short says nothing:
 * what it recorded last may be missing.
 */
export interface TraceComplete {
  readonly kind: 'complete';
}

import type { Trace } from '../stack/frame.ts';

/** What a trace session tells. All text is untrusted. */
export type TraceEvent = CallEvent | LossEvent;

/** What the stream of one trace session tells: its events, and how the session itself fares. */
export type TraceStreamEvent = TraceEvent | TraceStarted | TraceRefused | TraceLimit;

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
  /** Innermost first, beginning with the traced function itself; empty where the kernel gave none. */
  readonly stack: Trace;
}

export interface ArgumentValue {
  readonly name: string;
  /** Hex for pointers, decimal for integers, in double quotes for strings; `(fault)` for an unreadable one. A long one is cut and ends in `…`. */
  readonly value: string;
}

/** The kernel's buffer was full: calls are missing here. */
export interface LossEvent {
  readonly kind: 'loss';
  /** Null when it is not known which CPU's. */
  readonly cpu: number | null;
  /** Entries lost (a call and its stack are two); null when the kernel does not say. */
  readonly count: number | null;
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
  readonly reason: 'no-tracefs' | 'no-kprobes' | 'no-instance' | 'no-probe' | 'no-enable';
  /** A sentence. */
  readonly why: string;
}

/** The session reached its limit and ended by itself. */
export interface TraceLimit {
  readonly kind: 'limit';
  readonly of: 'events' | 'time';
}

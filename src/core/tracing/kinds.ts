/** What a trace session finds out about its functions. */
export type TraceKind = 'calls' | 'returns' | 'errors' | 'count' | 'latency' | 'stacks' | 'callers' | 'graph';

/**
 * How a kind is seen by the kernel: `event` records each call, `tally` has the kernel count (hist
 * triggers, Documentation/trace/histogram.rst) and only the sums are read.
 */
export interface KindTraits {
  readonly how: 'event' | 'tally';
  /** Needs to know when the function returns. */
  readonly returns: boolean;
  /** Needs both ends of a call, so that they must be paired. */
  readonly pairs: boolean;
  /** The duration of a call is known. */
  readonly timed: boolean;
}

export const KINDS: Readonly<Record<TraceKind, KindTraits>> = {
  calls: { how: 'event', returns: false, pairs: false, timed: false },
  returns: { how: 'event', returns: true, pairs: true, timed: true },
  errors: { how: 'event', returns: true, pairs: false, timed: false },
  count: { how: 'tally', returns: false, pairs: false, timed: false },
  latency: { how: 'tally', returns: true, pairs: true, timed: true },
  stacks: { how: 'tally', returns: false, pairs: false, timed: false },
  callers: { how: 'tally', returns: false, pairs: false, timed: false },
  graph: { how: 'event', returns: false, pairs: false, timed: true },
};

export const TRACE_KINDS = Object.keys(KINDS) as readonly TraceKind[];

/**
 * What can be traced where the kernel cannot count by itself: the same calls, one by one.
 * @param seesReturns whether what was to count them sees returns: it needs them, or its condition does
 */
export function withoutTally(seesReturns: boolean): TraceKind {
  return seesReturns ? 'returns' : 'calls';
}

/**
 * The functions of a call graph are recorded in all tasks, of which the decoder counts those below the traced calls: the target
 * ends by itself after so many times the limit.
 */
export const GRAPH_ROOM = 10;

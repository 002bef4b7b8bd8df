import type { TraceKind } from '../core/tracing/kinds.ts';

/** Messages between the extension and a trace view. All text is untrusted and shown as text only. */

export interface TraceRow {
  /** Index of the event in its session, from 0. */
  readonly id: number;
  /** `loss`: the kernel dropped events here; `text` says how many. */
  readonly kind: 'call' | 'loss';
  /** Seconds since the session's first event, with microseconds: `12.003417`. */
  readonly time: string;
  readonly comm: string;
  readonly pid: number;
  readonly cpu: number;
  /** Symbol as traced, clone suffix included. */
  readonly function: string;
  /** Arguments in order; empty when they are not known. */
  readonly arguments: readonly { readonly name: string; readonly value: string }[];
  /** Nanoseconds from entry to return; null where that is not known. */
  readonly durationNs: number | null;
  /** What it returned, with the error's name: `5 EIO`; empty where that is not known. */
  readonly returned: string;
  /** It returned an error. */
  readonly failed: boolean;
  /** Text of a loss row, else empty. */
  readonly text: string;
}

/** One line of the stack beside the table: a frame, or a function inlined into the frame below it. */
export interface StackLine {
  /** `zil_commit+0x3d/0x110 [zfs]`, or the function's name for an inlined one. */
  readonly label: string;
  /** `zil.c:3194` and the like; empty when not known. */
  readonly source: string;
  /** `function` where the line is the function's definition only; empty when the line is exact or there is none. */
  readonly note: string;
  readonly inlined: boolean;
  /** False when there is nothing to open. */
  readonly canOpen: boolean;
}

/** One line of a drawn tree of calls, right before its children. */
export interface TreeRow {
  /** 0 for a root. */
  readonly depth: number;
  /** Tells it from its siblings, also when more is known of it. */
  readonly key: string;
  /** `zil_commit`; with its module where that is none of ZFS's. */
  readonly label: string;
  /** As {@link StackLine.source}. */
  readonly source: string;
  readonly canOpen: boolean;
  readonly count: number;
  /** `1.4 ms` for all of them together; empty where that is not measured. */
  readonly time: string;
  /** Of the root's time, or of its calls: 0 to 1. */
  readonly share: number;
  /** On the way from the root to where the most time went. */
  readonly isSlowest: boolean;
}

/** One bar of a function's sums. */
export interface TallyRow {
  /** Tells it from the other rows of its function, also in later sums, where it may stand elsewhere. */
  readonly key: string;
  /** What was counted: a task, a range of durations, a stack. */
  readonly label: string;
  /** More of it, in fewer words: `pid 634`. */
  readonly detail: string;
  readonly count: number;
}

/** What the kernel summed up for one function; each replaces the one before. */
export interface TallyView {
  readonly symbol: string;
  /** `1,204 calls, p50 ≈ 12 µs, p99 ≈ 1.4 ms`, and what is missing. */
  readonly summary: string;
  /** What the labels are: `Task`, `Duration`, `Called from`. */
  readonly heading: string;
  /** Whether a row has a stack that can be chosen. */
  readonly hasStacks: boolean;
  readonly rows: readonly TallyRow[];
}

/** A function that can be traced in place of one that cannot. */
export interface TraceAlternative {
  /** Symbol, clone suffix included. */
  readonly symbol: string;
  /** What it has to do with the other: `calls zil_commit_writer [zfs]`. */
  readonly about: string;
}

/** How a session stands. */
export interface TraceStatus {
  /** A sentence or a few words: running, stopped, lost ... */
  readonly text: string;
  /** Decides whether Stop is shown. */
  readonly running: boolean;
  readonly isError: boolean;
  /** Why it may be that no call comes; shown while there is none. Empty when nothing is known. */
  readonly waiting: string;
  /** What can be traced instead, nearest first, when this function cannot. */
  readonly alternatives: readonly TraceAlternative[];
}

export type ToTraceView =
  /** Forget all events and show those that follow. `target` is the machine's name. */
  | {
      readonly type: 'reset';
      readonly title: string;
      readonly target: string;
      readonly argumentsKnown: string;
      readonly kind: TraceKind;
      /** Whether what ran on the target can be copied. */
      readonly hasProgram: boolean;
      /** Whether it is over since long: nothing will come that could be followed. */
      readonly isKept: boolean;
    }
  /** Says anew what stands above the table: a function joined. */
  | { readonly type: 'about'; readonly argumentsKnown: string }
  | { readonly type: 'rows'; readonly rows: readonly TraceRow[] }
  /** The sums of all functions of the session. */
  | { readonly type: 'tally'; readonly functions: readonly TallyView[] }
  /** What was lost so far, in a few words; empty for nothing. `title` says it at length. */
  | { readonly type: 'losses'; readonly text: string; readonly title: string }
  | ({ readonly type: 'state' } & TraceStatus)
  /** The tree of an event's calls, or of all callers; and the stack of an event, once its places are known; sent again when more is known. */
  | {
      readonly type: 'tree';
      /** The event that it is of; of sums a new number each time. */
      readonly id: number;
      readonly heading: string;
      readonly rows: readonly TreeRow[];
      readonly resolving: boolean;
    }
  | {
      readonly type: 'stack';
      readonly id: number;
      readonly lines: readonly StackLine[];
      readonly resolving: boolean;
    };

export type FromTraceView =
  | { readonly type: 'ready' }
  | { readonly type: 'stop' }
  /** Put what ran on the target on the clipboard. */
  | { readonly type: 'copyProgram' }
  /** Show it in an editor, to be changed and run again. */
  | { readonly type: 'openProgram' }
  /** Trace the alternative with this index instead. */
  | { readonly type: 'traceInstead'; readonly index: number }
  /** Show me the stack of this row of this function's sums. */
  | { readonly type: 'selectTally'; readonly symbol: string; readonly key: string }
  /** Show me the stack of this event. */
  | { readonly type: 'select'; readonly id: number }
  /** Open line `line` (index into `lines` or `rows`) of the stack or tree of event `id`. */
  | { readonly type: 'open'; readonly id: number; readonly line: number };

/** Events that the view and the extension keep of one session; older ones are dropped and counted. */
export const TRACE_ROWS_KEPT = 1_000_000;

import type { TraceTool } from '../core/tracers/tools.ts';
import type { TraceRefused, TraceStarted, TraceStreamEvent } from '../core/tracing/events.ts';
import { ftraceProgram, type TraceSessionId } from '../core/tracing/ftrace-program.ts';
import type { TraceKind } from '../core/tracing/kinds.ts';
import { programText } from '../core/tracing/program/program-text.ts';
import type { Collector, StreamCollector } from './collector.ts';
import {
  type JoinParams,
  joinTrace,
  type SessionParams,
  type TraceParams,
  traceFunction,
} from './collectors/trace-function.ts';

/** What a tracer would do. */
export interface TracePlan {
  /** What runs on the target, for a person to read, to change and to run again as root. */
  readonly text: string;
  /** Whether it sees functions return. */
  readonly seesReturns: boolean;
}

/**
 * A way to watch functions: takes what is to be traced (function, kind, condition, arguments, limits) and gives a
 * stream that tells of its start, its events or sums, its losses and its end.
 */
export interface Tracer {
  readonly id: TraceTool;
  /** Asks no target. @throws Failure `bad-request` for what it cannot trace */
  plan(params: TraceParams): TracePlan;
  readonly session: StreamCollector<SessionParams, TraceStreamEvent, TraceSessionId>;
  /** Adds functions to a session that runs; null for a tracer that cannot. */
  readonly join: Collector<JoinParams, readonly (TraceStarted | TraceRefused)[]> | null;
  /** Whether what runs on the target ends by itself at the limits of calls; if not, whoever reads it has to stop it. */
  readonly endsAtLimits: boolean;
  /** Whether it can find this out at all. */
  can(kind: TraceKind): boolean;
}

/** The kernel's own, through tracefs: nothing has to be installed. */
export const ftrace: Tracer = {
  id: 'ftrace',
  plan: (params) => {
    const program = ftraceProgram(params);
    return { text: programText(program), seesReturns: program.returns !== null };
  },
  session: traceFunction,
  join: joinTrace,
  endsAtLimits: true,
  can: () => true,
};

import type { TraceRefused, TraceStarted, TraceStreamEvent } from '../../core/tracing/events.ts';
import {
  checkSessionId,
  ftraceProgram,
  type TraceParams,
  type TraceSessionId,
} from '../../core/tracing/ftrace-program.ts';
import { Programs } from '../../core/tracing/program/programs.ts';
import type { Collector, StreamCollector } from '../collector.ts';
import { readAnswer, TraceDecoder } from './trace-decoder.ts';
import { TRACE } from './trace-run-shell.ts';
import { aheadScript, joinScript, markOf, sessionScript } from './trace-script.ts';
import { cleanup, PRELUDE } from './trace-shell.ts';

export type { TraceParams } from '../../core/tracing/ftrace-program.ts';
export { cleanup, PRELUDE } from './trace-shell.ts';

/** A session, and the functions that join it while it runs. */
export interface SessionParams extends TraceParams {
  /** Holds the programs of functions that join; absent when none does. */
  readonly programs?: Programs;
}

/** What is known of a session before its function is. */
export type KnownAhead = Pick<TraceParams, 'sessionId' | 'machine'>;

/**
 * What one function, and those that join it, do: calls with arguments and stack, returns, or the sums that the kernel
 * makes of them, through tracefs alone. Nothing is installed; instance and probes are the session's own and are
 * removed at its end, and by the next session should this one's clean-up have been impossible.
 */
export const traceFunction: StreamCollector<SessionParams, TraceStreamEvent, KnownAhead> = {
  name: 'trace-function',
  title: 'Calls of a function',
  grade: 'trace',
  needsRoot: true,
  preamble: `${PRELUDE}${TRACE}`,
  ahead: (known) => {
    checkSessionId(known.sessionId);
    return aheadScript(known);
  },
  script: (params) => sessionScript(ftraceProgram(params), params),
  cleanup,
  decoder: (params) => {
    const program = ftraceProgram(params);
    const programs = params.programs ?? new Programs();
    programs.add(program);
    return new TraceDecoder(programs, program.maxEvents, markOf(params.sessionId), program.kind === 'graph');
  },
};

/** Functions that join a session, each with an index of its own. */
export interface JoinParams extends TraceSessionId {
  readonly functions: readonly TraceParams[];
}

/**
 * Adds functions to a session that runs, and tells how it went with each, in their order; what it sets belongs to the
 * session, and ends with it.
 */
export const joinTrace: Collector<JoinParams, readonly (TraceStarted | TraceRefused)[]> = {
  name: 'trace-join',
  title: 'More functions in a running trace',
  grade: 'trace',
  needsRoot: true,
  // A hundred probes at a time, on a machine that may be slow.
  timeoutMs: 60_000,
  script: ({ functions, sessionId }) =>
    `${PRELUDE}${TRACE}${joinScript(functions.map(ftraceProgram), sessionId)}`,
  decode: (output, { functions, sessionId }) => {
    const mark = `${markOf(sessionId)} `;
    const answers = output
      .split('\n')
      .flatMap((line) => (line.startsWith(mark) ? (readAnswer(line.slice(mark.length)) ?? []) : []));
    return functions.map((_, i) => answers[i] ?? OVER);
  },
};

const OVER: TraceRefused = {
  kind: 'refused',
  reason: 'no-instance',
  why: 'The session that it was to join is over.',
};

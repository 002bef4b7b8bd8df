/** The words of a trace view: pure functions of what a session is and came to. */
import { sourceName } from '../../core/stack/frame.ts';
import type { Parameter } from '../../core/symbols/location.ts';
import { inert } from '../../core/text/inert.ts';
import type { TraceLimit, TraceStarted } from '../../core/tracing/events.ts';
import type { Suggestion } from '../../core/tracing/why-not.ts';
import type { TraceAlternative } from '../../protocol/trace-view.ts';
import type { StreamEnd } from '../../target/connection.ts';

/** What is to be traced: a symbol of the running kernel, and what its source says of it. */
export interface Subject {
  /** Symbol, with its clone suffix when it was chosen from a frame. */
  readonly symbol: string;
  /** Null for the kernel itself, or when it is not known. */
  readonly module: string | null;
  /** The signature's parameters; null when no source of it is open. */
  readonly parameters: readonly Parameter[] | null;
}

/** Says why arguments are not shown; empty when they are. */
export function argumentsKnown(subject: Subject): string {
  if (/\.(isra|part|constprop)\b/.test(subject.symbol)) {
    return `${subject.symbol} is a form the compiler changed: where its arguments are is not known.`;
  }
  return subject.parameters === null
    ? 'No source of this function is open: its arguments are not known.'
    : '';
}

export function startedText(started: TraceStarted, subject: Subject): string {
  return !started.withArguments && subject.parameters !== null
    ? 'Tracing; the kernel took the probe only without arguments'
    : 'Tracing';
}

/**
 * Why no call may come however long one waits: a task that hangs in the function entered it before
 * the trace began. Empty when none does.
 * @param tasks hung tasks with the function in their stack
 */
export function waitingText(symbol: string, tasks: number): string {
  switch (tasks) {
    case 0:
      return '';
    case 1:
      return `1 hung task is inside ${symbol} now: it entered it before the trace began, and calls it again only when it goes on.`;
    default:
      return `${tasks} hung tasks are inside ${symbol} now: they entered it before the trace began, and call it again only when they go on.`;
  }
}

/** What a person is offered in place of a function that cannot be traced. */
export function alternative(suggestion: Suggestion, symbol: string): TraceAlternative {
  const name = sourceName(symbol);
  const relation = suggestion.kind === 'clone' ? `compiled form of ${name}` : `calls ${name}`;
  return {
    symbol: inert(suggestion.symbol),
    about: inert(suggestion.module === null ? relation : `${relation} [${suggestion.module}]`),
  };
}

/** How a session ended, and what is left of it on the target. */
export function endText(
  end: StreamEnd,
  limit: TraceLimit | null,
  limits: { readonly maxEvents: number; readonly maxSeconds: number },
): string {
  switch (end.reason) {
    case 'lost':
      return 'The connection was lost; the target removes the probe by itself within 25 seconds.';
    case 'stopped':
      return stoppedText(end);
    case 'finished':
      if (limit !== null) {
        return limit.of === 'events'
          ? `Ended by itself: the limit of ${limits.maxEvents} events was reached (zscope.trace.maxEvents).`
          : `Ended by itself: the limit of ${limits.maxSeconds} seconds was reached (zscope.trace.maxSeconds).`;
      }
      return `Ended by itself with status ${end.status ?? 'unknown'}. ${inert(end.stderr, 500)}`.trim();
  }
}

function stoppedText(end: StreamEnd): string {
  switch (end.cleanUp) {
    case 'confirmed':
      return 'Stopped; nothing is left on the target.';
    case 'failed':
      return `Stopped, but not everything could be removed from the target: ${inert(end.stderr.trim(), 500)}. The next trace tries again.`;
    case 'unknown':
      return 'Stopped; the target did not confirm that the probe is gone. It removes it by itself.';
  }
}

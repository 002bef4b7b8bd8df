/** The words of a trace view: pure functions of what a session is and came to. */
import { sourceName } from '../../core/stack/frame.ts';
import type { Parameter } from '../../core/symbols/location.ts';
import type { TypedFunction } from '../../core/symbols/value-type.ts';
import { inert } from '../../core/text/inert.ts';
import type { TraceTool } from '../../core/tracers/tools.ts';
import type {
  CallEvent,
  LossEvent,
  TraceCounters,
  TraceLimit,
  TraceStarted,
} from '../../core/tracing/events.ts';
import { GRAPH_ROOM } from '../../core/tracing/kinds.ts';
import type { SessionFunction } from '../../core/tracing/sessions/session.ts';
import type { ProbeSite } from '../../core/tracing/sites.ts';
import type { Suggestion } from '../../core/tracing/why-not.ts';
import type { TraceAlternative } from '../../protocol/trace-view.ts';
import type { TraceParams } from '../../target/collectors/trace-function.ts';
import type { StreamEnd } from '../../target/connection.ts';

/** What is to be traced: a symbol of the running kernel, and what its source says of it. */
export interface Subject {
  /** Symbol, with its clone suffix when it was chosen from a frame. */
  readonly symbol: string;
  /** Null for the kernel itself, or when it is not known. */
  readonly module: string | null;
  /** The signature's parameters; null when no source of it is open. */
  readonly parameters: readonly Parameter[] | null;
  /** Where it was inlined, if that is traced; its arguments there are known with it. */
  readonly site?: ProbeSite;
  readonly typed?: TypedFunction | null;
}

/** A place where a function was inlined: what is traced in its stead. */
export interface InlinedSubject extends Subject {
  readonly site: ProbeSite;
  /** Its arguments there. */
  readonly typed: TypedFunction;
  /** From the line of the call outwards, for a person. */
  readonly way: string;
}

/** What a call returned: `5 EIO`, `0`; empty where that is not seen. */
export function returnedText(call: CallEvent): string {
  if (call.returned === undefined) {
    return '';
  }
  if (call.returned === null) {
    return 'not seen to return';
  }
  const { value, errno } = call.returned;
  return errno === null ? value : `${value} ${errno}`;
}

/** What of a session was lost; empty texts for nothing. A number that may be larger says so. */
export function lossText(session: { readonly counters: TraceCounters | null; readonly lost: number }): {
  readonly text: string;
  readonly title: string;
} {
  const overrun = Math.max(session.counters?.overrun ?? 0, session.lost);
  const missed = session.counters?.missed ?? 0;
  const parts = [
    overrun > 0 ? `${overrun.toLocaleString('en-US')} events overwritten` : '',
    missed > 0 ? `${missed.toLocaleString('en-US')} returns missed` : '',
  ].filter((part) => part !== '');
  return parts.length === 0
    ? { text: '', title: '' }
    : {
        text: `Lost: ${parts.join(', ')}`,
        title:
          "By the kernel's counters, read once a second: events that were overwritten in its buffer before they were read (a call and its stack are two), and returns without a probe at hand (nmissed) or without their entry.",
      };
}

/** What a row in the table says where calls are missing. */
export function lossRowText({ gap, count }: LossEvent): string {
  switch (gap) {
    case 'connection':
      return 'Interrupted here: calls are missing until it went on';
    case 'reboot':
      return 'The target was booted anew here: calls are missing until it came back, and times begin again';
    default:
      return `${count ?? 'Some'} events lost here: the kernel's buffer was full`;
  }
}

/** Which calls are traced: `Only calls with foid == 34.`; names the function where there are several. */
export function conditionsText(functions: readonly SessionFunction[]): string {
  return functions
    .filter(({ condition }) => condition !== '')
    .map(({ symbol, condition }) =>
      functions.length === 1 ? `Only calls with ${condition}.` : `Only calls of ${symbol} with ${condition}.`,
    )
    .join(' ');
}

/** How arguments are known, or why they are not. @param typed as far as more than the signature is known */
export function argumentsKnown(subject: Subject, typed: TypedFunction | null): string {
  if (typed !== null) {
    return subject.site !== undefined
      ? 'Arguments by debug info, which says where they are at this place; those marked ? are nowhere there.'
      : typed.from === 'btf'
        ? 'Arguments by the types that the running kernel has of itself (BTF).'
        : 'Arguments by the debug info of the running build.';
  }
  if (/\.(isra|part|constprop)\b/.test(subject.symbol)) {
    return `${subject.symbol} is a form the compiler changed: where its arguments are is not known.`;
  }
  return subject.parameters === null
    ? 'Neither debug info nor the types of the running kernel (BTF) nor an open source has this function: its arguments are not known.'
    : 'Arguments by the signature in the open source.';
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

/** The same of one place where it was inlined. */
export function placeAlternative({ symbol, site, way }: InlinedSubject): TraceAlternative {
  return { symbol: inert(site.at), about: inert(`${symbol} inlined into ${way}`) };
}

/** What is missing where not all of several functions could be traced; begins in the middle of a sentence. */
export function partlyText(refused: readonly { readonly why: string }[], all: number): string {
  const [first] = refused;
  return first === undefined
    ? ''
    : `; ${refused.length} of ${all} places cannot be: ${inert(first.why, 200)}`;
}

/** The same of places that the kernel cannot be told, however many are traced. */
export function hiddenText(hidden: number): string {
  return hidden === 0
    ? ''
    : `; ${hidden} more ${hidden === 1 ? 'place' : 'places'} cannot be told apart by the kernel`;
}

/** The same of functions that had joined, after a lost connection. */
export function droppedText(dropped: readonly { readonly symbol: string; readonly why: string }[]): string {
  const [first] = dropped;
  if (first === undefined) {
    return '';
  }
  const others = dropped.length > 1 ? ` and ${dropped.length - 1} more are` : ' is';
  return `; ${inert(first.symbol)}${others} not traced any more: ${inert(first.why, 200)}`;
}

/** At which a session ends. */
type Limits = Pick<TraceParams, 'kind' | 'maxEvents' | 'maxSeconds' | 'maxRate'>;

/**
 * How a session ended, and what is left of it on the target.
 * @param cutBy the tracer, where it did not say that all was told; else null
 */
export function endText(
  end: StreamEnd,
  limit: TraceLimit | null,
  limits: Limits,
  cutBy: TraceTool | null,
): string {
  const text = reasonText(end, limit, limits);
  return cutBy !== null && end.reason !== 'lost'
    ? `${text} What was recorded last may be missing: ${cutBy} did not say that this is all.`
    : text;
}

function reasonText(end: StreamEnd, limit: TraceLimit | null, limits: Limits): string {
  switch (end.reason) {
    case 'lost':
      return end.cleanUp === 'unknown'
        ? 'The connection ended; the target removes the probe by itself within 25 seconds.'
        : `The target heard nothing from here for a while and ended it; ${end.cleanUp === 'confirmed' ? 'nothing is left there' : 'it could not remove everything'}.`;
    case 'stopped':
      return limit === null || end.cleanUp !== 'confirmed' ? stoppedText(end) : limitText(limit, limits);
    case 'finished':
      return limit === null
        ? `Ended by itself with status ${end.status ?? 'unknown'}. ${inert(end.stderr, 500)}`.trim()
        : limitText(limit, limits);
  }
}

function limitText(limit: TraceLimit, limits: Limits): string {
  switch (limit.of) {
    case 'rate':
      return `Ended: ${rateText(limit)} are more than the ${limits.maxRate ?? 0} that are traced without asking (zscope.trace.maxRate).`;
    case 'events': {
      // The table has far fewer rows than that.
      const which =
        limits.kind === 'graph'
          ? `, with all that is below calls, or ${GRAPH_ROOM} times as many of other tasks,`
          : '';
      return `Ended by itself: the limit of ${limits.maxEvents} events${which} was reached (zscope.trace.maxEvents).`;
    }
    case 'time':
      return `Ended by itself: the limit of ${limits.maxSeconds} seconds was reached (zscope.trace.maxSeconds).`;
  }
}

/** How a session ended, as its file has it (docs/trace-sessions.md). */
export function endReason(end: Pick<StreamEnd, 'reason'>, limit: TraceLimit | null): string {
  return limit === null || end.reason === 'lost' ? end.reason : `limit of ${limit.of}`;
}

/** `45,000 calls a second`. */
export function rateText(limit: TraceLimit): string {
  return `${(limit.rate ?? 0).toLocaleString('en-US')} calls a second`;
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

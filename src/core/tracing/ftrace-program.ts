import { Failure } from '../failure.ts';
import type { Parameter } from '../symbols/location.ts';
import type { TypedFunction } from '../symbols/value-type.ts';
import { type Fetch, fetchArguments, formatFetch } from './arguments.ts';
import type { ArgumentValue } from './events.ts';
import { typedFetches } from './values/typed-fetches.ts';

/** What a session's traces on the target are told by. */
export interface TraceSessionId {
  /** Letters and digits that no other session has; also marks the session's own output lines. */
  readonly sessionId: string;
}

/** What to trace, and for how long. */
export interface TraceParams extends TraceSessionId {
  /** Symbol of the running kernel, clone suffix included. */
  readonly symbol: string;
  /** Module that has the symbol; null when that is not known or it is the kernel's own. */
  readonly module: string | null;
  /** `uname -m` of the target: decides where arguments are. */
  readonly machine: string;
  /** Parameters of the function's source; null when it is not known. */
  readonly parameters: readonly Parameter[] | null;
  /** The same as the running build's debug info has it, which counts for more; null or nothing when it is not known. */
  readonly typed?: TypedFunction | null;
  /** The session ends after about this many calls: they are counted once a second. Default 100,000. */
  readonly maxEvents: number;
  /** The session ends after this many seconds. Default 600. */
  readonly maxSeconds: number;
}

const DEFAULT_MAX_EVENTS = 100_000;
const DEFAULT_MAX_SECONDS = 600;

/** A trace of one function as the kernel's dynamic events take it (Documentation/trace/kprobetrace.rst). */
export interface FtraceProgram {
  /** Name of the event: the symbol's letters and the session's id, at most 63 bytes (MAX_EVENT_NAME_LEN). */
  readonly event: string;
  /** Places to try in order: `zfs:zil_commit`, `zil_commit`. */
  readonly places: readonly string[];
  /** What is printed with each call, in this order; strings last, since their text may hold anything. */
  readonly fetches: readonly Fetch[];
  /** Arguments with the same value for each call: constants, and `?` for those that are nowhere. */
  readonly fixed: readonly { readonly index: number; readonly value: ArgumentValue }[];
  /** The same as kprobe_events takes it, with the comm at the end. */
  readonly fetchText: string;
  readonly maxEvents: number;
  readonly maxSeconds: number;
}

/** @throws Failure `bad-request` when symbol, module or id are none. */
export function ftraceProgram(params: TraceParams): FtraceProgram {
  const { symbol, module, sessionId } = params;
  if (!/^[A-Za-z_][\w.$]{0,254}$/.test(symbol)) {
    throw new Failure(
      'bad-request',
      'This is not the name of a function.',
      'Choose a function of the source.',
    );
  }
  if (module !== null && !/^[\w-]{1,64}$/.test(module)) {
    throw new Failure('bad-request', 'The module of this trace has no proper name.');
  }
  checkSessionId(sessionId);
  const typed = params.typed ? typedFetches(params.typed, params.machine) : null;
  const fetches = typed?.fetches ?? fetchArguments(symbol, params.parameters, params.machine);
  const ordered = [
    ...fetches.filter(({ type }) => type !== 'string'),
    ...fetches.filter(({ type }) => type === 'string'),
  ];
  return {
    event: `${symbol.replace(/\W/g, '_').slice(0, 40)}_${sessionId}`,
    // Where the module is not known, ZFS's own come first: some of its functions have namesakes in
    // the kernel, and a symbol of a module is found much faster than one of all.
    places:
      module === null
        ? [`zfs:${symbol}`, `spl:${symbol}`, symbol]
        : [`${module.replaceAll('-', '_')}:${symbol}`],
    fetches: ordered,
    fixed: typed?.fixed ?? [],
    fetchText: [...ordered.map(formatFetch), 'c=$comm'].join(' '),
    maxEvents: limit(params.maxEvents, DEFAULT_MAX_EVENTS),
    maxSeconds: limit(params.maxSeconds, DEFAULT_MAX_SECONDS),
  };
}

/** Session ids stand in scripts as they are. @throws Failure `bad-request` for one that is none */
export function checkSessionId(sessionId: string): void {
  if (!/^[A-Za-z0-9]{1,16}$/.test(sessionId)) {
    throw new Failure('bad-request', 'The session of this trace has no proper name.');
  }
}

/** A limit is always on: what is no positive number becomes the default. */
function limit(value: number, fallback: number): number {
  return Number.isFinite(value) && value >= 1 ? Math.min(Math.floor(value), 1e9) : fallback;
}

import { Failure } from '../failure.ts';
import type { Parameter } from '../symbols/location.ts';
import type { TypedFunction } from '../symbols/value-type.ts';
import { argumentAtReturn, type Fetch, fetchArguments, formatFetch } from './arguments.ts';
import { type Condition, checkCondition } from './conditions/check.ts';
import { conditionFields } from './conditions/fields.ts';
import { parseCondition } from './conditions/parse.ts';
import type { ArgumentValue } from './events.ts';
import { KINDS, type TraceKind } from './kinds.ts';
import { type Filters, partCondition } from './program/filters.ts';
import type { Step } from './program/steps.ts';
import { errorFilter, type ReturnKind, returnKind, typedReturn } from './return-type.ts';
import { type ProbeSite, SITE_KINDS, tracedName } from './sites.ts';
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
  /** The place where it was inlined, which is traced in its stead; `typed` and `module` are that place's. */
  readonly site?: ProbeSite;
  /** What the source declares it to return; null or absent when it is not known. */
  readonly returns?: string | null;
  /** For a call graph: what it calls, and what that calls in turn, by their names in the source. */
  readonly callees?: readonly string[];
  /** Whether each call is recorded with its stack, which costs the traced task most; true when absent. */
  readonly stacks?: boolean;
  /** What is found out; `calls` when absent. */
  readonly kind?: TraceKind;
  /** Only calls that fulfil it, as a person wrote it; empty or absent for all. */
  readonly condition?: string;
  /** Which function of its session this is, from 0. */
  readonly index?: number;
  /** The session ends after about this many calls: they are counted once a second. Default 100,000. */
  readonly maxEvents: number;
  /** The session ends after this many seconds. Default 600. */
  readonly maxSeconds: number;
  /** Calls recorded a second above which the session ends and a person is asked; 0 or absent for no such limit. */
  readonly maxRate?: number;
}

const DEFAULT_MAX_EVENTS = 100_000;
const DEFAULT_MAX_SECONDS = 600;

/** A trace of one function as the kernel's dynamic events take it (Documentation/trace/kprobetrace.rst). */
export interface FtraceProgram {
  /** Whose code has the probe. */
  readonly symbol: string;
  /** What its calls are said to be of: the symbol, or a function that was inlined into it. */
  readonly name: string;
  readonly kind: TraceKind;
  /**
   * Name of the event at the entry: the symbol's letters and the session's id, at most 63 bytes (MAX_EVENT_NAME_LEN).
   * Where only returns are recorded it is the event at the return.
   */
  readonly event: string;
  /** Name of the event at the return; null where there is none, or it is the only one. */
  readonly returnEvent: string | null;
  /** Name of the synthetic event with the durations; null where there is none. */
  readonly durationEvent: string | null;
  /** Places to try in order: `zfs:zil_commit`, `zil_commit`. */
  readonly places: readonly string[];
  /** What is printed with each call, in this order; strings last, since their text may hold anything. */
  readonly fetches: readonly Fetch[];
  /** Arguments with the same value for each call: constants, and `?` for those that are nowhere. */
  readonly fixed: readonly { readonly index: number; readonly value: ArgumentValue }[];
  /** The fetches as kprobe_events takes them, with the comm at the end where calls are shown. */
  readonly fetchText: string;
  /** Null where returns are not seen. */
  readonly returns: ReturnKind | null;
  readonly filters: Filters;
  /** What the target does to set it up, in order. */
  readonly steps: readonly Step[];
  /** Whether calls are recorded with their stacks. */
  readonly stacks: boolean;
  /** Stack pointer at the return less that at the entry of the same call, in bytes. */
  readonly stackShift: number;
  readonly maxEvents: number;
  readonly maxSeconds: number;
  readonly maxRate: number;
}

/** `call` pushes the return address, which `ret` has taken by then; the other machines keep it in a register. */
const STACK_SHIFT: Readonly<Record<string, number>> = { x86_64: 8 };

/** @throws Failure `bad-request` when symbol, module or id are none, and for a condition that is none. */
export function ftraceProgram(params: TraceParams): FtraceProgram {
  const { module, sessionId, kind = 'calls', index = 0, site } = params;
  const symbol = site?.symbol ?? params.symbol;
  if (![symbol, params.symbol].every((name) => /^[A-Za-z_][\w.$]{0,254}$/.test(name))) {
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
  if (site !== undefined) {
    checkSite(params, site, kind);
  }
  const typed = params.typed ? typedFetches(params.typed.arguments, params.machine) : null;
  // Where an inlined function's arguments are, no convention tells.
  const signature = site === undefined ? params.parameters : null;
  const known = typed?.fetches ?? fetchArguments(symbol, signature, params.machine);
  const { pairs, condition, single, asksReturn, returns, fetches } = asked(params, kind, known);
  const filters = partCondition(condition, kind, single, !/exec/.test(symbol));
  const number = index > 0 ? `${Math.floor(index)}_` : '';
  const event = `${params.symbol.replace(/\W/g, '_').slice(0, 36)}_${number}${sessionId}`;
  const program = {
    symbol,
    name: tracedName(params),
    kind,
    event,
    returnEvent: pairs ? `${event}_r` : null,
    durationEvent: kind === 'latency' ? `${event}_t` : null,
    // Where the module is not known, ZFS's own come first: some of its functions have namesakes in
    // the kernel, and a symbol of a module is found much faster than one of all.
    places: placesOf(symbol, site === undefined ? '' : `+0x${site.offset.toString(16)}`, module),
    fetches,
    fixed: typed?.fixed ?? [],
    fetchText: joined(...fetches.map(formatFetch), commOf(kind)),
    returns,
    filters,
    stacks: params.stacks ?? true,
    stackShift: STACK_SHIFT[params.machine] ?? 0,
    maxEvents: limit(params.maxEvents, DEFAULT_MAX_EVENTS),
    maxSeconds: timeLimit(params.maxSeconds),
    maxRate: limit(params.maxRate ?? 0, 0),
  };
  const graph: Step[] = kind === 'graph' ? [{ do: 'graph', symbol, names: graphNames(params.callees) }] : [];
  return { ...program, steps: [...steps(program, single, asksReturn), ...graph] };
}

function placesOf(symbol: string, offset: string, module: string | null): string[] {
  const modules = module === null ? ['zfs:', 'spl:', ''] : [`${module.replaceAll('-', '_')}:`];
  return modules.map((prefix) => `${prefix}${symbol}${offset}`);
}

function checkSite({ symbol }: TraceParams, { offset }: ProbeSite, kind: TraceKind): void {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > 0xffffff) {
    throw new Failure('bad-request', `The place where ${symbol} was inlined is none in a function.`);
  }
  if (!SITE_KINDS.includes(kind)) {
    throw new Failure(
      'bad-request',
      `${symbol} was inlined: there is no return to see, and nothing below it to draw.`,
      'Trace its calls, or count them by task or by stack.',
    );
  }
}

/** What the kind and the condition together need to see. */
function asked(params: TraceParams, kind: TraceKind, known: readonly Fetch[]) {
  const { pairs } = KINDS[kind];
  const returned = params.typed ? typedReturn(params.typed.returns) : returnKind(params.returns ?? null);
  if (kind === 'errors' && returned.errors === 'none') {
    throw new Failure(
      'bad-request',
      `${params.symbol} returns ${returned.type === null ? 'nothing' : 'no error number'}: there are no errors to trace.`,
      'Trace its returns instead.',
    );
  }
  const text = (params.condition ?? '').trim();
  // A call graph shows no value that is returned.
  const seesReturn = kind !== 'calls' && kind !== 'graph' && params.site === undefined;
  const expression = text === '' ? null : parseCondition(text);
  const condition =
    expression === null
      ? null
      : checkCondition(expression, conditionFields(known, seesReturn ? returned : null, KINDS[kind].timed));
  const named = condition === null ? new Set() : fieldsOf(condition);
  const asksReturn = named.has('r');
  // One event at the return is enough where no duration is wanted.
  const single = !pairs && (KINDS[kind].returns || asksReturn);
  // Of calls that are only counted nothing is shown: what a condition asks for is fetched, and the rest would cost each.
  const wanted = isTally(kind) ? known.filter(({ index }) => named.has(`a${index}`)) : known;
  const ordered = [
    ...wanted.filter(({ type }) => type !== 'string'),
    ...wanted.filter(({ type }) => type === 'string'),
  ];
  return {
    pairs,
    condition,
    single,
    asksReturn,
    returns: pairs || single ? returned : null,
    fetches: single ? ordered.flatMap((fetch) => argumentAtReturn(fetch, params.machine) ?? []) : ordered,
  };
}

function fieldsOf(condition: Condition): Set<string | null> {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return new Set([...fieldsOf(condition.left), ...fieldsOf(condition.right)]);
    case 'not':
      return fieldsOf(condition.of);
    default:
      return new Set([condition.field.known === 'return' ? 'r' : condition.field.kernel]);
  }
}

/** Functions that are recorded for one call graph: each costs the target a little wherever it is called from. */
export const MOST_GRAPH_NAMES = 500;

function graphNames(callees: readonly string[] = []): string[] {
  return [...new Set(callees)].filter((name) => /^[A-Za-z_]\w{0,99}$/.test(name)).slice(0, MOST_GRAPH_NAMES);
}

function isTally(kind: TraceKind): boolean {
  return KINDS[kind].how === 'tally';
}

/** What is fetched of each call to be shown, whatever the function. */
function commOf(kind: TraceKind): string {
  return isTally(kind) ? '' : 'c=$comm';
}

function joined(...fetches: readonly string[]): string {
  return fetches.filter((fetch) => fetch !== '').join(' ');
}

type Plan = Omit<FtraceProgram, 'steps'>;

function steps(plan: Plan, single: boolean, asksReturn: boolean): Step[] {
  const { event, returnEvent, durationEvent, places, filters, returns, kind } = plan;
  const comm = commOf(kind);
  const hasValue = returns?.type != null && (asksReturn || !isTally(kind));
  const value = !hasValue ? '' : `r=$retval:${returns.type}`;
  const errors = kind === 'errors' && returns !== null ? errorFilter('r', returns) : null;
  const wanted = [errors, filters.entry].filter((filter) => filter !== null);
  const entryFilter =
    wanted.length > 1 ? wanted.map((filter) => `(${filter})`).join(' && ') : (wanted[0] ?? null);
  const found: Step[] = [];
  if (single) {
    const fetches = joined(value, plan.fetchText);
    found.push({ do: 'probe', type: 'r512', event, fetches, lesser: joined(value, comm), places });
  } else {
    const pointer = returnEvent === null || durationEvent !== null ? '' : 'k=$stack:x64';
    const fetches = joined(pointer, plan.fetchText);
    found.push({ do: 'probe', type: 'p', event, fetches, lesser: joined(pointer, comm), places });
    if (returnEvent !== null) {
      const both = joined(pointer, value, comm);
      found.push({ do: 'probe', type: 'r512', event: returnEvent, fetches: both, lesser: both, places });
    }
  }
  const when = (filter: string | null) => (filter === null ? '' : ` if ${filter}`);
  if (durationEvent !== null && returnEvent !== null) {
    found.push(
      { do: 'synthetic', event: durationEvent, fields: 'u64 ns' },
      {
        do: 'trigger',
        group: 'synthetic',
        event: durationEvent,
        texts: [`hist:keys=ns.log2:vals=ns:size=256${when(filters.duration)}`],
      },
      {
        do: 'trigger',
        group: 'probe',
        event,
        texts: [`hist:keys=common_pid:t=common_timestamp:size=16384${when(entryFilter)}`],
      },
      { do: 'measure', from: event, to: returnEvent, into: durationEvent, filter: filters.return },
    );
  } else if (kind === 'count') {
    const text = `hist:keys=common_pid.execname:sort=hitcount.descending:size=4096${when(entryFilter)}`;
    found.push({ do: 'trigger', group: 'probe', event, texts: [text] });
  } else if (kind === 'stacks' || kind === 'callers') {
    const texts = ['common_stacktrace', 'stacktrace'].map(
      (key) => `hist:keys=${key}:sort=hitcount.descending:size=2048${when(entryFilter)}`,
    );
    found.push({ do: 'trigger', group: 'probe', event, texts });
  } else {
    if (entryFilter !== null) {
      found.push({ do: 'filter', event, filter: entryFilter });
    }
    if (returnEvent !== null && filters.return !== null) {
      found.push({ do: 'filter', event: returnEvent, filter: filters.return });
    }
  }
  return found;
}

/** Session ids stand in scripts as they are. @throws Failure `bad-request` for one that is none */
export function checkSessionId(sessionId: string): void {
  if (!/^[A-Za-z0-9]{1,16}$/.test(sessionId)) {
    throw new Failure('bad-request', 'The session of this trace has no proper name.');
  }
}

/** Whole seconds after which a trace ends, from 1 on. */
export function timeLimit(maxSeconds: number): number {
  return limit(maxSeconds, DEFAULT_MAX_SECONDS);
}

/** A limit is always on: what is no positive number becomes the default. */
function limit(value: number, fallback: number): number {
  return Number.isFinite(value) && value >= 1 ? Math.min(Math.floor(value), 1e9) : fallback;
}

import { Failure } from '../failure.ts';
import type { TypedFunction } from '../symbols/value-type.ts';
import { argumentRegisters, type Fetch } from '../tracing/arguments.ts';
import { allOf, type Condition, checkCondition, conjuncts, knownWhen } from '../tracing/conditions/check.ts';
import { conditionFields } from '../tracing/conditions/fields.ts';
import { parseCondition } from '../tracing/conditions/parse.ts';
import type { ArgumentValue } from '../tracing/events.ts';
import { ftraceProgram, type TraceParams } from '../tracing/ftrace-program.ts';
import { KINDS, type TraceKind } from '../tracing/kinds.ts';
import type { ReturnKind } from '../tracing/return-type.ts';

/** What a tool is asked for: checked, and in no words of a person but the names of the source. */
export interface ToolRequest {
  readonly symbol: string;
  readonly module: string | null;
  readonly kind: TraceKind;
  /** `uname -m`. */
  readonly machine: string;
  /** Arguments as they are at the entry: numbers first, then strings. */
  readonly fetches: readonly Fetch[];
  /** The declaration by the running build's debug info; null without it. */
  readonly declared: {
    readonly parameters: number;
    /** Names of arguments by the registers that bring them. */
    readonly names: ReadonlyMap<string, string>;
  } | null;
  readonly fixed: readonly { readonly index: number; readonly value: ArgumentValue }[];
  readonly returns: ReturnKind;
  /** Null for all calls. */
  readonly condition: Condition | null;
  /** Whether the return has to be seen. */
  readonly seesReturn: boolean;
  readonly maxEvents: number;
  readonly maxSeconds: number;
  /** 0 for none. */
  readonly maxRate: number;
  /** Stack pointer at the return less that at the entry of the same call, in bytes. */
  readonly stackShift: number;
}

/** What a tool can know of a call. */
export interface ToolSight {
  /** How long it took. */
  readonly duration: boolean;
  /** Its arguments, when it returns. */
  readonly argumentsAtReturn: boolean;
}

/**
 * What is asked of a tool. Names, arguments and limits are as a trace through tracefs has them.
 * @throws Failure `bad-request` as {@link ftraceProgram} does, and for a place where a function was inlined
 */
export function toolRequest(params: TraceParams, sight: ToolSight): ToolRequest {
  const { kind = 'calls' } = params;
  if (params.site !== undefined) {
    throw noSites(params.symbol);
  }
  ftraceProgram({ ...params, condition: '' });
  // With both ends seen, arguments are those of the entry.
  const program = ftraceProgram({ ...params, kind: 'returns', condition: '' });
  const returns = program.returns ?? { type: null, errors: 'none', isKnown: false };
  const text = (params.condition ?? '').trim();
  const fetches = KINDS[kind].returns && !sight.argumentsAtReturn ? [] : program.fetches;
  const hasDuration = KINDS[kind].timed && sight.duration;
  const fields = conditionFields(fetches, kind === 'calls' ? null : returns, hasDuration);
  const condition = text === '' ? null : checkCondition(parseCondition(text), fields);
  const { symbol, fixed, maxEvents, maxSeconds, maxRate, stackShift } = program;
  return {
    symbol,
    module: params.module,
    kind,
    machine: params.machine,
    fetches,
    declared: params.typed ? declared(params.typed, params.machine) : null,
    fixed,
    returns,
    condition,
    seesReturn: KINDS[kind].returns || (condition !== null && knownWhen(condition) !== 'entry'),
    maxEvents,
    maxSeconds,
    maxRate,
    stackShift,
  };
}

/** Tools trace functions. */
export function noSites(symbol: string): Failure {
  return new Failure(
    'bad-request',
    `${symbol} was inlined: the places where it is can be traced by ftrace only.`,
    'Choose ftrace (zscope.trace.tool).',
  );
}

/** Names are those of arguments that are where the machine's convention has them, so that none before them is gone. */
function declared({ arguments: args }: TypedFunction, machine: string): ToolRequest['declared'] {
  const registers = argumentRegisters(machine);
  const names = new Map(
    args.flatMap(({ name, place }, i): [string, string][] => {
      const register = registers[i] ?? '';
      const isThere = place.kind === 'register' && place.register.endsWith(register.slice(1));
      return register !== '' && isThere && /^[A-Za-z_]\w{0,99}$/.test(name) ? [[register, name]] : [];
    }),
  );
  return { parameters: args.length, names };
}

/** A condition in two parts, both of which a call has to fulfil. */
export interface Parted {
  /** As the tool takes it; null for nothing. */
  readonly theirs: string | null;
  /** What the tool cannot check. */
  readonly ours: Condition | null;
}

/**
 * Leaves to the tool what it can check.
 * @param print a part in the tool's words; null when it has none
 * @throws Failure `bad-request` when something is left that nobody can check, as calls are only summed up
 */
export function partForTool(
  parts: readonly Condition[],
  kind: TraceKind,
  print: (part: Condition) => string | null,
): Parted {
  const theirs: string[] = [];
  const left: Condition[] = [];
  for (const part of parts) {
    const text = print(part);
    if (text === null) {
      left.push(part);
    } else {
      theirs.push(text);
    }
  }
  if (left.length > 0 && KINDS[kind].how === 'tally') {
    throw new Failure(
      'bad-request',
      'This tool counts these calls itself and cannot check all of this condition.',
      'Trace calls or returns instead, or choose another tool (zscope.trace.tool).',
    );
  }
  return {
    theirs: theirs.length === 0 ? null : theirs.map((text) => `(${text})`).join(' && '),
    ours: allOf(left),
  };
}

/** The parts of a condition that must all be true; none for no condition. */
export function partsOf({ condition }: ToolRequest): readonly Condition[] {
  return condition === null ? [] : conjuncts(condition);
}

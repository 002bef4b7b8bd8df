import type { Fetch } from '../../tracing/arguments.ts';
import type { Condition, Field } from '../../tracing/conditions/check.ts';
import { knownWhen } from '../../tracing/conditions/check.ts';
import { KINDS, type TraceKind } from '../../tracing/kinds.ts';
import type { Filtered } from '../../tracing/passes.ts';
import type { ReturnKind } from '../../tracing/return-type.ts';
import { cCondition, cErrorTest } from '../c-condition.ts';
import { partForTool, partsOf, type ToolRequest } from '../tool-request.ts';
import { printfFormat } from '../tool-values.ts';
import { isAtLeast, type ToolVersion } from '../tools.ts';
import { bpftraceReturn, bpftraceValue, type Entry, registers, typedArguments } from './places.ts';

/** Strings that one record can hold: its other values and 64 bytes for each have to fit into 512 bytes of stack. */
const MOST_STRINGS = 3;
/** Numbers of one record, for the same reason. */
const MOST_NUMBERS = 20;

/** A program for bpftrace, and how what it prints is read. */
export interface BpftraceProgram extends Filtered {
  readonly request: ToolRequest;
  readonly text: string;
  /** The arguments that a record has, in its order. */
  readonly fetches: readonly Fetch[];
}

/**
 * What a trace asks, as a program of the version that is installed. Records are printed with tabs between their
 * values, strings last, then the stack; sums are printed once a second, and `tick` behind them.
 * @param btf functions of modules that the target's BTF has, with the module of each: bpftrace attaches to these by trampolines, with arguments by name
 * @throws Failure `bad-request` for a condition that it cannot check while it only sums up
 */
export function bpftraceProgram(
  request: ToolRequest,
  version: ToolVersion,
  btf: ReadonlyMap<string, string> = NO_BTF,
): BpftraceProgram {
  const { kind, machine } = request;
  const typed = typedProbe(request, version, btf.get(request.symbol) ?? null);
  const entry = typed?.entry ?? registers(machine);
  const known = request.fetches.filter((fetch) => bpftraceValue(fetch, entry) !== null);
  const numbers = known.filter(({ type }) => type !== 'string').slice(0, MOST_NUMBERS);
  const strings = known.filter(({ type }) => type === 'string').slice(0, MOST_STRINGS);
  const fetches = [...numbers, ...strings];
  const seesBoth = request.seesReturn && typed === null;
  const { theirs, atEntry, ours } = conditions(request, fetches, seesBoth);
  const isRecord = KINDS[kind].how === 'event';
  const probe = (type: string) =>
    `${type}:${target(request.symbol, typed?.module ?? request.module, version)}`;
  const shown = { request, entry, fetches, theirs, atEntry };
  const probes = seesBoth
    ? bothEnds(shown, probe, isRecord)
    : [block(probe(typed?.type ?? 'kprobe'), oneEnd(shown, isRecord))];
  const text = [
    `// ${request.symbol}: ${kind}. Run it with: bpftrace -B line FILE`,
    ...probes,
    ...ticks(request, isRecord, seesBoth),
    '',
  ].join('\n');
  return { request, text, fetches, filters: { ours } };
}

/** Parameters of a function that a trampoline serves: those in registers ("functions with more than 6 parameters are not supported"). */
const MOST_TYPED = 6;

const NO_BTF: ReadonlyMap<string, string> = new Map();

/**
 * A probe by a BPF trampoline; null where a kprobe tells more. It knows no stack pointer, by which an entry finds its
 * return: so it serves where one end is enough. On x86-64 modules have BTF since Linux 5.11, and bpftrace takes it since
 * 0.17; names of these probes and of their arguments are others since 0.20 and 0.19 (bpftrace, CHANGELOG.md).
 */
function typedProbe(
  request: ToolRequest,
  version: ToolVersion,
  module: string | null,
): { readonly type: string; readonly module: string; readonly entry: Entry } | null {
  const { kind, machine, fetches, declared, seesReturn } = request;
  if (
    module === null ||
    module !== (request.module ?? module) ||
    declared === null ||
    declared.parameters > MOST_TYPED
  ) {
    return null;
  }
  const entry = typedArguments(declared.names, isAtLeast(version, 0, 19) ? 'args.' : 'args->');
  // Calls that are told one by one with what they returned have a duration too, and strings as they were at the entry.
  const isOneEnd = !seesReturn || kind === 'count';
  if (machine !== 'x86_64' || !isOneEnd || !isAtLeast(version, 0, 17)) {
    return null;
  }
  if (fetches.some((fetch) => bpftraceValue(fetch, entry) === null)) {
    return null;
  }
  const [atEntry, atReturn] = isAtLeast(version, 0, 20) ? ['fentry', 'fexit'] : ['kfunc', 'kretfunc'];
  return { type: seesReturn ? atReturn : atEntry, module, entry };
}

interface Shown {
  readonly request: ToolRequest;
  readonly entry: Entry;
  readonly fetches: readonly Fetch[];
  /** What is checked when all is known; null for nothing. */
  readonly theirs: string | null;
  /** What is checked at the entry, where the return is seen as well; null for nothing. */
  readonly atEntry: string | null;
}

function conditions(request: ToolRequest, fetches: readonly Fetch[], seesBoth: boolean) {
  const print = (part: Condition) =>
    cCondition(part, {
      value: (field) => word(field, fetches),
      equals: (field, text) => equals(field, text, fetches),
    });
  const early = (part: Condition) => seesBoth && knownWhen(part) === 'entry';
  const parts = partsOf(request);
  const first = partForTool(parts.filter(early), request.kind, print);
  const last = partForTool(
    parts.filter((part) => !early(part)),
    request.kind,
    print,
  );
  const errors = request.kind === 'errors' ? errorTest(request.returns) : null;
  const ours = [first.ours, last.ours].filter((part) => part !== null);
  return {
    atEntry: first.theirs,
    theirs: [errors, last.theirs].filter((part) => part !== null).join(' && ') || null,
    ours: ours.reduce<Condition | null>(
      (left, right) => (left === null ? right : { kind: 'and', left, right }),
      null,
    ),
  };
}

/** The variable that holds a field's value. */
function word(field: Field, fetches: readonly Fetch[]): string | null {
  if (field.type === 'string' && field.kernel !== 'comm') {
    return null;
  }
  switch (field.kernel) {
    case 'comm':
      return null;
    case 'common_pid':
      return 'tid';
    case 'CPU':
      return 'cpu';
    case 'r':
      return '$r';
    case 'ns':
      return '$ns';
    default:
      return variable(field, fetches);
  }
}

function equals(field: Field, text: string, fetches: readonly Fetch[]): string | null {
  const left = field.kernel === 'comm' ? 'comm' : variable(field, fetches);
  return left === null ? null : `${left} == "${text}"`;
}

function variable({ kernel }: Field, fetches: readonly Fetch[]): string | null {
  const fetch = fetches.find(({ index }) => kernel === `a${index}`);
  return fetch === undefined ? null : `$a${fetch.index}`;
}

function errorTest({ type, errors }: ReturnKind): string | null {
  return type === null ? null : cErrorTest(type === 'x64' ? '(int64)$r' : '$r', errors);
}

/** `zfs:zil_commit` from 0.20 on; a name with a dot stands in quotes. */
function target(symbol: string, module: string | null, version: ToolVersion): string {
  const name = /^\w+$/.test(symbol) ? symbol : `"${symbol}"`;
  return module !== null && isAtLeast(version, 0, 20) ? `${module.replaceAll('-', '_')}:${name}` : name;
}

/** A trampoline has the arguments at its return as well, so one probe is enough where no duration is asked for. */
function oneEnd(shown: Shown, isRecord: boolean): string[] {
  const { request, entry, fetches, theirs } = shown;
  const { seesReturn, returns } = request;
  return [
    '@seen = count();',
    ...fetches
      .filter((fetch) => isRecord || asks(theirs, fetch))
      .map((fetch) => `$a${fetch.index} = ${bpftraceValue(fetch, entry)};`),
    ...(seesReturn && returns.type !== null ? [`$r = ${bpftraceReturn(returns.type)};`] : []),
    ...when(theirs, outcome(shown, 'kstack')),
  ];
}

/** Entries are kept by task and by where on its stack the call is, which is the same at both ends. */
function bothEnds(shown: Shown, probe: (type: string) => string, isRecord: boolean): string[] {
  const { request, entry, fetches, theirs, atEntry } = shown;
  const { kind, returns, stackShift } = request;
  const needed = fetches.filter((fetch) => isRecord || asks(theirs, fetch));
  const own = '[tid, $sp]';
  const kept = [
    ...needed.map(({ index }) => [`@a${index}`, `$a${index}`]),
    ...(isRecord || isOfStacks(kind) ? [['@stack', 'kstack']] : []),
    ['@at', 'nsecs'],
  ];
  const begin = [
    '@seen = count();',
    ...fetches
      .filter((fetch) => needed.includes(fetch) || asks(atEntry, fetch))
      .map((fetch) => `$a${fetch.index} = ${bpftraceValue(fetch, entry)};`),
    '$sp = reg("sp");',
    ...when(
      atEntry,
      kept.map(([map, value]) => `${map}${own} = ${value};`),
    ),
  ];
  const back = [
    `$sp = reg("sp")${stackShift === 0 ? '' : ` - ${stackShift}`};`,
    `$at = @at${own};`,
    'if ($at != 0) {',
    ...[
      '$ns = nsecs - $at;',
      ...(returns.type === null ? [] : [`$r = ${bpftraceReturn(returns.type)};`]),
      ...needed.map(({ index }) => `$a${index} = @a${index}${own};`),
      ...when(theirs, outcome(shown, `@stack${own}`)),
      ...kept.map(([map]) => `delete(${map}${own});`),
    ].map((line) => `  ${line}`),
    '}',
  ];
  return [block(probe('kprobe'), begin), block(probe('kretprobe'), back)];
}

/** Whether a condition asks for an argument. */
function asks(condition: string | null, { index }: Fetch): boolean {
  return condition?.includes(`$a${index} `) === true;
}

/** What is done with a call that is wanted. */
function outcome({ request, fetches }: Shown, stack: string): string[] {
  const { kind, returns, seesReturn } = request;
  switch (kind) {
    case 'count':
      return ['@hits = count();', '@tasks[comm, tid] = count();'];
    case 'stacks':
    case 'callers':
      return ['@hits = count();', `@stacks[${stack}] = count();`];
    case 'latency':
      return [
        '@hits = count();',
        // The least power of two that is not below it, as the kernel's own histograms have it.
        '$v = $ns;',
        '$log2 = 0;',
        'if ($v > 1) { $v = $v - 1; $log2 = 1; }',
        ...[32, 16, 8, 4, 2, 1].map(
          (bits) => `if (($v >> ${bits}) > 0) { $log2 = $log2 + ${bits}; $v = $v >> ${bits}; }`,
        ),
        '@calls[$log2] = count();',
        '@ns[$log2] = sum($ns);',
      ];
    default: {
      const argument = ({ type, index }: Fetch): Value => [printfFormat(type), `$a${index}`];
      const values: Value[] = [
        ['%llu', seesReturn ? '$at' : 'nsecs'],
        ['%lld', '(int64)tid'],
        ['%lld', '(int64)cpu'],
        ...(seesReturn ? [['%llu', '$ns'] as const] : []),
        ...(seesReturn && returns.type !== null ? [[printfFormat(returns.type), '$r'] as const] : []),
        ...fetches.filter(({ type }) => type !== 'string').map(argument),
        ['%s', 'comm'],
        ...fetches.filter(({ type }) => type === 'string').map(argument),
      ];
      const format = values.map(([one]) => one).join('\\t');
      const list = [...values.map(([, value]) => value), stack].join(', ');
      return ['@kept = @kept + 1;', `printf("call\\t${format}\\n%s\\n", ${list});`];
    }
  }
}

const isOfStacks = (kind: TraceKind) => kind === 'stacks' || kind === 'callers';

type Value = readonly [format: string, value: string];

function when(condition: string | null, lines: readonly string[]): string[] {
  return condition === null ? [...lines] : [`if (${condition}) {`, ...lines.map((line) => `  ${line}`), '}'];
}

function block(probe: string, lines: readonly string[]): string {
  return [probe, '{', ...lines.map((line) => `  ${line}`), '}'].join('\n');
}

const SUMS: Readonly<Partial<Record<TraceKind, readonly string[]>>> = {
  count: ['@hits', '@tasks'],
  latency: ['@hits', '@calls', '@ns'],
  stacks: ['@hits', '@stacks'],
  callers: ['@hits', '@stacks'],
};

/** Sums and limits, once a second. */
function ticks(
  { kind, maxEvents, maxRate, maxSeconds }: ToolRequest,
  isRecord: boolean,
  seesBoth: boolean,
): string[] {
  const second = [
    ...['@seen', ...(SUMS[kind] ?? [])].map((map) => `print(${map});`),
    'printf("tick\\n");',
    ...(isRecord && maxRate > 0
      ? [
          '$rate = @kept - @before;',
          '@before = @kept;',
          `if ($rate > ${maxRate}) { printf("limit\\trate\\t%lld\\n", $rate); exit(); }`,
        ]
      : []),
    ...(isRecord ? [`if (@kept >= ${maxEvents}) { printf("limit\\tevents\\n"); exit(); }`] : []),
  ];
  const own = [
    ...(isRecord ? ['@kept', ...(maxRate > 0 ? ['@before'] : [])] : []),
    ...(seesBoth ? ['@at'] : []),
    ...(seesBoth && (isRecord || isOfStacks(kind)) ? ['@stack'] : []),
  ];
  return [
    block('interval:s:1', second),
    block(`interval:s:${maxSeconds}`, ['printf("limit\\ttime\\n");', 'exit();']),
    ...(own.length === 0
      ? []
      : [
          block(
            'END',
            own.map((map) => `clear(${map});`),
          ),
        ]),
  ];
}

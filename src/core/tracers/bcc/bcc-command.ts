import { argumentAtReturn, type Fetch, type FetchType } from '../../tracing/arguments.ts';
import type { Condition, Field } from '../../tracing/conditions/check.ts';
import type { Filtered } from '../../tracing/passes.ts';
import type { ReturnKind } from '../../tracing/return-type.ts';
import { cCondition, cErrorTest } from '../c-condition.ts';
import { partForTool, partsOf, type ToolRequest } from '../tool-request.ts';
import { printfFormat } from '../tool-values.ts';
import { TOOLS } from '../tools.ts';

/** An argument as bcc's tools take it. */
export interface BccArgument {
  readonly fetch: Fetch;
  /** How a row names it: nothing that is a sign for the tool. */
  readonly name: string;
}

/** A command line of one of bcc's tools, and how its output is read. */
export interface BccCommand extends Filtered {
  readonly request: ToolRequest;
  /** Behind the program's own name. */
  readonly options: readonly string[];
  readonly arguments: readonly BccArgument[];
}

/** Registers that have a name there: arg1 to arg6 (bcc, tools/trace.py). */
const MOST_ARGUMENTS = 6;

/** The kernel's names of the types (include/linux/types.h). */
const C_TYPES: Readonly<Record<Exclude<FetchType, 'string'>, string>> = {
  x64: 'u64',
  u8: 'u8',
  s8: 's8',
  u16: 'u16',
  s16: 's16',
  u32: 'u32',
  s32: 's32',
  u64: 'u64',
  s64: 's64',
};

/** @throws Failure `bad-request` for a condition that the tool cannot check while it only sums up */
export function bccCommand(request: ToolRequest): BccCommand {
  const { kind, symbol } = request;
  const program = TOOLS.bcc.kinds[kind];
  const found = request.fetches.flatMap((fetch) => argumentOf(fetch, request.machine));
  const isReturn = request.seesReturn && kind !== 'latency';
  const usable = isReturn ? [] : found;
  const print = (part: Condition) =>
    program === 'trace' || program === 'argdist'
      ? cCondition(part, { value: (field) => fieldText(field, usable, request), equals: () => null })
      : null;
  const { theirs, ours } = partForTool(partsOf(request), kind, print);
  const errors = kind === 'errors' ? errorTest(request.returns) : null;
  const filter = [errors, theirs].filter((part) => part !== null).join(' && ');
  const shown = program === 'trace' ? usable : [];
  return {
    request,
    options: options(request, shown, filter),
    arguments: shown,
    fetches: shown.map(({ fetch }) => fetch),
    filters: { ours },
  };

  function options(asked: ToolRequest, values: readonly BccArgument[], test: string): string[] {
    switch (program) {
      case 'trace': {
        const { returns, maxEvents } = asked;
        const rows: (readonly [format: string, value: string])[] = isReturn
          ? returns.type === null
            ? []
            : [[`ret=${printfFormat(returns.type)}`, `(${C_TYPES[returns.type]})retval`]]
          : values.map(({ fetch, name }) => [
              `${name}=${printfFormat(fetch.type)}`,
              expression(fetch, asked.machine),
            ]);
        const action =
          rows.length === 0
            ? ''
            : ` "${rows.map(([one]) => one).join(' ')}", ${rows.map(([, value]) => value).join(', ')}`;
        const where = test === '' ? '' : ` (${test})`;
        return [
          '-K',
          '-t',
          '-C',
          '-M',
          `${maxEvents}`,
          `${isReturn ? 'r' : 'p'}::${symbol}${where}${action}`,
        ];
      }
      case 'argdist': {
        const task = '((struct task_struct *)bpf_get_current_task())->comm';
        const what = `${isReturn ? 'r' : 'p'}::${symbol}():char*,u32:${task},(u32)bpf_get_current_pid_tgid()`;
        // No more of the comm than it has: what is behind it would be part of the key.
        return [
          '-c',
          '-i',
          '1',
          '-z',
          '16',
          '-I',
          'linux/sched.h',
          '-C',
          `${what}${test === '' ? '' : `:${test}`}`,
        ];
      }
      case 'stackcount':
        return ['-K', '-s', '-i', '1', symbol];
      default:
        return ['-i', '1', symbol];
    }
  }
}

/** None for what is in no register that the tools have a name for. */
function argumentOf(fetch: Fetch, machine: string): BccArgument[] {
  const number = argumentNumber(fetch, machine);
  if (number === null || number > MOST_ARGUMENTS) {
    return [];
  }
  return [{ fetch, name: /^[A-Za-z_]\w{0,40}$/.test(fetch.name) ? fetch.name : `arg${number}` }];
}

/** 1 for the first; null for what is in no register. */
function argumentNumber(fetch: Fetch, machine: string): number | null {
  const number = /^\$arg(\d)$/.exec(argumentAtReturn(fetch, machine)?.place ?? '')?.[1];
  const isText = fetch.type === 'string' && ![undefined, `+0(${fetch.register})`].includes(fetch.place);
  return number === undefined || isText ? null : Number(number);
}

function expression(fetch: Fetch, machine: string): string {
  const name = `arg${argumentNumber(fetch, machine) ?? 1}`;
  return fetch.type === 'string' ? name : `(${C_TYPES[fetch.type]})${name}`;
}

function fieldText(field: Field, usable: readonly BccArgument[], request: ToolRequest): string | null {
  switch (field.kernel) {
    case 'common_pid':
      return request.kind === 'count' ? '(u32)bpf_get_current_pid_tgid()' : '$pid';
    case 'CPU':
      return request.kind === 'count' ? 'bpf_get_smp_processor_id()' : '$cpu';
    case 'r': {
      const { type } = request.returns;
      return type === null ? null : `(${C_TYPES[type]})${request.kind === 'count' ? '$retval' : 'retval'}`;
    }
    default: {
      const found = usable.find(({ fetch }) => `a${fetch.index}` === field.kernel);
      // argdist knows arguments by a signature only.
      return found === undefined || found.fetch.type === 'string' || request.kind === 'count'
        ? null
        : expression(found.fetch, request.machine);
    }
  }
}

function errorTest({ type, errors }: ReturnKind): string | null {
  return type === null ? null : cErrorTest(`(s64)(${C_TYPES[type]})retval`, errors);
}

import type { Frame, Trace } from '../../stack/frame.ts';
import { MAX_FRAMES } from '../../stack/proc-stack.ts';
import type {
  CallEvent,
  LatencyBucket,
  StackCount,
  TaskCount,
  TraceLimit,
  TraceStreamEvent,
  TraceTally,
} from '../../tracing/events.ts';
import { passes } from '../../tracing/passes.ts';
import { detached, StackPool } from '../../tracing/stack-pool.ts';
import { returnedValue } from '../../tracing/values/kept-value.ts';
import type { ToolOutput } from '../tool-trace.ts';
import { toolArguments } from '../tool-values.ts';
import type { BpftraceProgram } from './bpftrace-program.ts';

/** bpftrace keeps 4096 entries of a map unless told otherwise. */
const MOST_KEYS = 4096;
/** A line of JSON: a map whose keys are that many stacks, of some 20 frames each. */
const LONGEST_LINE = 4 * 1024 ** 2;
/** UTF-16 units of a task's name; the kernel has 15 bytes (TASK_COMM_LEN). */
const LONGEST_COMM = 64;

/** The maps that a program prints. */
const MAPS: ReadonlySet<string> = new Set(['@seen', '@hits', '@tasks', '@stacks', '@calls', '@ns']);

/** `    zil_commit+1`, in some versions with an address before it or a module and a source line behind. */
const FRAME =
  /^\s*(?:(?:0x)?[\da-f]{8,16} )?([^\s+]{1,511})\+(?:0x([\da-f]{1,8})|(\d{1,8}))(?: [([]{1,2}([\w.-]{1,64})[)\]]{1,2})?(?: |$)/;

/**
 * Reads what a program of {@link bpftraceProgram} prints with `-f json`: one object a line, of the type `printf`,
 * `map`, `lost_events` or `attached_probes` (bpftrace, src/output.cpp). Lines that are no JSON are what bpftrace
 * says of itself.
 */
export class BpftraceOutput implements ToolOutput {
  readonly longestLine = LONGEST_LINE;
  readonly #program: BpftraceProgram;
  readonly #moduleOf: (symbol: string) => string | null;
  readonly #pool = new StackPool();
  readonly #maps = new Map<string, unknown>();
  #started = false;

  /** @param moduleOf the module of a symbol, which bpftrace does not print; null for the kernel */
  constructor(program: BpftraceProgram, moduleOf: (symbol: string) => string | null) {
    this.#program = program;
    this.#moduleOf = moduleOf;
  }

  /** Null for a line that is not of the program. */
  line(text: string): TraceStreamEvent[] | null {
    const message = text.startsWith('{') && text.length <= LONGEST_LINE ? parsed(text) : null;
    if (message === null) {
      return null;
    }
    const { type, data } = message;
    switch (type) {
      case 'printf':
        return typeof data === 'string' ? this.#printed(data) : [];
      case 'map':
      case 'stats':
        if (typeof data === 'object' && data !== null) {
          for (const [name, value] of Object.entries(data)) {
            if (MAPS.has(name)) {
              this.#maps.set(name, value);
            }
          }
        }
        return [];
      case 'lost_events': {
        const count = numberIn(data, 'events');
        return [{ kind: 'loss', cpu: null, count }];
      }
      default:
        return [];
    }
  }

  /** The last sums, which bpftrace prints when it ends. */
  end(): TraceStreamEvent[] {
    return this.#started ? this.#sums() : [];
  }

  /** bpftrace reads what its probes print only when all of them are attached: `attached_probes` comes before. */
  #start(): TraceStreamEvent[] {
    if (this.#started) {
      return [];
    }
    this.#started = true;
    return [{ kind: 'started', withArguments: true }];
  }

  #printed(text: string): TraceStreamEvent[] {
    const newline = text.indexOf('\n');
    const head = newline < 0 ? text : text.slice(0, newline);
    const [word, ...rest] = head.split('\t');
    switch (word) {
      case 'call': {
        const call = this.#call(text);
        return call === null || !passes(call, this.#program) ? this.#start() : [...this.#start(), call];
      }
      case 'tick':
        return [...this.#start(), ...this.#sums()];
      case 'limit':
        return [...this.#sums(), limit(rest)];
      default:
        return [];
    }
  }

  #call(text: string): CallEvent | null {
    const { request, fetches } = this.#program;
    const { seesReturn, returns, symbol } = request;
    const numbers = fetches.filter(({ type }) => type !== 'string');
    const strings = fetches.length - numbers.length;
    // A string may hold newlines and tabs: the stack is behind the last line that is no frame.
    const [head, stack] = partStack(text);
    const parts = head.split('\t');
    const take = () => parts.shift() ?? '';
    take();
    const [time, pid, cpu] = [take(), take(), take()];
    if (!/^\d{1,20}$/.test(time) || !/^\d{1,10}$/.test(pid) || !/^\d{1,5}$/.test(cpu)) {
      return null;
    }
    const duration = seesReturn ? take() : '';
    const returned = seesReturn && returns.type !== null ? take() : '';
    const values = numbers.map(take);
    const comm = take();
    const texts = Array.from({ length: Math.max(0, strings - 1) }, take);
    if (strings > 0) {
      texts.push(parts.join('\t'));
    }
    return {
      kind: 'call',
      time: Number(BigInt(time) / 1000n) / 1e6,
      comm: detached(comm.slice(0, LONGEST_COMM)),
      pid: Number(pid),
      cpu: Number(cpu),
      symbol,
      arguments: toolArguments(request, fetches, [...values, ...texts]),
      stack: this.#stack(stack),
      ...(seesReturn
        ? {
            returned: returnedValue(returned, returns),
            durationNs: Math.round(Number(duration) / 1000) * 1000,
          }
        : {}),
    };
  }

  #stack(text: string): Trace {
    const frames: Frame[] = [];
    // The key of a map is escaped twice.
    for (const line of text.split(/\n|\\n/)) {
      const match = FRAME.exec(line);
      if (match !== null && frames.length < MAX_FRAMES) {
        const [, symbol = '', hex, decimal, printed] = match;
        const offset = hex ?? Number(decimal).toString(16);
        const module = printed === undefined ? this.#moduleOf(symbol) : moduleName(printed);
        const frame = this.#pool.frame(`${symbol}+0x${offset}${module === null ? '' : ` [${module}]`}`);
        if (frame !== null) {
          frames.push(frame);
        }
      }
    }
    // What watches a function through its BTF stands on its stack: `bpf_prog_<tag>_<name>`, `bpf_trampoline_<id>`.
    const own = frames.findIndex((frame) => !/^bpf_(?:prog|trampoline)_/.test(frame.symbol));
    frames.splice(0, Math.max(0, own));
    return this.#pool.stack(frames);
  }

  #sums(): TraceStreamEvent[] {
    const tally = this.#tally();
    const seen = count(this.#maps.get('@seen'));
    return [...(tally === null ? [] : [tally]), { kind: 'counters', calls: seen, overrun: 0, missed: 0 }];
  }

  #tally(): TraceTally | null {
    const { symbol, kind } = this.#program.request;
    const rows = (name: string) => Object.entries(this.#maps.get(name) ?? {}).slice(0, MOST_KEYS);
    const about = (counted: readonly { readonly count: number }[]) => {
      const hits = count(this.#maps.get('@hits'));
      const sum = counted.reduce((all, row) => all + row.count, 0);
      return {
        kind: 'tally',
        symbol,
        hits: Math.max(hits, sum),
        dropped: Math.max(0, hits - sum),
        isCut: counted.length >= MOST_KEYS,
      } as const;
    };
    switch (kind) {
      case 'count': {
        const found = rows('@tasks').flatMap(([key, value]) => taskCount(key, value));
        return { ...about(found), of: 'count', rows: found.sort(mostFirst) };
      }
      case 'stacks':
      case 'callers': {
        const found = rows('@stacks').map(
          ([key, value]): StackCount => ({ stack: this.#stack(key), count: count(value) }),
        );
        return { ...about(found), of: 'stacks', rows: found.sort(mostFirst) };
      }
      case 'latency': {
        const sums = new Map(rows('@ns'));
        const found = rows('@calls').flatMap(([key, value]): LatencyBucket[] =>
          /^\d{1,2}$/.test(key)
            ? [{ log2: Number(key), count: count(value), sumNs: count(sums.get(key)) }]
            : [],
        );
        return { ...about(found), of: 'latency', rows: found.sort((a, b) => a.log2 - b.log2) };
      }
      default:
        return null;
    }
  }
}

const mostFirst = (a: { readonly count: number }, b: { readonly count: number }) => b.count - a.count;

function parsed(text: string): { readonly type: unknown; readonly data: unknown } | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'type' in value
      ? { type: value.type, data: 'data' in value ? value.data : null }
      : null;
  } catch {
    return null;
  }
}

/** `dd,634`: the comm may have commas of its own. */
function taskCount(key: string, value: unknown): TaskCount[] {
  const match = /^(.{0,64}),\s?(\d{1,10})$/s.exec(key);
  return match === null
    ? []
    : [{ comm: detached(match[1] ?? ''), pid: Number(match[2]), count: count(value) }];
}

/** What comes before a record's stack, and the stack: its frames stand behind the last empty line. */
function partStack(text: string): [head: string, stack: string] {
  const lines = text.trimEnd().split('\n');
  let first = lines.length;
  while (first > 1 && FRAME.test(lines[first - 1] ?? '')) {
    first -= 1;
  }
  return first < lines.length && lines[first - 1] === ''
    ? [lines.slice(0, first - 1).join('\n'), lines.slice(first).join('\n')]
    : [withoutNewlines(text), ''];
}

/** Without those at its end: one by one, since an expression would look for them from each place anew. */
function withoutNewlines(text: string): string {
  let end = text.length;
  while (text[end - 1] === '\n') {
    end -= 1;
  }
  return text.slice(0, end);
}

function moduleName(printed: string): string | null {
  return /^(?:kernel|kernel\.kallsyms|vmlinux)$/.test(printed) ? null : printed;
}

/** A number that a map holds; 0 for anything else. */
function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0;
}

function numberIn(data: unknown, key: string): number | null {
  const value = typeof data === 'object' && data !== null ? Reflect.get(data, key) : null;
  return typeof value === 'number' && value >= 0 ? value : null;
}

function limit([of, rate]: readonly string[]): TraceLimit {
  return of === 'rate' || of === 'events'
    ? { kind: 'limit', of, ...(of === 'rate' ? { rate: Number(rate ?? 0) } : {}) }
    : { kind: 'limit', of: 'time' };
}

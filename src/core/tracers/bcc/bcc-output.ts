import { type Frame, formatFrame } from '../../stack/frame.ts';
import { MAX_FRAMES } from '../../stack/proc-stack.ts';
import type { CallEvent, LatencyBucket, TaskCount, TraceStreamEvent } from '../../tracing/events.ts';
import { passes } from '../../tracing/passes.ts';
import { detached, StackPool } from '../../tracing/stack-pool.ts';
import { returnedValue } from '../../tracing/values/kept-value.ts';
import type { ModuleOf, ToolOutput } from '../tool-trace.ts';
import { toolArguments } from '../tool-values.ts';
import type { BccCommand } from './bcc-command.ts';

/** Rows of a sum that are kept. */
const MOST_ROWS = 4096;

/** `zil_commit+0x1 [zfs]`; the kernel's own are in `[kernel]`. */
const FRAME = /^ {2,16}(?:b')?([^\s+']{1,511})(?:\+0x([\da-f]{1,8}))?'?(?: \[([\w.-]{1,64})\])?$/;

/** Frames of one pool; what names no module gets the one of its symbol. */
class Frames {
  readonly pool = new StackPool();
  #frames: Frame[] = [];

  constructor(private readonly moduleOf: ModuleOf) {}

  /** Whether the line is a frame. */
  add(text: string): boolean {
    const match = FRAME.exec(text);
    if (match === null) {
      return false;
    }
    const [, symbol = '', offset = '0', printed] = match;
    const module = printed === undefined ? this.moduleOf(symbol) : printed === 'kernel' ? null : printed;
    const frame = this.pool.frame(
      formatFrame({ symbol, offset: Number.parseInt(offset, 16), size: null, module, reliable: true }),
    );
    if (frame !== null && this.#frames.length < MAX_FRAMES) {
      this.#frames.push(frame);
    }
    return true;
  }

  take() {
    const stack = this.pool.stack(this.#frames);
    this.#frames = [];
    return stack;
  }
}

export function bccOutput(command: BccCommand, moduleOf: ModuleOf): ToolOutput {
  switch (command.request.kind) {
    case 'count':
      return new ArgdistOutput(command);
    case 'latency':
      return new FunclatencyOutput(command);
    case 'stacks':
    case 'callers':
      return new StackcountOutput(command, moduleOf);
    default:
      return new TraceOutput(command, moduleOf);
  }
}

/** `0.123456 1   634     634     dd              zil_commit       foid=34`, then the stack and an empty line (tools/trace.py). */
const CALL = /^(\d{1,9}\.\d{0,9}) +(\d{1,5}) +(\d{1,10}) +(\d{1,10}) +(.{15,64}?) (\S+) *(?: (.*))?$/s;

class TraceOutput implements ToolOutput {
  readonly #frames: Frames;
  #call: CallEvent | null = null;

  constructor(
    private readonly command: BccCommand,
    moduleOf: ModuleOf,
  ) {
    this.#frames = new Frames(moduleOf);
  }

  line(text: string): readonly TraceStreamEvent[] | null {
    if (/^TIME +CPU +PID +TID +COMM/.test(text)) {
      return [{ kind: 'started', withArguments: true }];
    }
    if (this.#call !== null && this.#frames.add(text)) {
      return [];
    }
    const ready = this.end();
    const match = CALL.exec(text);
    const symbol = this.command.request.symbol;
    if (match === null || match[6] !== symbol) {
      const lost = /^Possibly lost (\d{1,12}) samples/.exec(text);
      return lost !== null
        ? [...ready, { kind: 'loss', cpu: null, count: Number(lost[1]) }]
        : text === '' || ready.length > 0
          ? ready
          : null;
    }
    const [, time, cpu, , pid, comm = '', , message = ''] = match;
    const { request, fetches } = this.command;
    this.#call = {
      kind: 'call',
      time: Number(time),
      comm: detached(comm.trimEnd()),
      pid: Number(pid),
      cpu: Number(cpu),
      symbol,
      arguments: toolArguments(request, fetches, values(message, this.command)),
      stack: [],
      ...(request.seesReturn
        ? { returned: returnedValue(/^ret=(\S+)$/.exec(message)?.[1] ?? '', request.returns) }
        : {}),
    };
    return ready;
  }

  end(): readonly TraceStreamEvent[] {
    if (this.#call === null) {
      return [];
    }
    const call = { ...this.#call, stack: this.#frames.take() };
    this.#call = null;
    return passes(call, this.command) ? [call] : [];
  }
}

/** `a=0x5 b=7 name=text`, in the order of the arguments: strings come last. */
function values(message: string, { arguments: wanted }: BccCommand): string[] {
  const texts: string[] = [];
  let rest = ` ${message}`;
  for (const [i, { name }] of wanted.entries()) {
    const key = ` ${name}=`;
    if (!rest.startsWith(key)) {
      break;
    }
    rest = rest.slice(key.length);
    const following = wanted[i + 1];
    const end = following === undefined ? -1 : rest.indexOf(` ${following.name}=`);
    texts.push(end < 0 ? rest : rest.slice(0, end));
    rest = end < 0 ? '' : rest.slice(end);
  }
  return texts;
}

/** A time in brackets, the command, a heading, then `  5   <expression> = b'dd', <expression> = 634` (tools/argdist.py). */
const COUNT = /^\t(\d{1,15}) +.*? = (?:b?'(.{0,64}?)'|(.{0,64}?)), [^=]* = (\d{1,10})$/;

class ArgdistOutput implements ToolOutput {
  /** As far as this second's are read; all rows are printed anew each second. */
  #reading = new Map<string, TaskCount>();
  /** Those of the second before. */
  #last = new Map<string, TaskCount>();
  #started = false;

  constructor(private readonly command: BccCommand) {}

  line(text: string): readonly TraceStreamEvent[] | null {
    if (/^\[\d\d:\d\d:\d\d\]$/.test(text)) {
      const sums = this.end();
      const isFirst = !this.#started;
      this.#started = true;
      this.#last = this.#reading;
      this.#reading = new Map();
      return isFirst ? [{ kind: 'started', withArguments: true }] : sums;
    }
    const [, count, quoted, bare, pid] = COUNT.exec(text) ?? [];
    if (count !== undefined && this.#reading.size < MOST_ROWS) {
      const comm = detached(quoted ?? bare ?? '');
      const key = `${pid} ${comm}`;
      const before = this.#reading.get(key)?.count ?? 0;
      this.#reading.set(key, { comm, pid: Number(pid), count: before + Number(count) });
      return [];
    }
    return this.#started ? [] : null;
  }

  end(): readonly TraceStreamEvent[] {
    if (!this.#started) {
      return [];
    }
    // The last second may have been cut: counts only grow.
    const total = (of: ReadonlyMap<string, TaskCount>) =>
      [...of.values()].reduce((sum, { count }) => sum + count, 0);
    const whole = total(this.#reading) < total(this.#last) ? this.#last : this.#reading;
    const rows = [...whole.values()].sort((a, b) => b.count - a.count);
    const hits = total(whole);
    return sums({ of: 'count', rows }, this.command.request.symbol, hits);
  }
}

/** `     256 -> 511        : 3        |****    |`, then `avg = 300 nsecs, total: 900 nsecs, count: 3` (tools/funclatency.py). */
const BUCKET = /^ +(\d{1,20}) -> (\d{1,20}) +: (\d{1,15}) +\|/;

class FunclatencyOutput implements ToolOutput {
  readonly #counts = new Map<number, number>();
  #started = false;

  constructor(private readonly command: BccCommand) {}

  line(text: string): readonly TraceStreamEvent[] | null {
    if (/^Tracing [1-9]\d* functions for /.test(text)) {
      this.#started = true;
      return [{ kind: 'started', withArguments: true }];
    }
    const [, , to, count] = BUCKET.exec(text) ?? [];
    if (to !== undefined) {
      const log2 = Math.round(Math.log2(Number(to) + 1));
      this.#counts.set(log2, (this.#counts.get(log2) ?? 0) + Number(count));
      return [];
    }
    return /^avg = /.test(text) ? this.end() : this.#started ? [] : null;
  }

  end(): readonly TraceStreamEvent[] {
    // bcc prints no sum for each row: the middle of a power of two stands for its durations.
    const rows = [...this.#counts]
      .filter(([, count]) => count > 0)
      .sort(([a], [b]) => a - b)
      .map(([log2, count]): LatencyBucket => ({ log2, count, sumNs: count * 2 ** log2 * 0.75 }));
    const hits = rows.reduce((sum, { count }) => sum + count, 0);
    return this.#started ? sums({ of: 'latency', rows }, this.command.request.symbol, hits) : [];
  }
}

/** Frames, then a number alone behind them; each second only what is new (tools/stackcount.py). */
class StackcountOutput implements ToolOutput {
  readonly #frames: Frames;
  readonly #counts = new Map<readonly Frame[], number>();
  #started = false;

  constructor(
    private readonly command: BccCommand,
    moduleOf: ModuleOf,
  ) {
    this.#frames = new Frames(moduleOf);
  }

  line(text: string): readonly TraceStreamEvent[] | null {
    if (/^Tracing [1-9]\d* functions for /.test(text)) {
      this.#started = true;
      return [{ kind: 'started', withArguments: true }];
    }
    const count = /^ {4}(\d{1,15})$/.exec(text)?.[1];
    if (count !== undefined) {
      const stack = this.#frames.take();
      if (this.#counts.size < MOST_ROWS) {
        this.#counts.set(stack, (this.#counts.get(stack) ?? 0) + Number(count));
      }
      return this.end();
    }
    return this.#frames.add(text) || this.#started ? [] : null;
  }

  end(): readonly TraceStreamEvent[] {
    const rows = [...this.#counts]
      .map(([stack, count]) => ({ stack, count }))
      .sort((a, b) => b.count - a.count);
    const hits = rows.reduce((sum, { count }) => sum + count, 0);
    return this.#started ? sums({ of: 'stacks', rows }, this.command.request.symbol, hits) : [];
  }
}

type Sums =
  Extract<TraceStreamEvent, { kind: 'tally' }> extends infer T
    ? T extends { of: infer Of; rows: infer Rows }
      ? { readonly of: Of; readonly rows: Rows }
      : never
    : never;

function sums(of: Sums, symbol: string, hits: number): TraceStreamEvent[] {
  const isCut = of.rows.length >= MOST_ROWS;
  return [
    { kind: 'tally', symbol, hits, dropped: 0, isCut, ...of },
    { kind: 'counters', calls: hits, overrun: 0, missed: 0 },
  ];
}

import type { Frame } from '../stack/frame.ts';
import { isEndMarker, MAX_FRAMES } from '../stack/proc-stack.ts';
import type { ArgumentValue, CallEvent, LossEvent, TraceEvent } from './events.ts';
import type { FtraceProgram } from './ftrace-program.ts';
import { detached, StackPool } from './stack-pool.ts';
import { showValue } from './values/show-value.ts';

/** More calls than this never wait for their stack. */
const MAX_WAITING = 256;

/** Units of a value or a comm that are kept: a string of the kernel may have thousands. */
const MAX_VALUE = 256;

/** `            sync-4129    [001] .....   872.109649: ` (kernel/trace/trace_output.c, `trace_print_context`). */
const CONTEXT = /^ *(.{1,64})-(\d{1,10}) +\[(\d{1,5})\] (?:[^\s\d]?\S{3,5} )? *(\d{1,12}\.\d{1,9}): (.*)$/s;
const LOST = /^CPU:(\d{1,5}) \[LOST (?:(\d{1,15}) )?EVENTS\]/;
const STACK_LINE = /^ => (.*)$/;

/** Frames that nothing calls: after one of them a stack is complete without waiting for the next line. */
const OUTERMOST =
  /^(?:entry_SYSCALL_64_after_hwframe|entry_INT80_compat|ret_from_fork_asm|asm_\w+|el0t_64_sync)$/;

interface Waiting {
  readonly call: { -readonly [K in keyof CallEvent]: CallEvent[K] };
  done: boolean;
}

/**
 * Reads the lines of trace_pipe of an instance with the options `sym-offset` and `stacktrace`: a call,
 * then `<stack trace>` with the same CPU, then a line per frame. Calls of several CPUs may come
 * between. A stack has no end of its own: it is complete at a frame that nothing calls, at one
 * that ended an earlier stack, or at the next line that is no frame. Calls come out in the order of the lines.
 */
export class FtraceOutput {
  readonly #program: FtraceProgram;
  /** Calls in order; those before the first that is not done are out already. */
  #queue: (Waiting | LossEvent)[] = [];
  /** The last call of each CPU that has no stack yet. */
  readonly #byCpu = new Map<number, Waiting>();
  /** The call whose stack is being read. */
  #open: Waiting | null = null;
  /** The frames of it so far. */
  #frames: Frame[] = [];
  readonly #pool = new StackPool();
  readonly #lastFrames = new Set<string>();

  constructor(program: FtraceProgram) {
    this.#program = program;
  }

  line(text: string): TraceEvent[] {
    const stackLine = STACK_LINE.exec(text);
    if (stackLine !== null) {
      this.#frame(stackLine[1] ?? '');
      return this.#ready();
    }
    this.#closeStack(true);
    const lost = LOST.exec(text);
    const context = lost === null ? CONTEXT.exec(text) : null;
    if (lost !== null) {
      this.#giveUp();
      this.#queue.push({
        kind: 'loss',
        cpu: Number(lost[1]),
        count: lost[2] === undefined ? null : Number(lost[2]),
      });
    } else if (context !== null) {
      this.#entry(context);
    }
    return this.#ready();
  }

  /** What waits for a stack that will not come. */
  end(): TraceEvent[] {
    this.#closeStack(false);
    this.#giveUp();
    return this.#ready();
  }

  #entry([, comm = '', pid, cpu, time, rest = '']: RegExpExecArray): void {
    const processor = Number(cpu);
    const waiting = this.#byCpu.get(processor);
    if (rest.startsWith('<stack trace>')) {
      this.#open = waiting ?? null;
      this.#frames = [];
      this.#byCpu.delete(processor);
      return;
    }
    const body = /^(\w{1,64}): \(([^)]{1,700})\)(.*)$/s.exec(rest);
    if (body === null || body[1] !== this.#program.event) {
      return;
    }
    if (waiting !== undefined) {
      waiting.done = true;
    }
    const args = this.#arguments(body[3] ?? '');
    const call: Waiting = {
      done: false,
      call: {
        kind: 'call',
        time: Number(time),
        comm: kept(args.comm ?? comm),
        pid: Number(pid),
        cpu: processor,
        symbol: this.#pool.frame(body[2] ?? '')?.symbol ?? detached(body[2] ?? ''),
        arguments: args.values,
        stack: [],
      },
    };
    this.#byCpu.set(processor, call);
    this.#queue.push(call);
    if (this.#queue.length > MAX_WAITING) {
      this.#giveUp();
    }
  }

  /** Integers first, then strings, then the comm: what may hold anything comes last. */
  #arguments(text: string): { values: ArgumentValue[]; comm: string | null } {
    const byIndex = new Map<number, ArgumentValue>(
      this.#program.fixed.map(({ index, value }) => [index, value]),
    );
    const end = text.lastIndexOf(' c="');
    const comm = end >= 0 && text.endsWith('"') && text.length > end + 4 ? text.slice(end + 4, -1) : null;
    let rest = comm === null ? text : text.slice(0, end);
    const { fetches } = this.#program;
    for (const [i, { index, name, type, show }] of fetches.entries()) {
      const key = ` a${index}=`;
      if (!rest.startsWith(key)) {
        break;
      }
      rest = rest.slice(key.length);
      let length = rest.indexOf(' ');
      if (type === 'string') {
        const next = fetches[i + 1];
        length = next === undefined ? -1 : rest.indexOf(` a${next.index}=`);
      }
      const value = length < 0 ? rest : rest.slice(0, length);
      rest = rest.slice(value.length);
      byIndex.set(index, { name, value: kept(show === undefined ? value : showValue(show, value)) });
    }
    return { values: [...byIndex].sort(([a], [b]) => a - b).map(([, value]) => value), comm };
  }

  #frame(text: string): void {
    if (this.#open === null || this.#frames.length >= MAX_FRAMES) {
      return;
    }
    const frame = this.#pool.frame(text);
    if (frame === null || isEndMarker(frame)) {
      return;
    }
    this.#frames.push(frame);
    if (OUTERMOST.test(frame.symbol) || this.#lastFrames.has(outermostKey(frame))) {
      this.#closeStack(false);
    }
  }

  #closeStack(learn: boolean): void {
    if (this.#open !== null) {
      const last = this.#frames.at(-1);
      if (learn && last !== undefined && this.#lastFrames.size < 64) {
        this.#lastFrames.add(outermostKey(last));
      }
      this.#open.call.stack = this.#pool.stack(this.#frames);
      this.#open.done = true;
      this.#open = null;
    }
  }

  #giveUp(): void {
    for (const waiting of this.#queue) {
      if ('call' in waiting) {
        waiting.done = true;
      }
    }
    this.#byCpu.clear();
    this.#open = null;
  }

  #ready(): TraceEvent[] {
    let count = 0;
    const events: TraceEvent[] = [];
    for (const entry of this.#queue) {
      if ('call' in entry) {
        if (!entry.done) {
          break;
        }
        events.push(entry.call);
      } else {
        events.push(entry);
      }
      count += 1;
    }
    if (count > 0) {
      this.#queue = this.#queue.slice(count);
    }
    return events;
  }
}

function kept(value: string): string {
  return detached(value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value);
}

function outermostKey(frame: Frame): string {
  return `${frame.symbol}+${frame.offset} ${frame.module ?? ''}`;
}

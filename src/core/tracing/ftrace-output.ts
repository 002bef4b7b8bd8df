import type { Frame } from '../stack/frame.ts';
import { isEndMarker, MAX_FRAMES } from '../stack/proc-stack.ts';
import { readCallFields } from './call-fields.ts';
import { CallPairs } from './call-pairs.ts';
import type { CallEvent, LossEvent, TraceEvent } from './events.ts';
import type { FtraceProgram } from './ftrace-program.ts';
import { passes } from './passes.ts';
import type { EventRole, Programs } from './program/programs.ts';
import { detached, StackPool } from './stack-pool.ts';

/** More calls than this never wait for their stack. */
const MAX_WAITING = 256;

/** `            sync-4129    [001] .....   872.109649: ` (kernel/trace/trace_output.c, `trace_print_context`). */
export const CONTEXT =
  /^ *(.{1,64})-(\d{1,10}) +\[(\d{1,5})\] (?:[^\s\d]?\S{3,5} )? *(\d{1,12}\.\d{1,9}): (.*)$/s;
/** `CPU:1 [LOST 123 EVENTS]` (kernel/trace/trace.c, print_trace_line). */
export const LOST = /^CPU:(\d{1,5}) \[LOST (?:(\d{1,15}) )?EVENTS\]/;
/** A frame of a stack. */
export const STACK_LINE = /^ => (.*)$/;

/** Frames that nothing calls: after one of them a stack is complete without waiting for the next line. */
const OUTERMOST =
  /^(?:entry_SYSCALL_64_after_hwframe|entry_INT80_compat|ret_from_fork_asm|asm_\w+|el0t_64_sync)$/;

interface Waiting {
  readonly call: { -readonly [K in keyof CallEvent]: CallEvent[K] };
  readonly role: EventRole;
  /** Stack pointer, where entries and returns are to be paired. */
  readonly pointer: string;
  done: boolean;
}

/**
 * Reads the lines of trace_pipe of an instance with the options `sym-offset` and `stacktrace`: a call,
 * then `<stack trace>` with the same CPU, then a line per frame. Calls of several CPUs may come
 * between. A stack has no end of its own: it is complete at a frame that nothing calls, at one
 * that ended an earlier stack, or at the next line that is no frame. Calls come out in the order of the lines;
 * where entries and returns are paired, in that of the returns.
 */
export class FtraceOutput {
  readonly #programs: Programs;
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
  readonly #pairs = new Map<FtraceProgram, CallPairs>();

  constructor(programs: Programs) {
    this.#programs = programs;
  }

  /**
   * Returns that came without their entry, which was lost or before the session. Where a filter holds entries back
   * nobody knows which of them are missing: those of such functions don't count.
   */
  get unpaired(): number {
    return [...this.#pairs].reduce(
      (sum, [{ filters }, { unpaired }]) => sum + (filters.entry === null ? unpaired : 0),
      0,
    );
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

  /** What waits for a stack or a return that will not come. */
  end(): TraceEvent[] {
    this.#closeStack(false);
    this.#giveUp();
    const events = this.#ready();
    for (const [program, pairs] of this.#pairs) {
      // Where a filter holds returns back, most of these have returned.
      if (program.filters.keepsReturns && program.filters.ours === null) {
        events.push(...pairs.open().map((call) => ({ ...call, returned: null, durationNs: null })));
      }
    }
    this.#pairs.clear();
    return events;
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
    const role = this.#programs.find(body?.[1] ?? '');
    if (body === null || role === undefined) {
      return;
    }
    if (waiting !== undefined) {
      waiting.done = true;
    }
    const { program, at } = role;
    const fields = readCallFields(body[3] ?? '', role);
    const call: Waiting = {
      done: false,
      role,
      pointer: fields.pointer,
      call: {
        kind: 'call',
        time: Number(time),
        comm: fields.comm ?? detached(comm),
        pid: Number(pid),
        cpu: processor,
        symbol:
          at === 'return' || program.returns !== null || program.name !== program.symbol
            ? program.name
            : (this.#pool.frame(body[2] ?? '')?.symbol ?? detached(body[2] ?? '')),
        arguments: fields.values,
        stack: [],
        ...(fields.returned === null ? {} : { returned: fields.returned }),
      },
    };
    this.#byCpu.set(processor, call);
    this.#queue.push(call);
    if (this.#queue.length > MAX_WAITING) {
      this.#giveUp();
    }
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
        const call = this.#paired(entry);
        if (call !== null && passes(call, entry.role.program)) {
          events.push(call);
        }
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

  /** The whole call, as far as this event is the last of it. */
  #paired({ call, role: { program, at }, pointer }: Waiting): CallEvent | null {
    if (at === 'whole') {
      return call;
    }
    let pairs = this.#pairs.get(program);
    if (pairs === undefined) {
      pairs = new CallPairs(program.stackShift);
      this.#pairs.set(program, pairs);
    }
    if (at === 'entry') {
      pairs.enter(call, pointer);
      return null;
    }
    const entered = pairs.leave(call.pid, pointer);
    if (entered === null) {
      return null;
    }
    return {
      ...entered,
      returned: call.returned ?? { value: '', errno: null },
      durationNs: Math.max(0, Math.round((call.time - entered.time) * 1e6)) * 1000,
    };
  }
}

function outermostKey(frame: Frame): string {
  return `${frame.symbol}+${frame.offset} ${frame.module ?? ''}`;
}

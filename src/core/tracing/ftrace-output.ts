import type { Frame } from '../stack/frame.ts';
import { isEndMarker, MAX_FRAMES } from '../stack/proc-stack.ts';
import { readCallFields } from './call-fields.ts';
import { CallQueue, type Waiting } from './call-queue.ts';
import type { TraceEvent } from './events.ts';
import type { Programs } from './program/programs.ts';
import type { KernelSymbols } from './raw/kernel-symbols.ts';
import { detached, StackPool } from './stack-pool.ts';

/** `            sync-4129    [001] .....   872.109649: ` (kernel/trace/trace_output.c, `trace_print_context`). */
export const CONTEXT =
  /^ *(.{1,64})-(\d{1,10}) +\[(\d{1,5})\] (?:[^\s\d]?\S{3,5} )? *(\d{1,12}\.\d{1,9}): (.*)$/s;
/** `CPU:1 [LOST 123 EVENTS]` (kernel/trace/trace.c, print_trace_line). */
export const LOST = /^CPU:(\d{1,5}) \[LOST (?:(\d{1,15}) )?EVENTS\]/;
/** A frame of a stack. */
export const STACK_LINE = /^ => (.*)$/;

/** A symbol, and its address by the option `sym-addr`. */
const ADDRESSED = /^(.*) <(?:0x)?([0-9a-f]{8,16})>$/;

/** Frames that nothing calls: after one of them a stack is complete without waiting for the next line. */
const OUTERMOST =
  /^(?:entry_SYSCALL_64_after_hwframe|entry_INT80_compat|ret_from_fork_asm|asm_\w+|el0t_64_sync)$/;

/**
 * Reads the lines of trace_pipe of an instance with the options `sym-offset` and `stacktrace`: a call,
 * then `<stack trace>` with the same CPU, then a line per frame. Calls of several CPUs may come
 * between. A stack has no end of its own: it is complete at a frame that nothing calls, at one
 * that ended an earlier stack, or at the next line that is no frame. Calls come out in the order of the lines;
 * where entries and returns are paired, in that of the returns.
 */
export class FtraceOutput {
  readonly #programs: Programs;
  readonly #pool: StackPool;
  readonly #queue: CallQueue;
  /** Learns the addresses that stand behind frames with the option `sym-addr`. */
  readonly #symbols: KernelSymbols | null;
  /** The call whose stack is being read. */
  #open: Waiting | null = null;
  /** The frames of it so far. */
  #frames: Frame[] = [];
  readonly #lastFrames = new Set<string>();

  /** @param shared what another reader of the same session has in common with this one */
  constructor(
    programs: Programs,
    shared: {
      readonly pool: StackPool;
      readonly queue: CallQueue;
      readonly symbols: KernelSymbols;
    } | null = null,
  ) {
    this.#programs = programs;
    this.#pool = shared?.pool ?? new StackPool();
    this.#queue = shared?.queue ?? new CallQueue(this.#pool);
    this.#symbols = shared?.symbols ?? null;
  }

  /** As {@link CallQueue.unpaired}. */
  get unpaired(): number {
    return this.#queue.unpaired;
  }

  line(text: string): TraceEvent[] {
    const stackLine = STACK_LINE.exec(text);
    if (stackLine !== null) {
      this.#frame(stackLine[1] ?? '');
      return this.#queue.ready();
    }
    this.#closeStack(true);
    const lost = LOST.exec(text);
    const context = lost === null ? CONTEXT.exec(text) : null;
    if (lost !== null) {
      this.#open = null;
      this.#queue.lose({
        kind: 'loss',
        cpu: Number(lost[1]),
        count: lost[2] === undefined ? null : Number(lost[2]),
      });
    } else if (context !== null) {
      this.#entry(context);
    }
    return this.#queue.ready();
  }

  /** The lines end, or go on elsewhere: a stack that is being read is whole. */
  pause(): void {
    this.#closeStack(false);
  }

  /** What waits for a stack or a return that will not come. */
  end(): TraceEvent[] {
    this.#closeStack(false);
    return this.#queue.end();
  }

  #entry([, comm = '', pid, cpu, time, rest = '']: RegExpExecArray): void {
    const processor = Number(cpu);
    if (rest.startsWith('<stack trace>')) {
      this.#open = this.#queue.takeStackless(processor);
      this.#frames = [];
      return;
    }
    const body = /^(\w{1,64}): \(([^)]{1,700})\)(.*)$/s.exec(rest);
    const role = this.#programs.find(body?.[1] ?? '');
    if (body === null || role === undefined) {
      return;
    }
    const { program, at } = role;
    const fields = readCallFields(body[3] ?? '', role);
    this.#queue.add({
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
            : this.#placeOf(body[2] ?? ''),
        arguments: fields.values,
        stack: [],
        ...(fields.returned === null ? {} : { returned: fields.returned }),
      },
    });
  }

  /** The symbol of a place as text. */
  #placeOf(text: string): string {
    const [, named = text] = ADDRESSED.exec(text) ?? [];
    return this.#pool.frame(named)?.symbol ?? detached(named);
  }

  #frame(text: string): void {
    if (this.#open === null || this.#frames.length >= MAX_FRAMES) {
      return;
    }
    const [, named = text, address] = ADDRESSED.exec(text) ?? [];
    const frame = this.#pool.frame(named);
    if (frame !== null && address !== undefined) {
      this.#symbols?.learn(address, frame);
    }
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
      this.#queue.finish(this.#open, this.#frames);
      this.#open = null;
    }
  }
}

function outermostKey(frame: Frame): string {
  return `${frame.symbol}+${frame.offset} ${frame.module ?? ''}`;
}

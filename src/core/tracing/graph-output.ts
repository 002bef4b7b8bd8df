import type { Frame } from '../stack/frame.ts';
import { isEndMarker, MAX_FRAMES } from '../stack/proc-stack.ts';
import { readCallFields } from './call-fields.ts';
import { type BelowCall, type CallEvent, MOST_BELOW, type TraceEvent } from './events.ts';
import { CONTEXT, LOST, STACK_LINE } from './ftrace-output.ts';
import { passes } from './passes.ts';
import type { Programs } from './program/programs.ts';
import { detached, StackPool } from './stack-pool.ts';

/** Tasks that are inside traced functions at a time. */
const MOST_TASKS = 4096;
/** Calls below traced ones in a whole session: the target's limits end it long before. */
const MOST_BELOW_IN_ALL = 5_000_000;
/** Functions whose names are kept. */
const MOST_FRAMES = 4096;

/**
 * `  221.189890 |   0)     sh-523     | ! 361.051 us  |    rrm_enter_read [zfs]();` with the columns of funcgraph-abstime,
 * funcgraph-cpu, funcgraph-proc and funcgraph-duration (kernel/trace/trace_functions_graph.c); a call is
 * indented by two spaces more than its caller.
 */
const COLUMNS =
  /^ *(\d{1,12}\.\d{1,9}) \| +(\d{1,5})\) +(.{1,32}?)-(\d{1,10}) *\|([^|]{0,40})\| {2}( {0,600})(\S.*)$/s;
const ENTRY = /^([\w.$]{1,255})(?: \[([\w-]{1,64})\])?\(.*\)( \{|;)/;
const DURATION = /(\d{1,12}\.\d{1,3}) us/;

/** What the probe at the entry tells of a call. */
interface Probed {
  readonly comm: string | null;
  readonly arguments: CallEvent['arguments'];
  readonly frames: Frame[];
}

/** A traced call that has not returned. */
interface OpenCall {
  readonly call: { -readonly [K in keyof CallEvent]: CallEvent[K] };
  readonly below: { -readonly [K in keyof BelowCall]: BelowCall[K] }[];
  /** Its indentation. */
  readonly indent: number;
  /** What has not returned: indentations with positions in `below`, null for what is left out. */
  readonly open: { readonly indent: number; readonly at: number | null }[];
  /** What the probe at its entry saw; null when it did not, or did not let it pass. */
  probed: Probed | null;
}

/**
 * Reads the lines of trace_pipe of an instance whose tracer is function_graph, and in which a probe at the traced
 * function's entry has the arguments and the condition. Its event is a comment right before or behind the line of the
 * call. Calls come out when they return.
 */
export class GraphOutput {
  /** By task. */
  readonly #open = new Map<string, OpenCall>();
  /** By task: calls whose own line is still to come. */
  readonly #announced = new Map<string, Probed>();
  /** By task: the last one that the probe saw, which a stack belongs to. */
  readonly #last = new Map<string, Probed>();
  /** The probe is enabled after the tracer: what came before it has no arguments. */
  #hasProbed = false;
  /** Whose stack is being read. */
  #stackOf: Probed | null = null;
  /** Calls below traced ones that were kept. */
  #below = 0;
  readonly #pool = new StackPool();
  readonly #frames = new Map<string, Frame>();
  readonly unpaired = 0;

  constructor(private readonly programs: Programs) {}

  line(text: string): TraceEvent[] {
    const frame = STACK_LINE.exec(text);
    if (frame !== null) {
      this.#stackLine(frame[1] ?? '');
      return [];
    }
    this.#stackOf = null;
    const lost = LOST.exec(text);
    if (lost !== null) {
      // Which ends are missing nobody knows: what is open would be put together wrongly.
      this.#open.clear();
      this.#announced.clear();
      this.#last.clear();
      return [{ kind: 'loss', cpu: Number(lost[1]), count: lost[2] === undefined ? null : Number(lost[2]) }];
    }
    const [, time = '', cpu = '', comm = '', pid = '', column = '', blanks = '', rest = ''] =
      COLUMNS.exec(text) ?? [];
    if (time === '') {
      this.#stackBegins(text);
      return [];
    }
    const task = taskKey(pid, cpu);
    const indent = blanks.length;
    if (rest.startsWith('/* ')) {
      this.#probed(task, rest.slice(3).replace(/ \*\/$/, ''));
      return [];
    }
    const durationNs = duration(column);
    if (rest.startsWith('}')) {
      return this.#leave(task, indent, durationNs);
    }
    const [, symbol, module = null, end] = ENTRY.exec(rest) ?? [];
    if (symbol === undefined) {
      return [];
    }
    this.#enter(
      task,
      indent,
      { time: Number(time), comm, pid: Number(pid), cpu: Number(cpu) },
      symbol,
      module,
    );
    return end === ';' ? this.#leave(task, indent, durationNs) : [];
  }

  /** Calls that have not returned. */
  end(): TraceEvent[] {
    const events = [...this.#open.values()].flatMap((open) => this.#finished(open, null));
    this.#open.clear();
    return events;
  }

  #enter(
    task: string,
    indent: number,
    at: Pick<CallEvent, 'time' | 'comm' | 'pid' | 'cpu'>,
    symbol: string,
    module: string | null,
  ): void {
    const announced = this.#announced.get(task);
    this.#announced.delete(task);
    const open = this.#open.get(task);
    if (open !== undefined) {
      // What ended unseen.
      while ((open.open.at(-1)?.indent ?? -1) >= indent) {
        open.open.pop();
      }
      const hasRoom = open.below.length < MOST_BELOW && this.#below < MOST_BELOW_IN_ALL;
      open.open.push({ indent, at: hasRoom ? open.below.length : null });
      if (hasRoom) {
        this.#below += 1;
        open.below.push({
          depth: open.open.length,
          frame: this.#frame(symbol, module),
          startNs: Math.max(0, Math.round((at.time - open.call.time) * 1e6)) * 1000,
          durationNs: null,
        });
      }
      return;
    }
    const program = this.programs.ofGraph(symbol);
    if (program === undefined || this.#open.size >= MOST_TASKS) {
      return;
    }
    this.#open.set(task, {
      call: {
        kind: 'call',
        ...at,
        comm: detached(at.comm),
        symbol: program.symbol,
        arguments: [],
        stack: [],
      },
      below: [],
      indent,
      open: [],
      probed: announced ?? null,
    });
  }

  #leave(task: string, indent: number, durationNs: number | null): TraceEvent[] {
    const open = this.#open.get(task);
    if (open === undefined) {
      return [];
    }
    if (indent <= open.indent) {
      this.#open.delete(task);
      return this.#finished(open, indent === open.indent ? durationNs : null);
    }
    for (let top = open.open.at(-1); top !== undefined && top.indent >= indent; top = open.open.at(-1)) {
      open.open.pop();
      const call = top.at === null ? undefined : open.below[top.at];
      if (call !== undefined && top.indent === indent) {
        call.durationNs = durationNs;
      }
    }
    return [];
  }

  #probed(task: string, text: string): void {
    const [, event = '', rest = ''] = /^(\w{1,64}): \([^)]{1,700}\)(.*)$/s.exec(text) ?? [];
    const role = this.programs.find(event);
    if (role === undefined) {
      return;
    }
    const { comm, values } = readCallFields(rest, role);
    const probed: Probed = { comm, arguments: values, frames: [] };
    this.#hasProbed = true;
    makeRoom(this.#last);
    this.#last.set(task, probed);
    const open = this.#open.get(task);
    if (open === undefined) {
      makeRoom(this.#announced);
      this.#announced.set(task, probed);
    } else if (open.below.length === 0) {
      open.probed ??= probed;
    }
  }

  /** A stack has the columns of other events, whatever the tracer: `sh-442     [000] ...1.   171.414114: <stack trace>`. */
  #stackBegins(text: string): void {
    const [, , pid = '', cpu = '', , rest = ''] = CONTEXT.exec(text) ?? [];
    if (rest.startsWith('<stack trace>')) {
      const task = taskKey(pid, String(Number(cpu)));
      this.#stackOf = this.#last.get(task) ?? null;
      this.#last.delete(task);
    }
  }

  #stackLine(text: string): void {
    const frame = this.#stackOf === null ? null : this.#pool.frame(text);
    if (frame !== null && !isEndMarker(frame) && (this.#stackOf?.frames.length ?? 0) < MAX_FRAMES) {
      this.#stackOf?.frames.push(frame);
    }
  }

  #finished({ call, below, probed }: OpenCall, durationNs: number | null): CallEvent[] {
    const whole: CallEvent = {
      ...call,
      comm: probed?.comm ?? call.comm,
      arguments: probed?.arguments ?? [],
      stack: this.#pool.stack(probed?.frames ?? []),
      durationNs,
      below,
    };
    const program = this.programs.ofGraph(call.symbol);
    // Without a condition a call counts that the probe missed.
    const isWanted = probed !== null || (this.#hasProbed && program?.filters.entry === null);
    return isWanted && program !== undefined && passes(whole, program) ? [whole] : [];
  }

  #frame(symbol: string, module: string | null): Frame {
    const key = `${symbol} ${module ?? ''}`;
    let frame = this.#frames.get(key);
    if (frame === undefined) {
      if (this.#frames.size >= MOST_FRAMES) {
        this.#frames.clear();
      }
      frame = {
        symbol: detached(symbol),
        offset: 0,
        size: null,
        module: module === null ? null : detached(module),
        reliable: true,
      };
      this.#frames.set(key, frame);
    }
    return frame;
  }
}

/** Each processor has an idle task with the number 0. */
function taskKey(pid: string, cpu: string): string {
  return pid === '0' ? `idle ${cpu}` : pid;
}

function makeRoom(map: Map<string, unknown>): void {
  if (map.size >= MOST_TASKS) {
    map.clear();
  }
}

/** Nanoseconds; the column is in microseconds, with a sign before long ones. */
function duration(column: string): number | null {
  const match = DURATION.exec(column);
  return match === null ? null : Math.round(Number(match[1]) * 1000);
}

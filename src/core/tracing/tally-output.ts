import type { Frame } from '../stack/frame.ts';
import { isEndMarker } from '../stack/proc-stack.ts';
import type { LatencyBucket, StackCount, TaskCount, TraceTally } from './events.ts';
import type { FtraceProgram } from './ftrace-program.ts';
import { detached, StackPool } from './stack-pool.ts';

/** Rows of one sum: the kernel keeps no more than 4096 of them. */
const MOST_ROWS = 4096;

/** `{ common_pid: sh              [       788] } hitcount:         24`. */
const TASK = /^\{ common_pid: (.{1,64}?) *\[ *(\d{1,10})\] \} hitcount: +(\d{1,20})/;
/** `{ ns: ~ 2^18 } hitcount:         19  ns:    3412345`. */
const BUCKET = /^\{ ns: ~ 2\^(\d{1,2}) *\} hitcount: +(\d{1,20}) +ns: +(\d{1,20})/;
const STACK_BEGIN = /^\{ (?:common_)?stacktrace:/;
const STACK_END = /^\} hitcount: +(\d{1,20})/;
const TOTAL = /^ *(Hits|Dropped): (\d{1,20})/;

/** The frames of the probe itself, above the function that is traced. */
const PROBE_FRAME =
  /^(?:aggr_pre_handler|kprobe_\w+|kretprobe_\w+|rethook_\w+|arch_rethook_\w+|ftrace_\w+|0x[0-9a-f]+)$/;

/**
 * Reads the file `hist` of an event (Documentation/trace/histogram.rst; kernel/trace/trace_events_hist.c,
 * `hist_show`), from its first line on.
 */
export class TallyOutput {
  #rows: (TaskCount | LatencyBucket | StackCount)[] = [];
  #frames: Frame[] | null = null;
  #hits = 0;
  #dropped = 0;
  #isCut = false;

  constructor(
    private readonly program: FtraceProgram,
    private readonly pool: StackPool = new StackPool(),
  ) {}

  line(text: string): void {
    const total = TOTAL.exec(text);
    if (total !== null) {
      if (total[1] === 'Hits') {
        this.#hits = Number(total[2]);
      } else {
        this.#dropped = Number(total[2]);
      }
    } else if (text === '...') {
      this.#isCut = true;
    } else if (this.#rows.length >= MOST_ROWS) {
      this.#isCut = true;
    } else {
      this.#row(text);
    }
  }

  #row(text: string): void {
    switch (this.program.kind) {
      case 'count': {
        const [, comm, pid, count] = TASK.exec(text) ?? [];
        if (comm !== undefined) {
          this.#rows.push({ comm: detached(comm), pid: Number(pid), count: Number(count) });
        }
        break;
      }
      case 'latency': {
        const [, log2, count, sumNs] = BUCKET.exec(text) ?? [];
        if (log2 !== undefined) {
          this.#rows.push({ log2: Number(log2), count: Number(count), sumNs: Number(sumNs) });
        }
        break;
      }
      default:
        this.#stack(text);
    }
  }

  #stack(text: string): void {
    if (STACK_BEGIN.test(text)) {
      this.#frames = [];
      return;
    }
    const end = STACK_END.exec(text);
    if (end !== null && this.#frames !== null) {
      const stack = this.pool.stack(withoutProbe(this.#frames, this.program.symbol));
      this.#rows.push({ stack, count: Number(end[1]) });
      this.#frames = null;
    } else if (this.#frames !== null && this.#frames.length < 64) {
      const frame = this.pool.frame(text.trim());
      if (frame !== null && !isEndMarker(frame)) {
        this.#frames.push(frame);
      }
    }
  }

  end(): TraceTally {
    const { name, kind } = this.program;
    const common = {
      kind: 'tally',
      symbol: name,
      hits: this.#hits,
      dropped: this.#dropped,
      isCut: this.#isCut,
    } as const;
    switch (kind) {
      case 'count':
        return { ...common, of: 'count', rows: this.#rows.filter((row) => 'comm' in row) };
      case 'latency': {
        const rows = this.#rows.filter((row) => 'log2' in row);
        return { ...common, of: 'latency', rows: rows.sort((a, b) => a.log2 - b.log2) };
      }
      default:
        return { ...common, of: 'stacks', rows: this.#rows.filter((row) => 'stack' in row) };
    }
  }
}

/** The kernel's stack begins in the probe: what is above the traced function, or above its caller, is not the caller's. */
function withoutProbe(frames: readonly Frame[], symbol: string): Frame[] {
  const traced = frames.findIndex((frame) => frame.symbol === symbol);
  if (traced >= 0) {
    return frames.slice(traced);
  }
  const first = frames.findIndex((frame) => !PROBE_FRAME.test(frame.symbol));
  return first < 0 ? [] : frames.slice(first);
}

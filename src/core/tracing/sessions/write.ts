import { type Frame, frameKey, type Trace } from '../../stack/frame.ts';
import type { BelowCall, CallEvent, TraceEvent, TraceTally } from '../events.ts';
import { FORMAT, VERSION } from './format.ts';
import type { SessionEnd, SessionFunction, SessionHeader } from './session.ts';

/** Makes the lines of a session's file, docs/trace-sessions.md; each ends in a newline. */
export class SessionLines {
  readonly #frames = new Map<string, number>();
  readonly #stacks = new Map<string, number>();
  /** Equal stacks are the same object for the most part. */
  readonly #known = new WeakMap<Trace, number>();

  header(header: SessionHeader): string {
    return line({ format: FORMAT, version: VERSION, ...header });
  }

  /** A function that joined when the session ran. */
  joined(joined: SessionFunction): string {
    return line({ ...joined, kind: 'function', traced: joined.kind });
  }

  /** What ran by the end, where that is more than the header says. */
  program(program: string): string {
    return line({ kind: 'program', program });
  }

  event(event: TraceEvent): string {
    if (event.kind === 'loss') {
      return line(event);
    }
    const [stack, before] = this.#stack(event.stack);
    const [below, lines] = this.#below(event.below);
    return before + lines + line(callLine(event, stack, below));
  }

  tally(tally: TraceTally): string {
    if (tally.of !== 'stacks') {
      return line(tally);
    }
    let before = '';
    const rows = tally.rows.map(({ stack, count }) => {
      const [number, lines] = this.#stack(stack);
      before += lines;
      return { stack: number, count };
    });
    return before + line({ ...tally, rows });
  }

  end(end: SessionEnd): string {
    return line({ kind: 'end', ...end });
  }

  #below(calls: readonly BelowCall[] | undefined): [rows: BelowRow[] | undefined, lines: string] {
    let lines = '';
    const rows = calls?.map(({ depth, frame, startNs, durationNs }): BelowRow => {
      const [number, before] = this.#frame(frame);
      lines += before;
      return [depth, number, startNs, durationNs];
    });
    return [rows, lines];
  }

  /** The number of a frame, and the line that tells of it when it is new. */
  #frame(frame: Frame): [number: number, line: string] {
    const key = `${frame.reliable} ${frameKey(frame)}`;
    const known = this.#frames.get(key);
    if (known !== undefined) {
      return [known, ''];
    }
    const number = this.#frames.size;
    this.#frames.set(key, number);
    return [number, line({ kind: 'frame', ...frameLine(frame) })];
  }

  /** The number of a stack, and the lines that tell of it when it is new. */
  #stack(trace: Trace): [number: number | null, lines: string] {
    if (trace.length === 0) {
      return [null, ''];
    }
    const known = this.#known.get(trace);
    if (known !== undefined) {
      return [known, ''];
    }
    let lines = '';
    const numbers = trace.map((frame) => {
      const [number, before] = this.#frame(frame);
      lines += before;
      return number;
    });
    const key = numbers.join();
    let number = this.#stacks.get(key);
    if (number === undefined) {
      number = this.#stacks.size;
      this.#stacks.set(key, number);
      lines += line({ kind: 'stack', frames: numbers });
    }
    this.#known.set(trace, number);
    return [number, lines];
  }
}

function frameLine({ symbol, offset, size, module, reliable }: Frame): Record<string, unknown> {
  return { symbol, offset, size, module, ...(reliable ? {} : { reliable }) };
}

/** Depth, frame, start and duration of a call below a traced one. */
type BelowRow = readonly [depth: number, frame: number, startNs: number, durationNs: number | null];

function callLine(
  event: CallEvent,
  stack: number | null,
  below: readonly BelowRow[] | undefined,
): Record<string, unknown> {
  const { time, comm, pid, cpu, symbol, returned, durationNs } = event;
  return {
    kind: 'call',
    time,
    comm,
    pid,
    cpu,
    symbol,
    ...(event.arguments.length === 0
      ? {}
      : { arguments: event.arguments.map(({ name, value }) => [name, value]) }),
    ...(stack === null ? {} : { stack }),
    ...(returned === undefined ? {} : { returned: returned && [returned.value, returned.errno] }),
    ...(durationNs === undefined ? {} : { durationNs }),
    ...(below === undefined ? {} : { below }),
  };
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

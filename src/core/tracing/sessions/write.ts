import { type Frame, frameKey, type Trace } from '../../stack/frame.ts';
import type { CallEvent, TraceEvent, TraceTally } from '../events.ts';
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

  event(event: TraceEvent): string {
    if (event.kind === 'loss') {
      return line(event);
    }
    const [stack, before] = this.#stack(event.stack);
    return before + line(callLine(event, stack));
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
      const key = `${frame.reliable} ${frameKey(frame)}`;
      let number = this.#frames.get(key);
      if (number === undefined) {
        number = this.#frames.size;
        this.#frames.set(key, number);
        lines += line({ kind: 'frame', ...frameLine(frame) });
      }
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

function callLine(event: CallEvent, stack: number | null): Record<string, unknown> {
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
  };
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

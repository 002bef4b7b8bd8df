import type { FtraceProgram } from '../ftrace-program.ts';

/** What an event of the kernel is in its session. */
export interface EventRole {
  readonly program: FtraceProgram;
  /** `whole`: all that is known of a call is in this one event. */
  readonly at: 'entry' | 'return' | 'whole';
}

/** The functions of one session; more may join while it runs. */
export class Programs {
  readonly #byEvent = new Map<string, EventRole>();
  readonly #graphs = new Map<string, FtraceProgram>();

  constructor(...programs: readonly FtraceProgram[]) {
    for (const program of programs) {
      this.add(program);
    }
  }

  add(program: FtraceProgram): void {
    const { event, returnEvent, durationEvent, kind, symbol } = program;
    if (kind === 'graph') {
      this.#graphs.set(symbol, program);
    }
    this.#byEvent.set(event, { program, at: returnEvent === null ? 'whole' : 'entry' });
    if (returnEvent !== null) {
      this.#byEvent.set(returnEvent, { program, at: 'return' });
    }
    if (durationEvent !== null) {
      this.#byEvent.set(durationEvent, { program, at: 'whole' });
    }
  }

  /** The function whose call graph is seen. */
  ofGraph(symbol: string): FtraceProgram | undefined {
    return this.#graphs.get(symbol);
  }

  /** What this event is; undefined for one of none of them. */
  find(event: string): EventRole | undefined {
    return this.#byEvent.get(event);
  }
}

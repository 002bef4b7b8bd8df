import { inert } from '../../core/text/inert.ts';
import type { TraceRefused, TraceStarted, TraceStreamEvent } from '../../core/tracing/events.ts';
import { FtraceOutput } from '../../core/tracing/ftrace-output.ts';
import { ftraceProgram, type TraceParams, type TraceSessionId } from '../../core/tracing/ftrace-program.ts';
import { GraphOutput } from '../../core/tracing/graph-output.ts';
import { Programs } from '../../core/tracing/program/programs.ts';
import { StackPool } from '../../core/tracing/stack-pool.ts';
import { TallyOutput } from '../../core/tracing/tally-output.ts';
import type { Collector, LineDecoder, StreamCollector } from '../collector.ts';
import { joinScript, markOf, sessionScript } from './trace-script.ts';
import { cleanup, PRELUDE, TRACE } from './trace-shell.ts';

export type { TraceParams } from '../../core/tracing/ftrace-program.ts';
export { cleanup, PRELUDE } from './trace-shell.ts';

/** A session, and the functions that join it while it runs. */
export interface SessionParams extends TraceParams {
  /** Holds the programs of functions that join; absent when none does. */
  readonly programs?: Programs;
}

/**
 * What one function, and those that join it, do: calls with arguments and stack, returns, or the sums that the kernel
 * makes of them, through tracefs alone. Nothing is installed; instance and probes are the session's own and are
 * removed at its end, and by the next session should this one's clean-up have been impossible.
 */
export const traceFunction: StreamCollector<SessionParams, TraceStreamEvent, TraceSessionId> = {
  name: 'trace-function',
  title: 'Calls of a function',
  grade: 'trace',
  needsRoot: true,
  preamble: `${PRELUDE}${TRACE}`,
  script: (params) => sessionScript(ftraceProgram(params), params.sessionId),
  cleanup,
  decoder: (params) => {
    const program = ftraceProgram(params);
    const programs = params.programs ?? new Programs();
    programs.add(program);
    return new TraceDecoder(programs, program.maxEvents, markOf(params.sessionId), program.kind === 'graph');
  },
};

/** Functions that join a session, each with an index of its own. */
export interface JoinParams extends TraceSessionId {
  readonly functions: readonly TraceParams[];
}

/**
 * Adds functions to a session that runs, and tells how it went with each, in their order; what it sets belongs to the
 * session, and ends with it.
 */
export const joinTrace: Collector<JoinParams, readonly (TraceStarted | TraceRefused)[]> = {
  name: 'trace-join',
  title: 'More functions in a running trace',
  grade: 'trace',
  needsRoot: true,
  // A hundred probes at a time, on a machine that may be slow.
  timeoutMs: 60_000,
  script: ({ functions, sessionId }) =>
    `${PRELUDE}${TRACE}${joinScript(functions.map(ftraceProgram), sessionId)}`,
  decode: (output, { functions, sessionId }) => {
    const mark = `${markOf(sessionId)} `;
    const answers = output
      .split('\n')
      .flatMap((line) => (line.startsWith(mark) ? (readAnswer(line.slice(mark.length)) ?? []) : []));
    return functions.map((_, i) => answers[i] ?? OVER);
  },
};

const OVER: TraceRefused = {
  kind: 'refused',
  reason: 'no-instance',
  why: 'The session that it was to join is over.',
};

class TraceDecoder implements LineDecoder<TraceStreamEvent> {
  readonly #output: FtraceOutput | GraphOutput;
  readonly #pool = new StackPool();
  readonly #mark: string;
  readonly #inTrace: string;
  #tally: TallyOutput | null = null;
  #calls = 0;

  constructor(
    private readonly programs: Programs,
    private readonly maxEvents: number,
    mark: string,
    isGraph: boolean,
  ) {
    this.#output = isGraph ? new GraphOutput(programs) : new FtraceOutput(programs);
    this.#mark = `${mark} `;
    // With or without its offset, `tracing_mark_write+0xda/0x270`, stands before it.
    this.#inTrace = `: ${this.#mark}`;
  }

  line(text: string): readonly TraceStreamEvent[] {
    if (text.startsWith(this.#mark)) {
      return this.#said(text.slice(this.#mark.length));
    }
    const marked = text.indexOf(this.#inTrace);
    if (marked >= 0 && text.lastIndexOf(': tracing_mark_write', marked) >= 0) {
      return this.#said(text.slice(marked + this.#inTrace.length));
    }
    // In a call graph it is a comment, behind all columns.
    const comment = text.indexOf(`|  /* ${this.#mark}`);
    if (comment >= 0 && text.indexOf('/*') === comment + 3 && text.endsWith(' */')) {
      return this.#said(text.slice(comment + 6 + this.#mark.length, -3));
    }
    if (this.#tally !== null) {
      this.#tally.line(text);
      return [];
    }
    return this.#limited(this.#output.line(text));
  }

  #said(text: string): readonly TraceStreamEvent[] {
    const [word, ...rest] = text.split(' ');
    switch (word) {
      case 'hist': {
        const sums = this.#closeTally();
        const role = this.programs.find(rest[0] ?? '');
        this.#tally = role === undefined ? null : new TallyOutput(role.program, this.#pool);
        return sums;
      }
      case 'counters': {
        const [calls, overrun, missed] = rest.map((value) => (/^\d{1,15}$/.test(value) ? Number(value) : 0));
        return [
          ...this.#closeTally(),
          {
            kind: 'counters',
            calls: calls ?? 0,
            overrun: overrun ?? 0,
            missed: (missed ?? 0) + this.#output.unpaired,
          },
        ];
      }
      case 'limit': {
        const of = rest[0] === 'events' || rest[0] === 'rate' ? rest[0] : 'time';
        const rate = of === 'rate' ? { rate: Number(rest[1] ?? 0) } : {};
        return [...this.#closeTally(), ...this.#limited(this.#output.end()), { kind: 'limit', of, ...rate }];
      }
      default: {
        const answer = readAnswer(text);
        return answer === null ? [] : [answer];
      }
    }
  }

  end(): readonly TraceStreamEvent[] {
    return [...this.#closeTally(), ...this.#limited(this.#output.end())];
  }

  #closeTally(): readonly TraceStreamEvent[] {
    const sums = this.#tally?.end();
    this.#tally = null;
    return sums === undefined ? [] : [sums];
  }

  /** The target counts once a second only: what comes meanwhile is let go. */
  #limited(events: readonly TraceStreamEvent[]): readonly TraceStreamEvent[] {
    const room = this.maxEvents - this.#calls;
    this.#calls += events.length;
    return events.length <= room ? events : events.slice(0, Math.max(0, room));
  }
}

function readAnswer(text: string): TraceStarted | TraceRefused | null {
  const [word, detail, ...rest] = text.split(' ');
  if (word === 'started') {
    return { kind: 'started', withArguments: detail === 'arguments' };
  }
  const reason = word === 'refused' ? REFUSALS.find((known) => known === detail) : undefined;
  if (reason === undefined) {
    return null;
  }
  const said = inert(rest.join(' '), 100).trim();
  return {
    kind: 'refused',
    reason,
    why: said === '' ? WHY[reason] : `The kernel refuses it: "${said}".`,
  };
}

const WHY: Readonly<Record<Exclude<TraceRefused['reason'], 'no-tool'>, string>> = {
  'no-tracefs':
    'The target has no tracefs mounted, so nothing can be traced. Mount it with "mount -t tracefs nodev /sys/kernel/tracing".',
  'no-kprobes':
    'The target has no writable kprobe_events: its kernel was built without CONFIG_KPROBE_EVENTS, or lockdown forbids probes.',
  'no-instance':
    'The kernel made no trace instance: memory is short, or lockdown forbids tracing. Free memory or boot without lockdown.',
  'no-probe': 'The kernel takes no probe at this function.',
  'no-enable': 'The kernel took the probe but does not let it be enabled.',
  'no-filter':
    'The kernel does not take this condition: it asks for an argument that cannot be had here. Trace without it.',
  'no-graph':
    'This kernel draws call graphs for the whole machine only: Linux 6.11 and later can for a trace of its own. Trace calls or returns instead.',
  'graph-in-use':
    'Somebody else traces the function graph of this machine, and its columns are the same for all. Wait until that has ended.',
  'no-tally':
    'This kernel cannot sum up by itself (CONFIG_HIST_TRIGGERS, CONFIG_SYNTH_EVENTS). Trace calls or returns instead.',
};

const REFUSALS = Object.keys(WHY) as (keyof typeof WHY)[];

import { inert } from '../../core/text/inert.ts';
import { CallQueue } from '../../core/tracing/call-queue.ts';
import type { TraceLimit, TraceRefused, TraceStarted, TraceStreamEvent } from '../../core/tracing/events.ts';
import { FtraceOutput } from '../../core/tracing/ftrace-output.ts';
import { GraphOutput } from '../../core/tracing/graph-output.ts';
import type { Programs } from '../../core/tracing/program/programs.ts';
import { KernelSymbols, takeSymbols } from '../../core/tracing/raw/kernel-symbols.ts';
import { PageStream } from '../../core/tracing/raw/page-stream.ts';
import { RawCalls } from '../../core/tracing/raw/raw-calls.ts';
import { StackPool } from '../../core/tracing/stack-pool.ts';
import { TallyOutput } from '../../core/tracing/tally-output.ts';
import type { Asking, LineDecoder } from '../collector.ts';
import { kernelSymbols } from './kernel-symbols.ts';

/** A page of the ring buffer is one of memory, or some of them (buffer_subbuf_size_kb). */
const PAGE_SIZES = { least: 1024, most: 1024 * 1024 } as const;

/** Reads all that a session says: lines of its trace, pages of the trace's ring buffer, sums, and what it says of itself. */
export class TraceDecoder implements LineDecoder<TraceStreamEvent> {
  readonly #pool = new StackPool();
  readonly #queue = new CallQueue(this.#pool);
  readonly #symbols = new KernelSymbols();
  readonly #isGraph: boolean;
  readonly #output: FtraceOutput | GraphOutput;
  readonly #raw: RawCalls;
  readonly bytes = new PageStream((page) => this.#raw.add(page));
  readonly #mark: string;
  readonly #inTrace: string;
  #tally: TallyOutput | null = null;
  #calls = 0;
  /** What the session said in the pages that are being taken. */
  #inPages: TraceStreamEvent[] = [];
  #isAsking = false;
  #pageSize: number = PAGE_SIZES.least;
  /** Told when the calls before it are. */
  #limit: TraceLimit | null = null;
  /** Told when all else is. */
  #isComplete = false;

  constructor(
    private readonly programs: Programs,
    private readonly maxEvents: number,
    mark: string,
    isGraph: boolean,
  ) {
    this.#mark = `${mark} `;
    this.#isGraph = isGraph;
    // With or without its offset, `tracing_mark_write+0xda/0x270`, stands before it.
    this.#inTrace = `: ${this.#mark}`;
    this.#output = isGraph
      ? new GraphOutput(programs)
      : new FtraceOutput(programs, { pool: this.#pool, queue: this.#queue, symbols: this.#symbols });
    this.#raw = new RawCalls(programs, this.#queue, this.#symbols, (text) => {
      if (text.startsWith(this.#mark)) {
        this.#inPages.push(...this.#said(text.slice(this.#mark.length)));
      }
    });
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
        this.#limit = { kind: 'limit', of, ...rate };
        return [...this.#closeTally(), ...(this.#raw.isWaiting ? [] : this.#last())];
      }
      case 'complete':
        this.#isComplete = true;
        return [];
      case 'format':
        this.#raw.format(text.slice('format '.length));
        return [];
      case 'page':
        this.#pageSize = Math.min(Math.max(Number(rest[0]) || 0, PAGE_SIZES.least), PAGE_SIZES.most);
        return [];
      case 'pages':
        if (this.#output instanceof FtraceOutput) {
          this.#output.pause();
          this.bytes.open(/^\d{1,5}$/.test(rest[0] ?? '') ? Number(rest[0]) : 0, this.#pageSize);
        }
        return [];
      case 'round':
        this.#raw.round(rest[0] === 'last');
        return this.#fromPages();
      default: {
        const answer = readAnswer(text);
        return answer === null ? [] : [answer];
      }
    }
  }

  /** What the pages tell by now. */
  #fromPages(): readonly TraceStreamEvent[] {
    const said = this.#inPages;
    this.#inPages = [];
    return [...this.#limited(this.#queue.ready()), ...said];
  }

  /** Asks for the names of addresses that calls wait for. */
  followUp(ask: Asking): Promise<readonly TraceStreamEvent[]> | null {
    if (this.#isAsking || !this.#raw.isWaiting) {
      return null;
    }
    this.#isAsking = true;
    return ask(kernelSymbols, { addresses: this.#symbols.missing })
      .catch(() => '')
      .then((answer) => {
        this.#isAsking = false;
        takeSymbols(this.#symbols, answer);
        this.#raw.take();
        return this.#fromPages();
      });
  }

  end(): readonly TraceStreamEvent[] {
    const whole = this.#isComplete ? [{ kind: 'complete' } as const] : [];
    return [...this.#closeTally(), ...this.#last(), ...whole];
  }

  /** Nothing more comes. */
  #last(): readonly TraceStreamEvent[] {
    this.#symbols.giveUp('for good');
    this.#raw.round(true);
    const early = this.#fromPages();
    const limit = this.#limit === null ? [] : [this.#limit];
    this.#limit = null;
    return [...early, ...this.#limited(this.#output.end()), ...limit];
  }

  #closeTally(): readonly TraceStreamEvent[] {
    const sums = this.#tally?.end();
    this.#tally = null;
    return sums === undefined ? [] : [sums];
  }

  /** The target counts once a second only: what comes meanwhile is let go. */
  #limited(events: readonly TraceStreamEvent[]): readonly TraceStreamEvent[] {
    if (this.#isGraph) {
      return this.#limitedGraphs(events);
    }
    const room = this.maxEvents - this.#calls;
    this.#calls += events.length;
    return events.length <= room ? events : events.slice(0, Math.max(0, room));
  }

  /** Each call counts with those below it. The target cannot tell them from what other tasks call: the limit is told here. */
  #limitedGraphs(events: readonly TraceStreamEvent[]): readonly TraceStreamEvent[] {
    const kept: TraceStreamEvent[] = [];
    for (const event of events) {
      if (this.#calls >= this.maxEvents) {
        break;
      }
      kept.push(event);
      this.#calls += event.kind === 'call' ? 1 + (event.below?.length ?? 0) : 1;
      if (this.#calls >= this.maxEvents) {
        kept.push({ kind: 'limit', of: 'events' });
      }
    }
    return kept;
  }
}

/** What a session, or a function that joins one, says of its start; null for anything else. */
export function readAnswer(text: string): TraceStarted | TraceRefused | null {
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

/** A flood of calls whose number, order and arguments are known, and what is wrong with what a trace tells of it. */
import { randomBytes } from 'node:crypto';
import { type CallEvent, lostIn, type TraceStreamEvent } from '../../src/core/tracing/events.ts';
import type { StreamCollector } from '../../src/target/collector.ts';
import { type SessionParams, traceFunction } from '../../src/target/collectors/trace-function.ts';
import type { Connection } from '../../src/target/connection.ts';
import { zfsGetattrFast } from '../support/zfs-functions.ts';
import { counted } from './lookups.ts';
import { ask, goAhead, until, Watched } from './target.ts';

/** The name of the processes that call. */
const COMM = 'zflood';
/** Files that each of them asks about in turn: an argument of a call tells which one it is of. */
const FILES = 16;
/** The argument that does: the inode. */
const INODE = 2;
const LIMIT_MS = 120_000;

/** What is called, and who by, for an independent count. */
export const FLOOD = { symbol: zfsGetattrFast.symbol, comm: COMM } as const;

export interface Flood {
  /** Calls of each process. */
  readonly calls: number;
  readonly processes: number;
  /** Of these, how many come first, ten a second. */
  readonly slow: number;
  /** Calls a second of each process from then on; null for as many as it can. */
  readonly rate: number | null;
}

/** @returns seconds from the last slow call to the last one, of the slowest process */
export async function pour(observer: Connection, folder: string, flood: Flood): Promise<number> {
  const { calls, processes, slow, rate } = flood;
  const text = await ask(
    observer,
    `cd ${folder} && touch $(seq -f 'zflood_%.0f' 0 ${FILES - 1}) || exit 1
    process=0
    while [ $process -lt ${processes} ]; do
      process=$((process + 1))
      perl -e '
        open COMM, ">", "/proc/self/comm"; syswrite COMM, "${COMM}"; close COMM;
        my ($calls, $slow, $rate) = @ARGV;
        my $done = 0;
        sub now { open my $uptime, "<", "/proc/uptime"; (split / /, <$uptime>)[0] }
        sub call { stat "zflood_" . $done++ % ${FILES} }
        while ($done < $slow) { call(); select undef, undef, undef, 0.1 }
        my $began = now();
        while ($done < $calls) {
          my $due = $rate ? $slow + int((now() - $began) * $rate) : $calls;
          call() while $done < $due && $done < $calls;
          select undef, undef, undef, 0.01 if $rate;
        }
        print now() - $began, "\\n"' ${calls} ${slow} ${rate ?? 0} &
    done
    wait`,
  );
  return Math.max(0.01, ...text.trim().split('\n').map(Number));
}

export interface FloodTraceOptions {
  readonly stacks: boolean;
  /** Memory for each processor's events, in KiB, in the place of what a session takes. */
  readonly bufferKiB?: number;
  /** Whether its instance is made before it is begun. */
  readonly ahead?: true;
}

/** A trace of the calls of floods. */
export class FloodTrace {
  /** How often pages of a processor's ring buffer came. */
  #pages = 0;

  private constructor(
    private readonly stacks: boolean,
    private readonly watched: Watched<TraceStreamEvent>,
  ) {}

  static async start(
    connection: Connection,
    observer: Connection,
    { stacks, bufferKiB, ahead }: FloodTraceOptions,
  ): Promise<FloodTrace> {
    const params: SessionParams = {
      ...zfsGetattrFast,
      module: 'zfs',
      machine: connection.facts.machine,
      condition: `comm == "${COMM}"`,
      stacks,
      maxEvents: 1e7,
      maxSeconds: 600,
      sessionId: randomBytes(4).toString('hex'),
    };
    if (ahead) await goAhead(connection, observer, params);
    const watching: { trace?: FloodTrace } = {};
    const watched = await Watched.start(
      connection,
      seen(params.sessionId, () => {
        if (watching.trace !== undefined) watching.trace.#pages += 1;
      }),
      params,
    );
    watching.trace = new FloodTrace(stacks, watched);
    await until('the start', LIMIT_MS, () => watched.events.find(({ kind }) => kind === 'started'));
    if (bufferKiB !== undefined) {
      await ask(
        observer,
        `echo ${bufferKiB} >$(echo /sys/kernel/tracing/instances/*_${params.sessionId})/buffer_size_kb`,
      );
    }
    return watching.trace;
  }

  get pages(): number {
    return this.#pages;
  }

  get calls(): readonly CallEvent[] {
    return this.watched.events.filter((event) => event.kind === 'call');
  }

  /** Entries that the kernel had no room for, by its own count. */
  get lost(): number {
    return this.#counters.at(-1)?.overrun ?? 0;
  }

  get #counters() {
    return this.watched.events.filter((event) => event.kind === 'counters');
  }

  get #gaps() {
    return this.watched.events.filter((event) => event.kind === 'loss');
  }

  /** Entries of calls and of stacks that came. */
  get #entries(): number {
    const { calls } = this;
    return calls.length + calls.filter(({ stack }) => stack.length > 0).length;
  }

  /**
   * Waits until so many calls are accounted for, stops, and looks at what came.
   * @returns what is wrong; empty for nothing
   */
  async faults({ calls: each, processes }: Flood, byKernel: number): Promise<string[]> {
    const made = each * processes;
    const due = made * (this.stacks ? 2 : 1);
    // Nothing more has come for some seconds, of which the session tells, and that is all, or it will not come.
    let before = { calls: -1, counters: 0 };
    const began = performance.now();
    await until('the last call', 2 * LIMIT_MS, () => {
      const now = { calls: this.calls.length, counters: this.#counters.length };
      if (now.calls !== before.calls) before = now;
      const isAll = this.#entries + this.lost + this.#gaps.length >= due;
      return (isAll || performance.now() - began > LIMIT_MS) && now.counters >= before.counters + 2
        ? true
        : undefined;
    });
    const end = await this.watched.stop();
    const { lost } = this;
    const told = this.#gaps.reduce((sum, gap) => sum + lostIn(gap), 0);
    // What the session says of itself each second is in the same buffer, and may be among what was lost. Of a call that
    // was lost, the stack may have come.
    const over = this.#entries + lost - due;
    const [least, most] =
      lost === 0 ? [0, 0] : [this.stacks ? -this.#gaps.length : 0, this.#counters.length + 1];
    return [
      ...(byKernel === made ? [] : [`the kernel counted ${byKernel}`]),
      ...(end.cleanUp === 'confirmed' && end.stderr === '' ? [] : [`clean-up ${end.cleanUp}: ${end.stderr}`]),
      ...(over >= least && over <= most
        ? []
        : [`${this.#entries} entries came and ${lost} were lost, of ${due}`]),
      ...(lost > 0 === told > 0 ? [] : [`${lost} entries were lost, ${told} of them are said where it was`]),
      ...this.#wrongStacks(),
      ...this.#wrongOrder(),
    ];
  }

  #wrongStacks(): string[] {
    const wrong = this.calls.filter(({ stack }) =>
      this.stacks
        ? stack.length > 0 &&
          (stack[0]?.symbol !== FLOOD.symbol || !stack.some(({ symbol }) => symbol === 'vfs_statx'))
        : stack.length > 0,
    );
    return wrong.length === 0 ? [] : [`${wrong.length} stacks are others`];
  }

  /**
   * Each process asks about the files in turn. Calls of two processors that come as lines may be in another order than
   * their times: the kernel prints one while the one before is still being recorded.
   */
  #wrongOrder(): string[] {
    const files: string[] = [];
    const last = new Map<number, { readonly file: number; readonly time: number }>();
    let skips = 0;
    let late = 0;
    for (const { pid, time, arguments: values } of this.calls) {
      const inode = values[INODE]?.value ?? '';
      if (!files.includes(inode)) files.push(inode);
      const file = files.indexOf(inode);
      const before = last.get(pid) ?? { file: FILES - 1, time: 0 };
      if (file !== (before.file + 1) % FILES) skips += 1;
      if (time < before.time) late += 1;
      last.set(pid, { file, time });
    }
    return [
      // Which calls are lost is known by processor, and not by process.
      ...(files.length === FILES && (skips === 0 || this.lost > 0)
        ? []
        : [`of ${files.length} files; ${skips} calls are not of the next one`]),
      ...(late === 0 ? [] : [`${late} calls are before the one before them`]),
    ];
  }
}

export interface FloodRun {
  readonly trace: FloodTrace;
  /** Empty for none. */
  readonly faults: readonly string[];
  /** Calls a second, of all processes together. */
  readonly rate: number;
}

/** Pours a flood into a trace of its own, beside the kernel's count. @param folder on a pool of the VM */
export async function traceFlood(
  connection: Connection,
  observer: Connection,
  folder: string,
  options: FloodTraceOptions,
  flood: Flood,
): Promise<FloodRun> {
  const trace = await FloodTrace.start(connection, observer, options);
  let seconds = 0;
  const byKernel = await counted(
    observer,
    async () => {
      seconds = await pour(observer, folder, flood);
    },
    FLOOD,
  );
  const faults = await trace.faults(flood, byKernel);
  return { trace, faults, rate: ((flood.calls - flood.slow) * flood.processes) / seconds };
}

/** Calls a second that are tried one after another, of two processes together, each for some seconds. */
const PACES = [1500, 3000, 6000, 12_000, 24_000];
const PACE_SECONDS = 5;

/**
 * The quickest steady pace of calls of which none is lost.
 * @returns calls a second, 0 where even the slowest lost some; and what was found at each pace that was tried
 */
export async function quickestPace(
  connection: Connection,
  observer: Connection,
  folder: string,
  stacks: boolean,
): Promise<{ readonly quickest: number; readonly found: readonly string[] }> {
  let quickest = 0;
  const found: string[] = [];
  for (const pace of PACES) {
    const processes = 2;
    const each = pace / processes;
    const flood: Flood = { calls: each * PACE_SECONDS + 10, processes, slow: 10, rate: each };
    const { trace, faults, rate } = await traceFlood(connection, observer, folder, { stacks }, flood);
    const lost = trace.lost === 0 ? 'none lost' : `${trace.lost} entries lost`;
    found.push(`${Math.round(rate).toLocaleString('en')}/s: ${[lost, ...faults].join(', ')}`);
    if (faults.length > 0 || trace.lost > 0) break;
    quickest = rate;
    // The machine cannot call more often.
    if (rate < pace * 0.8) break;
  }
  return { quickest, found };
}

/** The collector of traces, which tells when pages come. */
function seen(sessionId: string, page: () => void): StreamCollector<SessionParams, TraceStreamEvent> {
  return {
    ...traceFunction,
    decoder: (params) => {
      const decoder = traceFunction.decoder(params);
      const line = decoder.line.bind(decoder);
      decoder.line = (text) => {
        if (text.startsWith(`#zscope-${sessionId} pages `)) page();
        return line(text);
      };
      return decoder;
    },
  };
}

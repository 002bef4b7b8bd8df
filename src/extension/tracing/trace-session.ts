import { Failure, isFailure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import {
  isPartial,
  type TraceCounters,
  type TraceEvent,
  type TraceLimit,
  type TraceRefused,
  type TraceStarted,
  type TraceStreamEvent,
  type TraceTally,
} from '../../core/tracing/events.ts';
import { type FtraceProgram, ftraceProgram } from '../../core/tracing/ftrace-program.ts';
import { SessionStats } from '../../core/tracing/function-stats.ts';
import type { TraceKind } from '../../core/tracing/kinds.ts';
import { programText } from '../../core/tracing/program/program-text.ts';
import { Programs } from '../../core/tracing/program/programs.ts';
import type { SessionFunction } from '../../core/tracing/sessions/session.ts';
import { callBehindProbe, tallyBehindProbe, tracedName } from '../../core/tracing/sites.ts';
import { TRACE_ROWS_KEPT } from '../../protocol/trace-view.ts';
import type { TraceParams } from '../../target/collectors/trace-function.ts';
import type { Connection, RunningStream, StreamEnd } from '../../target/connection.ts';
import type { TracePlan, Tracer } from '../../target/tracer.ts';
import { Newest } from '../newest.ts';
import {
  type DroppedFunction,
  type IndexedFunction,
  type JoiningFunction,
  lostWhileJoining,
  rejoin,
} from './rejoin.ts';
import { TraceLosses } from './trace-losses.ts';

/** One tracing of one or more functions, running or ended, with its events. */
export class TraceSession implements Disposable {
  readonly #events = new Newest<TraceEvent>(TRACE_ROWS_KEPT);
  #programs = new Programs();
  readonly #tallies = new Map<string, TraceTally>();
  readonly #functions: SessionFunction[];
  /** Functions that joined, to have them again after a lost connection. */
  readonly #joined: JoiningFunction[] = [];
  /** What is traced of them now. */
  #joinedPrograms: readonly FtraceProgram[] = [];
  #dropped: readonly DroppedFunction[] = [];
  /** Ends when all is answered that was asked to join. */
  #joining: Promise<unknown> = Promise.resolve();
  /** The run of now was lost. */
  #isLost = false;
  /** Functions that were asked to join, also those that did not. */
  #asked = 0;
  readonly stats = new SessionStats();
  #stream: RunningStream | null = null;
  readonly #ending = new AbortController();
  #plan: TracePlan;
  #running = true;
  readonly #listeners = new Set<SessionListener>();
  #started: TraceStarted | null = null;
  #refused: TraceRefused | null = null;
  #limit: TraceLimit | null = null;
  readonly #losses = new TraceLosses();

  #connection: Connection;
  /** The connections before it, each with the index behind its last event. */
  readonly #earlier: { readonly connection: Connection; readonly end: number }[] = [];
  #params: TraceParams;

  constructor(
    connection: Connection,
    readonly tracer: Tracer,
    params: TraceParams,
  ) {
    this.#connection = connection;
    this.#params = params;
    this.#plan = tracer.plan(params);
    this.#functions = [this.#asFunction(params)];
  }

  /** The one that it runs over, or ran over last. */
  get connection(): Connection {
    return this.#connection;
  }

  /** Over which the event with this index came. */
  connectionOf(index: number): Connection {
    return this.#earlier.find(({ end }) => index < end)?.connection ?? this.#connection;
  }

  get params(): TraceParams {
    return this.#params;
  }

  get plan(): TracePlan {
    return this.#plan;
  }

  /** Aborted when it is to end. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** What runs on the target, as text: for all functions that are traced. */
  get program(): string {
    const joined = this.#joinedPrograms;
    return joined.length === 0 ? this.plan.text : programText(ftraceProgram(this.params), ...joined);
  }

  /** Whether more functions can join it while it runs. */
  get canJoin(): boolean {
    return this.tracer.join !== null && this.kind !== 'graph';
  }

  get kind(): TraceKind {
    return this.params.kind ?? 'calls';
  }

  /** The functions that are traced, in the order they came. */
  get functions(): readonly SessionFunction[] {
    return this.#functions;
  }

  /** Their symbols. */
  get symbols(): readonly string[] {
    return this.#functions.map(({ symbol }) => symbol);
  }

  /** Starts; resolves when it has ended and the target confirmed the clean-up. @throws Failure when it cannot start. */
  async run(): Promise<StreamEnd> {
    this.#running = true;
    try {
      const stream = await this.connection.stream(
        this.tracer.session,
        { ...this.params, programs: this.#programs },
        { events: (batch) => this.#add(batch) },
      );
      this.#stream = stream;
      if (this.ending.aborted || this.#isOverLimit) {
        stream.dispose();
      }
      const end = await stream.ended;
      this.#isLost = end.reason === 'lost';
      return end;
    } finally {
      this.#running = false;
    }
  }

  /**
   * Goes on over another connection, since the one before was lost; its events follow after a gap.
   * @param params the same question of what runs there now, under another session id
   * @param renewed the same for a function that had joined
   * @returns as {@link run}
   */
  async resume(
    connection: Connection,
    params: TraceParams,
    renewed: (joined: JoiningFunction) => Promise<JoiningFunction>,
  ): Promise<StreamEnd> {
    // What the run before still asks for would come into this one, under an index of before.
    await this.#joining;
    this.#isLost = false;
    const gap = connection.facts.bootId === this.#connection.facts.bootId ? 'connection' : 'reboot';
    const last = this.#events.items.at(-1);
    // One that never began needs no second gap.
    if (last?.kind !== 'loss' || last.gap === undefined || (last.gap === 'connection' && gap === 'reboot')) {
      // It belongs to what ran before: what is recorded begins with a start.
      this.#add([{ kind: 'loss', cpu: null, count: null, gap }]);
    }
    this.#earlier.push({ connection: this.#connection, end: this.#events.end });
    this.#losses.goesOn();
    this.#plan = this.tracer.plan(params);
    this.#connection = connection;
    this.#params = params;
    this.#programs = new Programs();
    this.#functions.splice(1);
    this.#joinedPrograms = [];
    this.#asked = 0;
    this.#dropped = [];
    this.#started = null;
    const joined = this.#joined.splice(0);
    const again = this.listen(() => {
      if (this.#started !== null) {
        again.dispose();
        this.#joining = Promise.allSettled([this.#joining, this.#rejoin(joined.splice(0), renewed)]);
      }
    });
    try {
      return await this.run();
    } finally {
      again.dispose();
      // Lost before it began: they join the next one.
      this.#joined.push(...joined);
    }
  }

  /** Has functions again that had joined. */
  async #rejoin(
    joined: readonly JoiningFunction[],
    renewed: (joined: JoiningFunction) => Promise<JoiningFunction>,
  ): Promise<void> {
    const { lost, dropped } = await rejoin(
      this.#indexed(joined),
      renewed,
      (functions) => this.#ask(functions),
      () => this.#isLost,
    );
    this.#joined.push(...lost);
    if (dropped.length > 0) {
      this.#dropped = dropped;
      this.#add([]);
    }
  }

  /**
   * Traces more functions in the same session. Those that were under way when the connection was lost are asked for again when
   * the session goes on.
   * @returns what the kernel said of each
   * @throws Failure when the target cannot be asked, the tracer takes no more functions, or a condition is none of its function's.
   */
  async join(...functions: readonly JoiningFunction[]): Promise<readonly (TraceStarted | TraceRefused)[]> {
    const answers = this.#ask(this.#indexed(functions)).catch((error: unknown) => {
      if (!isFailure(error) || error.code !== 'lost' || this.ending.aborted) {
        throw error;
      }
      this.#joined.push(...functions);
      throw lostWhileJoining(functions);
    });
    this.#joining = Promise.allSettled([this.#joining, answers]);
    return await answers;
  }

  #indexed(functions: readonly JoiningFunction[]): readonly IndexedFunction[] {
    return functions.map((params) => {
      this.#asked += 1;
      return { params, index: this.#asked };
    });
  }

  /** As {@link join}; what was asked for before, and not answered, has the same index again. */
  async #ask(indexed: readonly IndexedFunction[]): Promise<readonly (TraceStarted | TraceRefused)[]> {
    const { join } = this.tracer;
    if (join === null) {
      throw new Failure(
        'bad-request',
        'No function can join a session of this tracer.',
        'Trace it by itself.',
      );
    }
    const { kind } = this;
    const { sessionId, stacks = true } = this.params;
    const functions = indexed.map(({ params }) => params);
    const joining = indexed.map(({ params, index }): TraceParams => {
      return { ...params, kind, index, sessionId, stacks };
    });
    const programs = joining.map(ftraceProgram);
    // Their first calls may come before the answer.
    for (const program of programs) {
      this.#programs.add(program);
    }
    const shown = functions.map((params) => this.#asFunction(params));
    this.#functions.push(...shown);
    let answers: readonly (TraceStarted | TraceRefused)[] = [];
    try {
      answers = await this.connection.run(join, { functions: joining, sessionId });
      return answers;
    } finally {
      const isStarted = (i: number) => answers[i]?.kind === 'started';
      this.#joinedPrograms = [...this.#joinedPrograms, ...programs.filter((_, i) => isStarted(i))];
      for (const [i, params] of functions.entries()) {
        const one = shown[i];
        if (isStarted(i)) {
          this.#joined.push(params);
        } else if (one !== undefined) {
          this.#functions.splice(this.#functions.indexOf(one), 1);
        }
      }
    }
  }

  /** Whether it has to be stopped, since the target may not: what is below a call is counted here. */
  get #isOverLimit(): boolean {
    return (!this.tracer.endsAtLimits || this.kind === 'graph') && this.#limit !== null;
  }

  #asFunction(params: Omit<TraceParams, 'sessionId'>): SessionFunction {
    const { module, condition = '' } = params;
    return { symbol: tracedName(params), module, kind: this.kind, condition };
  }

  /** Calls the listener with events from now on. */
  listen(listener: SessionListener): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }

  /** Whether it was started and has not ended. */
  get isRunning(): boolean {
    return this.#running && this.#started !== null && !this.ending.aborted;
  }

  /** Functions that had joined and are not traced any more since a connection was lost. */
  get dropped(): readonly DroppedFunction[] {
    return this.#dropped;
  }

  /** Set once the probe is there. */
  get started(): TraceStarted | null {
    return this.#started;
  }

  /** Set when the kernel does not let this be traced. */
  get refused(): TraceRefused | null {
    return this.#refused;
  }

  /** Set when it ended by itself at one of its limits. */
  get limit(): TraceLimit | null {
    return this.#limit;
  }

  /** Events, the newest of which are kept. */
  get events(): Pick<Newest<TraceEvent>, 'items' | 'first' | 'at'> {
    return this.#events;
  }

  /** The newest sums of each function, where the kernel sums up. */
  get tallies(): readonly TraceTally[] {
    return [...this.#tallies.values()];
  }

  /** @see TraceLosses.counters */
  get counters(): TraceCounters | null {
    return this.#losses.counters;
  }

  /** @see TraceLosses.hasGap */
  get hasGap(): boolean {
    return this.#losses.hasGap;
  }

  /** @see TraceLosses.lost */
  get lost(): number {
    return this.#losses.lost;
  }

  /** Whether what was recorded last may be missing, should it have ended: the target did not say that this is all. */
  get isCut(): boolean {
    const began = this.#started !== null || this.hasGap;
    // At its limit of calls what comes later is not wanted.
    return began && !this.#losses.isComplete && !(this.#isOverLimit && this.#limit?.of !== 'time');
  }

  /** Whether its numbers are lower bounds. */
  get isIncomplete(): boolean {
    return this.#losses.some || (!this.#running && this.isCut) || this.tallies.some(isPartial);
  }

  #add(arrived: readonly TraceStreamEvent[]): void {
    const start = this.#events.end;
    const batch: TraceEvent[] = [];
    for (const event of arrived) {
      switch (event.kind) {
        case 'started':
          this.#started = event;
          break;
        case 'refused':
          this.#refused = event;
          break;
        case 'limit':
          this.#limit = event;
          if (this.#isOverLimit) {
            this.#stream?.dispose();
          }
          break;
        case 'tally':
          this.#tallies.set(event.symbol, tallyBehindProbe(event, this.params.machine));
          this.stats.tally(event, performance.now() / 1000);
          break;
        case 'counters':
          this.#losses.counted(event);
          break;
        case 'complete':
          this.#losses.complete();
          break;
        case 'loss':
          this.#losses.add(event);
          batch.push(event);
          break;
        case 'call':
          batch.push(callBehindProbe(event, this.params.machine));
      }
    }
    this.#events.push(batch);
    this.stats.add(batch, performance.now() / 1000);
    for (const listener of this.#listeners) {
      listener(batch, start);
    }
  }

  /** Asks the target to stop and to clean up. */
  dispose(): void {
    this.#ending.abort();
    this.#stream?.dispose();
  }
}

/**
 * Also called with an empty batch, when the session started, was refused, reached a limit, dropped a function, or has new
 * sums or counters.
 * @param start index of the batch's first event in the session.
 */
export type SessionListener = (batch: readonly TraceEvent[], start: number) => void;

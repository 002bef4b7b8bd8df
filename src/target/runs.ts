import { Failure, isFailure } from '../core/failure.ts';
import { ActivityEntry, type ActivityRecord } from './activity.ts';
import type { Collector, DownloadCollector, Question, StreamCollector } from './collector.ts';
import type {
  AskedConsent,
  ByteSink,
  ConnectionState,
  RootQuestion,
  RunningStream,
  RunOptions,
  StandingBy,
  StreamEnd,
  StreamSink,
  TargetFacts,
} from './connection.ts';
import type { ConnectionFailures } from './connection-failures.ts';
import { Download } from './download.ts';
import { EventDelivery } from './event-delivery.ts';
import { account, describe, streamEnd } from './job-outcome.ts';
import type { ChannelStage, JobPool } from './job-pool.ts';
import { Limit } from './limit.ts';
import type { JobHandlers, JobResult, JobSpec, RemoteJob } from './remote-job.ts';
import { enterRoot } from './root-entry.ts';
import { type RootProgram, type RootShell, silentRoot } from './root-shell.ts';
import { RunReport } from './run-report.ts';

/** Most that one question may answer. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;
/** A stream must be running after this time: opening a channel, sudo, a slow login shell. */
const STREAM_START_MS = 30_000;

/** What a kind of question does with its job. */
interface QuestionHandlers<T> {
  /** Called at the start: sets the time limit. @param why says what a question that is late has waited for */
  late(why: () => Failure): void;
  payload: JobHandlers['payload'];
  /** What came, for the Log when it fails. */
  readonly output: readonly Buffer[];
  /** Called when the job ended well. */
  answer(): T | Promise<T>;
}

/** Whose connection it is, and who hears of what is run. */
export interface RunTarget {
  readonly alias: string;
  readonly user: string;
  readonly log: (line: string) => void;
  readonly activity: (record: ActivityRecord) => void;
  /** Asked before all that does more than read. */
  readonly consent: (question: AskedConsent) => Promise<boolean>;
  /** Whether that would allow it without asking. */
  readonly allows: (question: AskedConsent) => boolean;
}

/** How the connection stands; shared with who owns it. */
export interface Standing {
  state: ConnectionState;
  /** Null before the first answer. */
  facts: TargetFacts | null;
  /** Why it is gone; null while it is not. */
  lost: Failure | null;
}

/** What runs over one connection: each with its consent, its limits, its record and what it means when it fails. */
export class Runs {
  /** How root's shells are started, once that is known. */
  #root: RootShell | null = null;

  /** @param closing aborted when the connection ends */
  constructor(
    private readonly pool: JobPool,
    private readonly target: RunTarget,
    private readonly say: ConnectionFailures,
    private readonly over: Standing,
    private readonly closing: AbortSignal,
  ) {}

  async run<P, T>(collector: Collector<P, T>, params: P, options: RunOptions = {}): Promise<T> {
    const spec = this.#spec(collector, {
      kind: 'question',
      preamble: '',
      script: collector.script(params),
      cleanup: '',
    });
    await this.#consent(collector);
    const chunks: Buffer[] = [];
    let bytes = 0;
    const limit = this.#limit(collector.title, options.signal);
    return await this.#ask(collector, spec, limit, {
      late: (why) => limit.after(collector.timeoutMs, why),
      payload: (piece) => {
        bytes += piece.length;
        if (bytes <= OUTPUT_LIMIT) chunks.push(piece);
        else limit.end(this.say.tooMuch(collector.title, OUTPUT_LIMIT));
      },
      output: chunks,
      answer: () => collector.decode(decodeUtf8(chunks), params),
    });
  }

  async download<P, H>(
    collector: DownloadCollector<P, H>,
    params: P,
    sink: ByteSink<H>,
    options: RunOptions = {},
  ): Promise<void> {
    const spec = this.#spec(collector, {
      kind: 'question',
      preamble: '',
      script: collector.script(params),
      cleanup: '',
    });
    await this.#consent(collector);
    const limit = this.#limit(collector.title, options.signal);
    let idle: NodeJS.Timeout | null = null;
    // A limit's reason is a Failure; what the sink threw may be a bug, and is thrown as it is.
    let thrown: unknown = null;
    const download = new Download(collector, params, sink, (error) => {
      thrown = error;
      limit.end(isFailure(error) ? error : new Failure('cancelled', `${collector.title}: broke off.`));
    });
    try {
      await this.#ask(collector, spec, limit, {
        late: (why) => {
          idle = setTimeout(() => limit.end(why()), collector.idleMs);
        },
        payload: async (piece) => {
          idle?.refresh();
          await download.push(piece);
          idle?.refresh();
        },
        output: [],
        answer: () => limit.race(download.end()),
      });
    } catch (error) {
      throw thrown ?? error;
    } finally {
      if (idle !== null) clearTimeout(idle);
    }
  }

  /** @throws Failure not-allowed when the person does not want it */
  async #consent({ name, title, grade }: AskedConsent): Promise<void> {
    if (grade === 'observe' || (await this.target.consent({ name, title, grade }))) return;
    throw new Failure(
      'not-allowed',
      `${title}: not started, as you did not allow it on ${this.target.alias}; start it again to be asked again.`,
    );
  }

  /** The reasons that end every question. */
  #limit(title: string, signal: AbortSignal | undefined): Limit {
    return new Limit()
      .when(this.closing, () => this.#lostFailure())
      .when(signal, () => new Failure('cancelled', `${title}: cancelled.`));
  }

  /** Runs a question in a slot until it has ended, or the limit says so; disposes the limit. */
  async #ask<T>(
    question: AskedConsent,
    spec: JobSpec,
    limit: Limit,
    handlers: QuestionHandlers<T>,
  ): Promise<T> {
    let stage: ChannelStage = 'waiting';
    handlers.late(() => this.#late(question.title, stage));
    const report = this.#report(question, spec);
    try {
      const job = await limit.race(
        this.pool.ask(
          spec,
          limit.signal,
          {
            ready: () => {},
            payload: (piece) => {
              report.received(piece.length);
              return handlers.payload(piece);
            },
          },
          (reached) => {
            stage = reached;
          },
        ),
      );
      const result = await limit.race(job.ended);
      report.ended(result);
      this.#judge(question.title, spec, result);
      return await handlers.answer();
    } catch (error) {
      report.failed(error, handlers.output);
      throw error;
    } finally {
      limit.dispose();
    }
  }

  async stream<P extends S, E, S>(
    collector: StreamCollector<P, E, S>,
    params: P,
    sink: StreamSink<E>,
  ): Promise<RunningStream> {
    const script = collector.script(params);
    const spec = this.#spec(collector, {
      kind: 'stream',
      preamble: collector.preamble ?? '',
      script,
      cleanup: collector.cleanup(params),
    });
    // Nobody is asked about what cannot be done.
    await this.#consent(collector);
    const limit = new Limit()
      .when(this.closing, () => this.#lostFailure())
      .after(STREAM_START_MS, () => this.#late(collector.title, 'open'));
    let job: RemoteJob | null = null;
    const report = this.#report(collector, spec);
    const delivery = new EventDelivery(
      collector.decoder(params),
      sink,
      (what) => {
        this.target.log(`${collector.name}: ${what}`);
        job?.stop();
      },
      (question, of) => this.run(question, of),
    );
    let isReady: () => void = () => {};
    const ready = new Promise<void>((resolve) => {
      isReady = resolve;
    });
    const payload = (piece: Buffer): void => {
      report.received(piece.length);
      delivery.push(piece);
    };
    try {
      const waiting = await limit.race(this.pool.beginStandby(spec, script, payload, limit.signal));
      // One step, raced as a whole: a slot that comes too late finds its way back.
      const open = async (): Promise<RemoteJob> => {
        const handlers = { ready: () => isReady(), payload };
        const opened = await this.pool.openStream(spec, limit.signal, handlers);
        if (opened === null) throw this.say.tooManyStreams(collector.title, this.pool.slots);
        return opened;
      };
      const running = waiting ?? (await limit.race(open()));
      job = running;
      if (waiting === null) {
        const first = await limit.race(Promise.race([ready, running.ended]));
        if (first !== undefined && !first.wasReady) {
          report.ended(first);
          this.#judge(collector.title, spec, first);
        }
      }
      report.started();
      if (delivery.bug !== null) running.stop();
      const ended = running.ended.then(async (result): Promise<StreamEnd> => {
        await delivery.end();
        report.ended(result);
        report.account();
        return streamEnd(result, delivery.bug);
      });
      return { ended, dispose: () => running.stop() };
    } catch (error) {
      job?.stop();
      report.failed(error, []);
      throw error;
    } finally {
      limit.dispose();
    }
  }

  standBy<P extends S, E, S>(collector: StreamCollector<P, E, S>, known: S): StandingBy {
    const nothing = { dispose: () => {}, goAhead: () => {} };
    if (this.over.state !== 'connected') return nothing;
    if (collector.needsRoot === true && this.over.facts?.root === 'none') return nothing;
    const spec = this.#spec(collector, {
      kind: 'stream',
      preamble: collector.preamble ?? '',
      script: null,
      ahead: collector.ahead?.(known) ?? '',
      cleanup: collector.cleanup(known),
    });
    const startedAt = performance.now();
    const limit = new Limit()
      .when(this.closing, () => this.#lostFailure())
      .after(STREAM_START_MS, () => this.#late(collector.title, 'open'));
    const waiting = this.pool.standBy(spec, limit.signal);
    if (waiting === null) {
      limit.dispose();
      return nothing;
    }
    const tell = (what: string): void => {
      const took = Math.round(performance.now() - startedAt);
      this.target.log(`${collector.name}: ${took} ms, ${what}`);
    };
    void waiting.then(async (job) => {
      limit.dispose();
      tell(job === null ? 'could not stand by' : 'stands by');
      const result = await job?.ended;
      // What was given a script is told of by its stream.
      if (job === null || result === undefined || job.wasGiven) return;
      tell(`stood by and was not needed, ${describe(result)}`);
      for (const line of account(result.stderr, [])) this.target.log(`${collector.name}: ${line}`);
    });
    let isAhead = spec.ahead === '';
    return {
      goAhead: () => {
        const { name, title, grade } = collector;
        if (isAhead || !this.target.allows({ name, title, grade })) return;
        isAhead = true;
        const report = this.#report({ name, title: `${title}: made ready`, grade }, spec);
        if (this.pool.goAhead(waiting)) report.done('made ready');
      },
      dispose: () => this.pool.endStandby(waiting),
    };
  }

  /** @see Connection.becomeRoot */
  async becomeRoot(
    ask: (question: RootQuestion) => Promise<string | undefined>,
    options: RunOptions & { readonly programs?: readonly RootProgram[] },
  ): Promise<boolean> {
    const { facts } = this.over;
    if (facts === null || facts.root !== 'none') return facts !== null;
    const limit = this.#limit('Becoming root', options.signal);
    try {
      const programs = options.programs ?? facts.rootPrograms;
      const found = await enterRoot(this.pool, this.target, programs, ask, limit, facts.bootId);
      if (found === null) return false;
      this.#root = found;
      this.over.facts = { ...facts, root: found.by };
      this.target.log(`root by ${found.by}${found.tty ? ' with a terminal' : ''}`);
      return true;
    } finally {
      limit.dispose();
    }
  }

  #report(question: AskedConsent, spec: JobSpec): RunReport {
    const { alias, user, activity, log } = this.target;
    const { name, title, grade } = question;
    const asRoot = spec.root !== null || this.over.facts?.root === 'root';
    const boot = this.over.facts?.bootId ?? null;
    const about = { target: alias, boot, user: asRoot ? 'root' : user, name, title, grade };
    return new RunReport(name, log, new ActivityEntry(about, spec, activity));
  }

  #spec(
    { needsRoot, grade }: Pick<Question, 'needsRoot' | 'grade'>,
    rest: Omit<JobSpec, 'root' | 'isSprawling'>,
  ): JobSpec {
    if (this.over.state === 'closed') throw this.#lostFailure();
    // What a person wrote may start a service, say.
    const job = grade === 'change' ? { ...rest, isSprawling: true } : rest;
    // Only the facts are asked before anything is known, and they need no root.
    const root = this.over.facts?.root ?? 'none';
    if (needsRoot === true && root === 'none') throw this.say.notRoot();
    if (needsRoot === false || root === 'root' || root === 'none') return { root: null, ...job };
    this.#root ??= silentRoot(root);
    return { root: this.#root, ...job };
  }

  /** @throws Failure unless the job finished by itself with status 0. */
  #judge(title: string, spec: JobSpec, result: JobResult): void {
    const failure = this.say.ofResult(title, spec, result, this.over.lost);
    if (failure !== null) throw failure;
  }

  #late(title: string, stage: ChannelStage): Failure {
    return this.say.timeout(title, this.over.state, this.pool.slots, stage);
  }

  #lostFailure(): Failure {
    return (
      this.over.lost ??
      new Failure('lost', `The connection to ${this.target.alias} is closed.`, 'Connect again.')
    );
  }
}

function decodeUtf8(chunks: readonly Buffer[]): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(chunks));
}

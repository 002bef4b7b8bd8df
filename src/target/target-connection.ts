import { setMaxListeners } from 'node:events';
import { Failure, isFailure } from '../core/failure.ts';
import { type Disposable, Lifetime } from '../core/lifetime.ts';
import { ActivityEntry, type ActivityRecord } from './activity.ts';
import type { Collector, DownloadCollector, Question, StreamCollector } from './collector.ts';
import { facts as factsCollector } from './collectors/facts.ts';
import type {
  AskedConsent,
  ByteSink,
  Connection,
  ConnectionState,
  RootQuestion,
  RunningStream,
  RunOptions,
  StreamEnd,
  StreamSink,
  TargetFacts,
} from './connection.ts';
import { ConnectionFailures } from './connection-failures.ts';
import { Download } from './download.ts';
import { EventDelivery } from './event-delivery.ts';
import { streamEnd } from './job-outcome.ts';
import { JobPool } from './job-pool.ts';
import { Limit } from './limit.ts';
import { Liveness } from './liveness.ts';
import type { JobHandlers, JobResult, JobSpec, RemoteJob } from './remote-job.ts';
import { findRoot, tryRoot } from './root-access.ts';
import {
  type RootProgram,
  type RootShell,
  shellCommand,
  silentRoot,
  type UnlockResult,
} from './root-shell.ts';
import { endOf, RunReport } from './run-report.ts';
import type { Transport } from './transport.ts';

/** Most that one question may answer. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;
/** A stream must be running after this time: opening a channel, sudo, a slow login shell. */
const STREAM_START_MS = 30_000;
/** How often it is looked whether more waits than may: a server on a fast network sends 350 MB in a second. */
const FLOOD_CHECK_MS = 100;
/** How long the other side may take to close after we said goodbye. */
const GOODBYE_MS = 1000;
/** What a kind of question does with its job. */
interface QuestionHandlers<T> {
  /** Called at the start: sets the time limit. @param hasChannel whether the server has given one by then */
  late(hasChannel: () => boolean): void;
  payload: JobHandlers['payload'];
  /** What came, for the Log when it fails. */
  readonly output: readonly Buffer[];
  /** Called when the job ended well. */
  answer(): T | Promise<T>;
}

interface Target {
  readonly alias: string;
  readonly user: string;
  /** Given up after so long without a byte, in milliseconds. */
  readonly deadAfterMs: number;
  readonly log: (line: string) => void;
  readonly activity: (record: ActivityRecord) => void;
  /** Asked before all that does more than read. */
  readonly consent: (question: AskedConsent) => Promise<boolean>;
}

export class TargetConnection implements Connection {
  readonly #transport: Transport;
  readonly #target: Target;
  readonly #owned = new Lifetime();
  readonly #listeners = new Set<(state: ConnectionState, why: string) => void>();
  readonly #closing = new AbortController();
  readonly #pool: JobPool;
  readonly #say: ConnectionFailures;
  #state: ConnectionState = 'connected';
  #lost: Failure | null = null;
  #why = '';
  #wasCut = false;
  #facts: TargetFacts | null = null;
  /** How root's shells are started, once that is known. */
  #root: RootShell | null = null;

  private constructor(transport: Transport, target: Target) {
    this.#transport = transport;
    this.#target = target;
    this.#pool = new JobPool(transport, this.#closing.signal);
    this.#say = new ConnectionFailures(target);
    // Each question and stream under way listens.
    setMaxListeners(0, this.#closing.signal);
    transport.onEnd(() => this.#close(this.#say.closed(transport.why()), transport.isDistrusted));
    if (transport.received !== null) {
      this.#owned.add(
        new Liveness(() => transport.received ?? 0, target.deadAfterMs, {
          silent: () => this.#to('silent', this.#say.silent(transport.silentHop())),
          back: () => this.#to('connected', ''),
          dead: () => this.#close(this.#say.dead(transport.silentHop(), target.deadAfterMs)),
        }),
      );
    }
    const guard = setInterval(() => {
      if (this.#pool.isFlooded) this.#close(this.#say.flooded(), true);
    }, FLOOD_CHECK_MS);
    guard.unref();
    this.#owned.onEnd(() => clearInterval(guard));
  }

  /** Takes over a transport and asks the target what it is. @throws Failure */
  static async start(transport: Transport, target: Target, signal: AbortSignal): Promise<TargetConnection> {
    const connection = new TargetConnection(transport, target);
    try {
      connection.#facts = await connection.run(factsCollector, null, { signal });
      return connection;
    } catch (error) {
      connection.dispose();
      throw error;
    }
  }

  get identity(): string | null {
    const { identity } = this.#transport;
    return identity === null ? null : `${this.#target.user} ${identity}`;
  }

  get remark(): string {
    return this.#transport.remark;
  }

  get facts(): TargetFacts {
    if (this.#facts === null) throw new Error('the facts are known once start() has resolved');
    return this.#facts;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get why(): string {
    return this.#why;
  }

  get wasCut(): boolean {
    return this.#wasCut;
  }

  onState(listener: (state: ConnectionState, why: string) => void): Disposable {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  }

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
      late: (hasChannel) =>
        limit.after(collector.timeoutMs, () =>
          hasChannel() || this.#state === 'silent'
            ? this.#say.timeout(collector.title, this.#state)
            : this.#say.noChannel(collector.title, this.#pool.slots),
        ),
      payload: (piece) => {
        bytes += piece.length;
        if (bytes <= OUTPUT_LIMIT) chunks.push(piece);
        else limit.end(this.#say.tooMuch(collector.title, OUTPUT_LIMIT));
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
        late: (hasChannel) => {
          idle = setTimeout(() => {
            limit.end(
              hasChannel()
                ? this.#say.timeout(collector.title, this.#state)
                : this.#say.noChannel(collector.title, this.#pool.slots),
            );
          }, collector.idleMs);
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
    if (grade === 'observe' || (await this.#target.consent({ name, title, grade }))) return;
    throw new Failure('not-allowed', `${title}: you did not allow it on ${this.#target.alias}.`);
  }

  /** The reasons that end every question. */
  #limit(title: string, signal: AbortSignal | undefined): Limit {
    return new Limit()
      .when(this.#closing.signal, () => this.#lostFailure())
      .when(signal, () => new Failure('cancelled', `${title}: cancelled.`));
  }

  /** Runs a question in a slot until it has ended, or the limit says so; disposes the limit. */
  async #ask<T>(
    question: AskedConsent,
    spec: JobSpec,
    limit: Limit,
    handlers: QuestionHandlers<T>,
  ): Promise<T> {
    let hasChannel = false;
    handlers.late(() => hasChannel);
    const report = this.#report(question, spec);
    try {
      const job = await limit.race(
        this.#pool.ask(
          spec,
          limit.signal,
          {
            ready: () => {},
            payload: (piece) => {
              report.received(piece.length);
              return handlers.payload(piece);
            },
          },
          () => {
            hasChannel = true;
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
      .when(this.#closing.signal, () => this.#lostFailure())
      .after(STREAM_START_MS, () => this.#say.timeout(collector.title, this.#state));
    let job: RemoteJob | null = null;
    const report = this.#report(collector, spec);
    const delivery = new EventDelivery(
      collector.decoder(params),
      sink,
      (what) => {
        this.#target.log(`${collector.name}: ${what}`);
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
      const waiting = await limit.race(this.#pool.beginStandby(spec, script, payload, limit.signal));
      // One step, raced as a whole: a slot that comes too late finds its way back.
      const open = async (): Promise<RemoteJob> => {
        const handlers = { ready: () => isReady(), payload };
        const opened = await this.#pool.openStream(spec, limit.signal, handlers);
        if (opened === null) throw this.#say.tooManyStreams(collector.title, this.#pool.slots);
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

  standBy<P extends S, E, S>(collector: StreamCollector<P, E, S>, known: S): Disposable {
    const nothing = { dispose: () => {} };
    if (this.#state !== 'connected') return nothing;
    if (collector.needsRoot === true && this.#facts?.root === 'none') return nothing;
    const spec = this.#spec(collector, {
      kind: 'stream',
      preamble: collector.preamble ?? '',
      script: null,
      cleanup: collector.cleanup(known),
    });
    const startedAt = performance.now();
    const limit = new Limit()
      .when(this.#closing.signal, () => this.#lostFailure())
      .after(STREAM_START_MS, () => this.#say.timeout(collector.title, this.#state));
    const waiting = this.#pool.standBy(spec, limit.signal);
    if (waiting === null) {
      limit.dispose();
      return nothing;
    }
    void waiting.then((job) => {
      limit.dispose();
      const took = Math.round(performance.now() - startedAt);
      this.#target.log(`${collector.name}: ${took} ms, ${job === null ? 'could not stand by' : 'stands by'}`);
    });
    return { dispose: () => this.#pool.endStandby(waiting) };
  }

  dispose(): void {
    this.#close('');
  }

  #report(question: AskedConsent, spec: JobSpec): RunReport {
    const { alias, user, activity, log } = this.#target;
    const { name, title, grade } = question;
    const asRoot = spec.root !== null || this.#facts?.root === 'root';
    const boot = this.#facts?.bootId ?? null;
    const about = { target: alias, boot, user: asRoot ? 'root' : user, name, title, grade };
    return new RunReport(name, log, new ActivityEntry(about, spec, activity));
  }

  async becomeRoot(
    ask: (question: RootQuestion) => Promise<string | undefined>,
    options: RunOptions & { readonly programs?: readonly RootProgram[] } = {},
  ): Promise<boolean> {
    const facts = this.facts;
    if (facts.root !== 'none') return true;
    const limit = this.#limit('Becoming root', options.signal);
    try {
      const found = await findRoot(
        options.programs ?? facts.rootPrograms,
        this.#target,
        ask,
        async (shell) => {
          const slot = await this.#pool.questionSlot(limit.signal);
          return await this.#recorded(shell, () =>
            limit.race(tryRoot(this.#transport, shell, limit.signal).finally(() => slot.release())),
          );
        },
      );
      if (found === null) return false;
      this.#root = found;
      this.#facts = { ...facts, root: found.by };
      this.#target.log(`root by ${found.by}${found.tty ? ' with a terminal' : ''}`);
      return true;
    } finally {
      limit.dispose();
    }
  }

  /** An attempt to become root, with its record. */
  async #recorded(shell: RootShell, attempt: () => Promise<UnlockResult>): Promise<UnlockResult> {
    const { alias, user, activity } = this.#target;
    const boot = this.#facts?.bootId ?? null;
    const title = `Becoming root by ${shell.by}`;
    const about = { target: alias, boot, user, name: 'become-root', title, grade: 'observe' } as const;
    // Without the nonce, so that the same command has the same sum.
    const script = shellCommand(shell, '');
    const entry = new ActivityEntry(
      about,
      { root: null, kind: 'question', preamble: '', script, cleanup: '' },
      activity,
    );
    try {
      const result = await attempt();
      if (result.end === 'root') entry.done();
      else entry.failed(result.end === 'given-up' ? 'stopped' : 'failed', 0);
      return result;
    } catch (error) {
      entry.failed(endOf(error), 0);
      throw error;
    }
  }

  #spec({ needsRoot }: Pick<Question, 'needsRoot'>, job: Omit<JobSpec, 'root'>): JobSpec {
    if (this.#state === 'closed') throw this.#lostFailure();
    // Only the facts are asked before anything is known, and they need no root.
    const root = this.#facts?.root ?? 'none';
    if (needsRoot === true && root === 'none') throw this.#say.notRoot();
    if (needsRoot === false || root === 'root' || root === 'none') return { root: null, ...job };
    this.#root ??= silentRoot(root);
    return { root: this.#root, ...job };
  }

  /** @throws Failure unless the job finished by itself with status 0. */
  #judge(title: string, spec: JobSpec, result: JobResult): void {
    const failure = this.#say.ofResult(title, spec, result, this.#lost);
    if (failure !== null) throw failure;
  }

  #lostFailure(): Failure {
    return (
      this.#lost ??
      new Failure('lost', `The connection to ${this.#target.alias} is closed.`, 'Connect again.')
    );
  }

  #to(state: ConnectionState, why: string): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.#target.log(`${state}${why === '' ? '' : `: ${why}`}`);
    for (const listener of [...this.#listeners]) listener(state, why);
  }

  /**
   * Ends everything; an empty reason says that it was us.
   * @param cut since the other side cannot be trusted
   */
  #close(why: string, cut = false): void {
    if (this.#state === 'closed') return;
    this.#why = why;
    this.#wasCut = cut;
    this.#lost = new Failure(
      'lost',
      why === '' ? `The connection to ${this.#target.alias} was closed.` : why,
      'Connect again.',
    );
    this.#to('closed', why);
    this.#owned.dispose();
    this.#closing.abort();
    // The end of the connection is the end of stdin of every job there, so each cleans up.
    this.#transport.end(why === '' ? GOODBYE_MS : 0);
    this.#pool.abandon();
    this.#listeners.clear();
  }
}

function decodeUtf8(chunks: readonly Buffer[]): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(chunks));
}

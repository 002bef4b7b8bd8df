import { setMaxListeners } from 'node:events';
import { Failure, isFailure } from '../core/failure.ts';
import { type Disposable, Lifetime } from '../core/lifetime.ts';
import { inert, inertBlock } from '../core/text/inert.ts';
import { LineSplitter } from '../core/text/lines.ts';
import { ChannelSlots, type Slot } from './channel-slots.ts';
import type { Collector, DownloadCollector, StreamCollector } from './collector.ts';
import { facts as factsCollector } from './collectors/facts.ts';
import type {
  ByteSink,
  Connection,
  ConnectionState,
  RunningStream,
  RunOptions,
  StreamEnd,
  StreamSink,
  TargetFacts,
} from './connection.ts';
import { Download } from './download.ts';
import { account, describe, firstLine, streamEnd } from './job-outcome.ts';
import { Limit } from './limit.ts';
import { Liveness } from './liveness.ts';
import { ChannelRefused, type JobHandlers, type JobResult, type JobSpec, RemoteJob } from './remote-job.ts';
import type { SshSession } from './ssh-session.ts';
import { Standby } from './standby.ts';

/** Most that one question may answer. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;
/** A stream must be running after this time: opening a channel, sudo, a slow login shell. */
const STREAM_START_MS = 30_000;
/** More than this unread on a channel: the server does not keep to the window it was given. */
const UNREAD_LIMIT = 8 * 1024 * 1024;
/** How long a channel that sshd has not given back yet is waited for. */
const REFUSED_RETRY_MS = 250;
/** How often a stream looks for a channel, with that pause, before it is said that there are too many. */
const STREAM_SLOT_TURNS = 4;
/** How long the server may take to close its side after we said goodbye. */
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
}

export class SshConnection implements Connection {
  readonly #session: SshSession;
  readonly #target: Target;
  readonly #owned = new Lifetime();
  readonly #slots = new ChannelSlots();
  readonly #jobs = new Set<RemoteJob>();
  readonly #listeners = new Set<(state: ConnectionState, why: string) => void>();
  readonly #closing = new AbortController();
  #state: ConnectionState = 'connected';
  #lost: Failure | null = null;
  #facts: TargetFacts | null = null;
  /** Resolves when the channel that is being opened is open, or could not be. */
  #opening: Promise<void> = Promise.resolve();
  /** When a channel was last closed, by performance.now(). */
  #lastClosed = 0;
  /** What waits for the script of the next stream. */
  #standby: Standby | null = null;

  private constructor(session: SshSession, target: Target) {
    this.#session = session;
    this.#target = target;
    const { client, socket } = session;
    // Each question and stream under way listens.
    setMaxListeners(0, this.#closing.signal);
    client.on('close', () => this.#close(this.#whyClosed()));
    if (socket.destroyed) this.#close(this.#whyClosed());
    this.#owned.add(
      new Liveness(() => socket.bytesRead, target.deadAfterMs, {
        silent: () => this.#to('silent', `${target.alias} is not answering: paused in a debugger? panicked?`),
        back: () => this.#to('connected', ''),
        dead: () => this.#close(`${target.alias} has not answered for ${target.deadAfterMs / 1000} s.`),
      }),
    );
    const guard = setInterval(() => this.#guard(), 1000);
    guard.unref();
    this.#owned.onEnd(() => clearInterval(guard));
  }

  /** Takes over a session and asks the target what it is. @throws Failure */
  static async start(session: SshSession, target: Target, signal: AbortSignal): Promise<SshConnection> {
    const connection = new SshConnection(session, target);
    try {
      connection.#facts = await connection.run(factsCollector, null, { signal });
      return connection;
    } catch (error) {
      connection.dispose();
      throw error;
    }
  }

  get facts(): TargetFacts {
    if (this.#facts === null) throw new Error('the facts are known once start() has resolved');
    return this.#facts;
  }

  get state(): ConnectionState {
    return this.#state;
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
    const chunks: Buffer[] = [];
    let bytes = 0;
    const limit = this.#limit(collector.title, options.signal);
    return await this.#ask(collector, spec, limit, {
      late: (hasChannel) =>
        limit.after(collector.timeoutMs, () =>
          hasChannel() || this.#state === 'silent'
            ? this.#timeout(collector)
            : this.#noChannel(collector.title),
        ),
      payload: (piece) => {
        bytes += piece.length;
        if (bytes <= OUTPUT_LIMIT) chunks.push(piece);
        else limit.end(tooMuch(collector.title));
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
            limit.end(hasChannel() ? this.#timeout(collector) : this.#noChannel(collector.title));
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

  /** The reasons that end every question. */
  #limit(title: string, signal: AbortSignal | undefined): Limit {
    return new Limit()
      .when(this.#closing.signal, () => this.#lostFailure())
      .when(signal, () => new Failure('cancelled', `${title}: cancelled.`));
  }

  /** Runs a question in a slot until it has ended, or the limit says so; disposes the limit. */
  async #ask<T>(
    question: { readonly name: string; readonly title: string },
    spec: JobSpec,
    limit: Limit,
    handlers: QuestionHandlers<T>,
  ): Promise<T> {
    let bytes = 0;
    let stderr = '';
    let hasChannel = false;
    handlers.late(() => hasChannel);
    const startedAt = performance.now();
    try {
      const slot = await this.#slots.wait(limit.signal);
      const opening = this.#open(spec, slot, limit.signal, {
        ready: () => {},
        payload: (piece) => {
          bytes += piece.length;
          return handlers.payload(piece);
        },
      });
      const job = await limit.race(opening);
      hasChannel = true;
      const stop = (): void => job.stop();
      limit.signal.addEventListener('abort', stop, { once: true });
      if (limit.signal.aborted) stop();
      const result = await limit.race(job.ended);
      stderr = result.stderr;
      this.#log(question.name, startedAt, `${bytes} bytes, ${describe(result)}`);
      this.#judge(question.title, spec, result);
      return await handlers.answer();
    } catch (error) {
      this.#logFailure(question.name, startedAt, error, stderr, handlers.output);
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
    const decoder = collector.decoder(params);
    const text = new TextDecoder('utf-8', { ignoreBOM: true });
    const lines = new LineSplitter();
    const startedAt = performance.now();
    const limit = new Limit()
      .when(this.#closing.signal, () => this.#lostFailure())
      .after(STREAM_START_MS, () => this.#timeout(collector));
    let bytes = 0;
    let stderr = '';
    let bug: unknown = null;
    let job: RemoteJob | null = null;
    const deliver = (batch: () => readonly E[]): void => {
      if (bug !== null) return;
      try {
        const events = batch();
        if (events.length > 0) sink.events(events);
      } catch (error) {
        // A fault of ours must not leave the stream running unseen, nor break the connection.
        bug = error;
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#target.log(`${collector.name}: ${inertBlock(what)}`);
        job?.stop();
      }
    };
    let isReady: () => void = () => {};
    const ready = new Promise<void>((resolve) => {
      isReady = resolve;
    });
    const payload = (piece: Buffer): void => {
      bytes += piece.length;
      deliver(() => lines.push(text.decode(piece, { stream: true })).flatMap((line) => decoder.line(line)));
    };
    try {
      const waiting = await limit.race(this.#beginStandby(spec, script, payload));
      const running =
        waiting ??
        (await limit.race(
          this.#open(spec, await limit.race(this.#streamSlot(collector)), limit.signal, {
            ready: () => isReady(),
            payload,
          }),
        ));
      job = running;
      if (waiting === null) {
        const first = await limit.race(Promise.race([ready, running.ended]));
        if (first !== undefined && !first.wasReady) {
          stderr = first.stderr;
          this.#judge(collector.title, spec, first);
        }
      }
      this.#log(collector.name, startedAt, 'started');
      if (bug !== null) running.stop();
      const ended = running.ended.then((result): StreamEnd => {
        deliver(() => [
          ...[...lines.push(text.decode()), ...lines.end()].flatMap((line) => decoder.line(line)),
          ...decoder.end(),
        ]);
        this.#log(collector.name, startedAt, `${bytes} bytes, ${describe(result)}`);
        for (const line of account(result.stderr, [])) this.#target.log(`${collector.name}: ${line}`);
        return streamEnd(result, bug);
      });
      return { ended, dispose: () => running.stop() };
    } catch (error) {
      job?.stop();
      this.#logFailure(collector.name, startedAt, error, stderr, []);
      throw error;
    } finally {
      limit.dispose();
    }
  }

  standBy<P extends S, E, S>(collector: StreamCollector<P, E, S>, known: S): void {
    if (this.#state !== 'connected' || this.#standby !== null) return;
    if (collector.needsRoot && this.#facts?.root === 'none') return;
    const slot = this.#slots.tryForStandby();
    if (slot === null) return;
    const spec = this.#spec(collector, {
      kind: 'stream',
      preamble: collector.preamble ?? '',
      script: null,
      cleanup: collector.cleanup(known),
    });
    const startedAt = performance.now();
    const limit = new Limit()
      .when(this.#closing.signal, () => this.#lostFailure())
      .after(STREAM_START_MS, () => this.#timeout(collector));
    const standby = new Standby(spec, (handlers) => this.#open(spec, slot, limit.signal, handlers));
    this.#standby = standby;
    void standby.waiting.then(async (job) => {
      limit.dispose();
      this.#log(collector.name, startedAt, job === null ? 'could not stand by' : 'stands by');
      await job?.ended;
      if (this.#standby === standby) this.#standby = null;
    });
  }

  dispose(): void {
    this.#close('');
  }

  /** Has the job that stands by run a script; null when none of the kind does. */
  async #beginStandby(
    spec: JobSpec,
    script: string,
    payload: JobHandlers['payload'],
  ): Promise<RemoteJob | null> {
    const standby = this.#standby;
    if (standby?.fits(spec) !== true) return null;
    this.#standby = null;
    return await standby.begin(script, payload);
  }

  /** A slot for a stream; what only stands by makes room for it. @throws Failure when there is none */
  async #streamSlot(collector: { title: string }): Promise<Slot> {
    const slot = this.#slots.tryForStream();
    if (slot !== null) return slot;
    const standby = this.#standby;
    this.#standby = null;
    await standby?.drop();
    // A question that has its answer holds its channel for a moment.
    for (let turn = 0; turn < STREAM_SLOT_TURNS; turn++) {
      const freed = this.#slots.tryForStream();
      if (freed !== null) return freed;
      await pause(REFUSED_RETRY_MS, this.#closing.signal);
    }
    throw this.#tooManyStreams(collector.title);
  }

  #spec(question: { title: string; needsRoot: boolean }, job: Omit<JobSpec, 'command'>): JobSpec {
    if (this.#state === 'closed') throw this.#lostFailure();
    // Only the facts are asked before anything is known, and they need no root.
    const root = this.#facts?.root ?? 'none';
    if (question.needsRoot && root === 'none') throw this.#notRoot();
    const command = question.needsRoot && root === 'sudo' ? 'exec sudo -n /bin/sh' : 'exec /bin/sh';
    return { command, ...job };
  }

  /** Opens a job in a slot; waits while the server has no channel to give. Gives the slot back at its end. */
  async #open(spec: JobSpec, slot: Slot, signal: AbortSignal, handlers: JobHandlers): Promise<RemoteJob> {
    // One after the other: so it is known how many channels are open when the server refuses one.
    const turn = this.#opening;
    let done: () => void = () => {};
    this.#opening = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await turn;
      const job = await this.#openPatiently(spec, signal, handlers);
      this.#jobs.add(job);
      void job.closed.then(() => {
        this.#lastClosed = performance.now();
        this.#jobs.delete(job);
        slot.release();
      });
      if (this.#state === 'closed') job.abandon();
      return job;
    } catch (error) {
      slot.release();
      throw error;
    } finally {
      done();
    }
  }

  async #openPatiently(spec: JobSpec, signal: AbortSignal, handlers: JobHandlers): Promise<RemoteJob> {
    for (;;) {
      try {
        return await RemoteJob.open(this.#session.client, spec, handlers, signal);
      } catch (error) {
        if (!(error instanceof ChannelRefused) || signal.aborted || spec.script === null) throw error;
        // An ended command holds its session on the server for a moment, so only a server that goes on
        // refusing while nothing has ended teaches what it allows.
        const settled = performance.now() - this.#lastClosed > 2 * REFUSED_RETRY_MS;
        if (settled && this.#jobs.size > 0) this.#slots.shrink(this.#jobs.size);
        await pause(REFUSED_RETRY_MS, signal);
      }
    }
  }

  /** @throws Failure unless the job finished by itself with status 0. */
  #judge(title: string, spec: JobSpec, result: JobResult): void {
    const said = firstLine(result.stderr);
    const { end } = result;
    if (end === null) {
      if (this.#lost !== null) throw this.#lost;
      if (result.wasReady) {
        throw new Failure(
          'lost',
          `${title}: the answer broke off${said === '' ? '' : ` (${said})`}.`,
          'Try again; the machine may be shutting down or out of memory.',
        );
      }
      if (spec.command !== 'exec /bin/sh') throw this.#notRoot(said);
      throw new Failure(
        'script-failed',
        `${this.#target.alias} ran no shell for ${this.#target.user}${said === '' ? '' : `: ${said}`}.`,
        'The account needs a login shell that runs commands, without ForceCommand in sshd_config.',
      );
    }
    if (end.why === 'finished' && end.status === 0) return;
    if (end.why !== 'finished') {
      throw new Failure(
        'lost',
        `${title}: it was ended on ${this.#target.alias} before it had the answer.`,
        'Try again.',
      );
    }
    throw new Failure(
      'script-failed',
      `${title}: failed on ${this.#target.alias} with status ${end.status}${said === '' ? '' : ` (${said})`}.`,
      'Show Log has the whole of it.',
    );
  }

  #notRoot(said = ''): Failure {
    const { alias, user } = this.#target;
    return new Failure(
      'not-root',
      `On ${alias} this takes root, but ${user} is not root and cannot use sudo without a password${said === '' ? '' : ` (${said})`}.`,
      `Connect as root, or allow it in sudoers there: ${user} ALL=(root) NOPASSWD: /bin/sh`,
    );
  }

  #tooManyStreams(title: string): Failure {
    return new Failure(
      'bad-request',
      `${title}: ${this.#slots.taken} things run on ${this.#target.alias} already, and its SSH server allows ${this.#slots.limit}.`,
      'Stop one of the running traces, or raise MaxSessions in sshd_config.',
    );
  }

  #noChannel(title: string): Failure {
    return new Failure(
      'timeout',
      `${title}: the SSH server of ${this.#target.alias} allows no further session beside the ${this.#slots.taken} that are open.`,
      'Stop one of the running traces, or raise MaxSessions in sshd_config.',
    );
  }

  #timeout(question: { title: string }): Failure {
    const { alias } = this.#target;
    return this.#state === 'silent'
      ? new Failure(
          'timeout',
          `${question.title}: ${alias} is not answering.`,
          'See whether it is paused in a debugger or has panicked.',
        )
      : new Failure(
          'timeout',
          `${question.title}: no answer from ${alias} in time.`,
          'Try again; the machine may be overloaded.',
        );
  }

  #lostFailure(): Failure {
    return (
      this.#lost ??
      new Failure('lost', `The connection to ${this.#target.alias} is closed.`, 'Connect again.')
    );
  }

  #whyClosed(): string {
    const why = this.#session.why();
    const { alias } = this.#target;
    return why === null
      ? `${alias} closed the connection: it may be shutting down.`
      : `The connection to ${alias} broke: ${inert(why, 300).replace(/\.$/, '')}. Connect again when the machine is back.`;
  }

  #guard(): void {
    for (const job of this.#jobs) {
      if (job.unread > UNREAD_LIMIT) {
        this.#close(`${this.#target.alias} sends more than it was given room for; the connection was cut.`);
        return;
      }
    }
  }

  #to(state: ConnectionState, why: string): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.#target.log(`${state}${why === '' ? '' : `: ${why}`}`);
    for (const listener of [...this.#listeners]) listener(state, why);
  }

  /** Ends everything; an empty reason says that it was us. */
  #close(why: string): void {
    if (this.#state === 'closed') return;
    this.#lost = new Failure(
      'lost',
      why === '' ? `The connection to ${this.#target.alias} was closed.` : why,
      'Connect again.',
    );
    const { client, socket } = this.#session;
    this.#to('closed', why);
    this.#owned.dispose();
    this.#closing.abort();
    // The end of the connection is the end of stdin of every job there, so each cleans up.
    client.end();
    const timer = setTimeout(() => socket.destroy(), why === '' ? GOODBYE_MS : 0);
    socket.once('close', () => clearTimeout(timer));
    for (const job of [...this.#jobs]) job.abandon();
    this.#listeners.clear();
  }

  /** What the target said is told where the failure itself says that the Log has it. */
  #logFailure(
    name: string,
    startedAt: number,
    error: unknown,
    stderr: string,
    output: readonly Buffer[],
  ): void {
    if (!isFailure(error)) return;
    this.#log(name, startedAt, `${error.code}: ${inert(error.message, 500)}`);
    if (error.code !== 'script-failed' && error.code !== 'bad-output') return;
    for (const line of account(stderr, output)) this.#target.log(`${name}: ${line}`);
  }

  #log(name: string, startedAt: number, how: string): void {
    this.#target.log(`${name}: ${Math.round(performance.now() - startedAt)} ms, ${how}`);
  }
}

function tooMuch(title: string): Failure {
  return new Failure(
    'bad-output',
    `${title}: the answer is larger than ${OUTPUT_LIMIT / 1024 / 1024} MiB.`,
    'Ask for less.',
  );
}

function decodeUtf8(chunks: readonly Buffer[]): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(chunks));
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

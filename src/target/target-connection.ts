import { setMaxListeners } from 'node:events';
import { Failure } from '../core/failure.ts';
import { type Disposable, Lifetime } from '../core/lifetime.ts';
import type { Collector, DownloadCollector, StreamCollector } from './collector.ts';
import { facts as factsCollector } from './collectors/facts.ts';
import type {
  ByteSink,
  Connection,
  ConnectionState,
  RootQuestion,
  RunningStream,
  RunOptions,
  StandingBy,
  StreamSink,
  TargetFacts,
} from './connection.ts';
import { ConnectionFailures } from './connection-failures.ts';
import { JobPool } from './job-pool.ts';
import { Liveness } from './liveness.ts';
import type { RootProgram } from './root-shell.ts';
import { Runs, type RunTarget, type Standing } from './runs.ts';
import type { Transport } from './transport.ts';

/** How often it is looked whether more waits than may: a server on a fast network sends 350 MB in a second. */
const FLOOD_CHECK_MS = 100;
/** How long the other side may take to close after we said goodbye. */
const GOODBYE_MS = 1000;

interface Target extends RunTarget {
  /** Given up after so long without a byte, in milliseconds. */
  readonly deadAfterMs: number;
}

export class TargetConnection implements Connection {
  readonly #transport: Transport;
  readonly #target: Target;
  readonly #owned = new Lifetime();
  readonly #listeners = new Set<(state: ConnectionState, why: string) => void>();
  readonly #closing = new AbortController();
  readonly #pool: JobPool;
  readonly #say: ConnectionFailures;
  readonly #over: Standing = { state: 'connected', facts: null, lost: null };
  readonly #runs: Runs;
  #why = '';
  #wasCut = false;

  private constructor(transport: Transport, target: Target) {
    this.#transport = transport;
    this.#target = target;
    this.#pool = new JobPool(transport, this.#closing.signal);
    this.#say = new ConnectionFailures(target);
    this.#runs = new Runs(this.#pool, target, this.#say, this.#over, this.#closing.signal);
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
      connection.#over.facts = await connection.run(factsCollector, null, { signal });
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
    if (this.#over.facts === null) throw new Error('the facts are known once start() has resolved');
    return this.#over.facts;
  }

  get state(): ConnectionState {
    return this.#over.state;
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
    return await this.#runs.run(collector, params, options);
  }

  async download<P, H>(
    collector: DownloadCollector<P, H>,
    params: P,
    sink: ByteSink<H>,
    options: RunOptions = {},
  ): Promise<void> {
    await this.#runs.download(collector, params, sink, options);
  }

  async stream<P extends S, E, S>(
    collector: StreamCollector<P, E, S>,
    params: P,
    sink: StreamSink<E>,
  ): Promise<RunningStream> {
    return await this.#runs.stream(collector, params, sink);
  }

  async refreshZfs(): Promise<boolean> {
    const { zfsVersion, zfsBuildId, zfsSrcversion } = await this.run(factsCollector, null);
    const before = this.facts;
    this.#over.facts = { ...before, zfsVersion, zfsBuildId, zfsSrcversion };
    return zfsVersion !== before.zfsVersion || zfsBuildId !== before.zfsBuildId;
  }

  standBy<P extends S, E, S>(collector: StreamCollector<P, E, S>, known: S): StandingBy {
    return this.#runs.standBy(collector, known);
  }

  async becomeRoot(
    ask: (question: RootQuestion) => Promise<string | undefined>,
    options: RunOptions & { readonly programs?: readonly RootProgram[] } = {},
  ): Promise<boolean> {
    return await this.#runs.becomeRoot(ask, options);
  }

  dispose(): void {
    this.#close('');
  }

  #to(state: ConnectionState, why: string): void {
    if (this.#over.state === state || this.#over.state === 'closed') return;
    this.#over.state = state;
    this.#target.log(`${state}${why === '' ? '' : `: ${why}`}`);
    for (const listener of [...this.#listeners]) listener(state, why);
  }

  /**
   * Ends everything; an empty reason says that it was us.
   * @param cut since the other side cannot be trusted
   */
  #close(why: string, cut = false): void {
    if (this.#over.state === 'closed') return;
    this.#why = why;
    this.#wasCut = cut;
    this.#over.lost = new Failure(
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

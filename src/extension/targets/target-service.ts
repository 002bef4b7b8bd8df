import * as vscode from 'vscode';
import { isFailure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import type { ActivityRecord } from '../../target/activity.ts';
import type { Connection, ConnectionState, HostEntry } from '../../target/connection.ts';
import { type HostKeyChange, hostKeyChangeOf } from '../../target/host-key-changed.ts';
import { pause } from '../../target/pause.ts';
import { isCancelled, sentenceOf } from '../failures.ts';
import type { Context } from '../vscode-table.ts';
import type { Consent } from './consent.ts';
import { targetModule } from './lazy-target.ts';
import type { PersonPrompts } from './prompts.ts';
import { Attempts, Backoff, nobodyAsked } from './retry.ts';
import { targetKey } from './target-nodes.ts';

/** What is known of one target that was connected, or tried, since the window opened. */
export interface Target {
  readonly entry: HostEntry;
  readonly state: 'connecting' | ConnectionState;
  readonly connection: Connection | null;
  /** Why it is closed, as a sentence; empty when it was closed by the person. */
  readonly why: string;
  /** The key that it showed instead of the one that is known. */
  readonly keyChange?: HostKeyChange | null;
  /** It was lost, and is tried again by itself. */
  readonly isRetrying?: boolean;
}

interface Session {
  target: Target;
  /** Ends the attempt while connecting, and the listener while connected. */
  end: () => void;
  /** Goes on over connections that break soon. */
  readonly backoff: Backoff;
}

/**
 * Owns the connections: one per target, several at once. One target is the active one: the views
 * show it and say its name.
 */
export class TargetService implements Disposable {
  readonly #sessions = new Map<string, Session>();
  /** boot_id of each target when it was last connected. */
  readonly #boots = new Map<string, string>();
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #activeChanged = new vscode.EventEmitter<Target | null>();
  #activeKey: string | null = null;

  /** Any target's state changed. */
  readonly onChange = this.#changed.event;
  /** Another target became the active one, or the active one's connection came or went. */
  readonly onActiveChange = this.#activeChanged.event;

  constructor(
    /** Asks the person, until the signal says that the answer is not wanted any more. */
    private readonly prompts: (signal: AbortSignal) => PersonPrompts,
    private readonly context: Context,
    private readonly log: vscode.LogOutputChannel,
    private readonly activity: { write(record: ActivityRecord): void },
    private readonly consent: Consent,
  ) {}

  get active(): Target | null {
    return this.#activeKey === null ? null : (this.#sessions.get(this.#activeKey)?.target ?? null);
  }

  /** The active target's connection, while it stands. */
  get connection(): Connection | null {
    const connection = this.active?.connection ?? null;
    return connection === null || connection.state === 'closed' ? null : connection;
  }

  /** The targets that were connected, or tried, and not disconnected by the person. */
  get all(): readonly Target[] {
    return [...this.#sessions.values()].map(({ target }) => target);
  }

  target(entry: HostEntry): Target | null {
    return this.#sessions.get(targetKey(entry))?.target ?? null;
  }

  /** Makes a connected target the one that the views show. */
  show(entry: HostEntry): void {
    const key = targetKey(entry);
    if (this.#sessions.has(key) && this.#activeKey !== key) {
      this.#activeKey = key;
      this.#announce(true);
    }
  }

  /**
   * Connects and makes the target the active one. Connecting one that is connected only shows it.
   * {@link disconnect} ends the attempt.
   * @throws Failure, also kept as the target's `why` unless it was cancelled.
   */
  async connect(entry: HostEntry): Promise<Connection> {
    const key = targetKey(entry);
    const before = this.#sessions.get(key)?.target;
    if (before?.connection && before.connection.state !== 'closed') {
      this.show(entry);
      return before.connection;
    }
    this.#sessions.get(key)?.end();
    const abort = new AbortController();
    const session: Session = {
      target: { entry, state: 'connecting', connection: null, why: '' },
      end: () => abort.abort(),
      backoff: new Backoff(),
    };
    this.#sessions.set(key, session);
    this.#activeKey = key;
    this.#announce(true);
    this.log.info(`Connecting to ${entry.alias}`);
    const prompts = this.prompts(abort.signal);
    try {
      const connection = await targetModule().connect(entry, prompts, {
        signal: abort.signal,
        log: (line) => this.log.info(`${entry.alias}: ${line}`),
        activity: (record) => this.activity.write(record),
        consent: (question) => this.consent.ask(entry, question),
        allows: (question) => this.consent.allows(entry, question),
      });
      if (this.#sessions.get(key) !== session) {
        connection.dispose();
        throw new vscode.CancellationError();
      }
      this.#keep(session, connection);
      return connection;
    } catch (error) {
      if (this.#sessions.get(key) === session) {
        if (isCancelled(error)) {
          this.#forget(key);
        } else {
          const keyChange = hostKeyChangeOf(error);
          session.target = { entry, state: 'closed', connection: null, why: sentenceOf(error), keyChange };
          this.#announce(this.#activeKey === key);
        }
      }
      if (prompts.declined) {
        // The person knows that they said no; the target's row keeps saying so.
        this.log.info(`${entry.alias}: ${sentenceOf(error)}`);
        throw new vscode.CancellationError();
      }
      throw error;
    }
  }

  #keep(session: Session, connection: Connection): void {
    const { entry } = session.target;
    const since = performance.now();
    const update = (state: ConnectionState, why: string) => {
      session.target = { entry, state, connection: state === 'closed' ? null : connection, why };
    };
    update('connected', '');
    this.#noteBoot(entry, connection);
    const follow = (state: ConnectionState, why: string) => {
      const wasOpen = session.target.connection !== null;
      update(state, why);
      const { kernelRelease } = connection.facts;
      this.log.info(`${entry.alias} (${kernelRelease}): ${state}${why === '' ? '' : `: ${why}`}`);
      const isActive = this.#activeKey === targetKey(entry);
      // Closed by nobody here: it is tried again till it stands or the person disconnects. Not where the
      // other side cannot be trusted: that is for the person to look into.
      const isLost = state === 'closed' && why !== '' && !connection.wasCut;
      if (isLost) {
        session.target = { ...session.target, isRetrying: true };
      }
      this.#announce(isActive && wasOpen !== (session.target.connection !== null));
      // Whoever was told may have disconnected it.
      if (isLost && this.#sessions.get(targetKey(entry)) === session) {
        session.backoff.stood(performance.now() - since);
        void this.#retry(session);
      }
    };
    const listener = connection.onState(follow);
    session.end = () => {
      listener.dispose();
      connection.dispose();
    };
    this.#announce(this.#activeKey === targetKey(entry));
    if (connection.state !== session.target.state && this.#sessions.get(targetKey(entry)) === session) {
      // It was told before anybody listened.
      follow(connection.state, connection.why);
    }
  }

  /** Connects again after a loss, without asking anybody anything. Never rejects. */
  async #retry(session: Session): Promise<void> {
    const { entry } = session.target;
    const abort = new AbortController();
    session.end = () => abort.abort();
    const attempts = new Attempts();
    for (;;) {
      await pause(session.backoff.next(Math.random()), abort.signal);
      if (abort.signal.aborted) {
        return;
      }
      // Of what fails again and again the Log has a line each; all of what came of the one that stands.
      let stands = false;
      const log = (line: string) => {
        const text = `${entry.alias}: ${line}`;
        return stands ? this.log.info(text) : this.log.debug(text);
      };
      try {
        const connection = await targetModule().connect(entry, nobodyAsked, {
          signal: abort.signal,
          log,
          activity: (record) => this.activity.write(record),
          consent: (question) => this.consent.ask(entry, question),
          allows: (question) => this.consent.allows(entry, question),
        });
        if (abort.signal.aborted) {
          connection.dispose();
        } else {
          stands = true;
          log('connected again');
          this.#keep(session, connection);
        }
        return;
      } catch (error) {
        if (abort.signal.aborted) {
          return;
        }
        this.log.info(`${entry.alias}: not yet: ${sentenceOf(error)}`);
        if (!attempts.goOn(error)) {
          const needsPerson = isCancelled(error) || (isFailure(error) && error.code === 'host-key-refused');
          const why = needsPerson ? session.target.why : sentenceOf(error);
          const keyChange = hostKeyChangeOf(error);
          session.target = { entry, state: 'closed', connection: null, why, keyChange };
          this.#announce(this.#activeKey === targetKey(entry));
          return;
        }
      }
    }
  }

  #noteBoot(entry: HostEntry, connection: Connection): void {
    const key = targetKey(entry);
    const { bootId } = connection.facts;
    const before = this.#boots.get(key);
    this.#boots.set(key, bootId);
    if (before !== undefined && before !== bootId) {
      this.log.info(`${entry.alias}: it was rebooted meanwhile`);
      vscode.window.setStatusBarMessage(`${entry.alias.replaceAll('$(', '$ (')} was rebooted`, 10_000);
    }
  }

  /** What is known of a connected target has changed: it has root now. */
  factsChanged(): void {
    this.#announce(true);
  }

  /** Ends the connection, or the attempt at one. Everything that ran through it ends too. */
  disconnect(entry: HostEntry): void {
    const key = targetKey(entry);
    const session = this.#sessions.get(key);
    if (session === undefined) {
      return;
    }
    session.end();
    this.log.info(`Disconnected from ${entry.alias}`);
    this.#forget(key);
  }

  /** Takes a target for one that was never tried. The views go on with one that is connected. */
  #forget(key: string): void {
    this.#sessions.delete(key);
    if (this.#activeKey === key) {
      const other = [...this.#sessions].find(([, { target }]) => target.connection !== null);
      this.#activeKey = other?.[0] ?? null;
      this.#announce(true);
    } else {
      this.#announce(false);
    }
  }

  dispose(): void {
    for (const session of this.#sessions.values()) {
      session.end();
    }
    this.#sessions.clear();
    this.#activeKey = null;
    this.#changed.dispose();
    this.#activeChanged.dispose();
  }

  #announce(activeChanged: boolean): void {
    const active = this.active;
    this.context.set('zscope.connected', active?.connection !== null && active !== null);
    this.context.set('zscope.connecting', active?.state === 'connecting');
    this.context.set('zscope.connectionLost', active?.state === 'closed' && active.why !== '');
    this.context.set(
      'zscope.hostKeyChanged',
      this.all.some(({ keyChange }) => keyChange != null),
    );
    this.#changed.fire();
    if (activeChanged) {
      this.#activeChanged.fire(active);
    }
  }
}

import { ChannelSlots, type Slot } from './channel-slots.ts';
import { pause } from './pause.ts';
import { type JobHandlers, type JobSpec, RemoteJob } from './remote-job.ts';
import { tryRoot } from './root-access.ts';
import type { RootShell, UnlockResult } from './root-shell.ts';
import { Shell } from './shell.ts';
import { Standby } from './standby.ts';
import { ChannelRefused, type Transport } from './transport.ts';

/** More than this unread on a channel: the server does not keep to the window it was given. */
const UNREAD_LIMIT = 8 * 1024 * 1024;
/** How long a channel that sshd has not given back yet is waited for. */
const REFUSED_RETRY_MS = 250;
/** How often a stream looks for a channel, with that pause, before it is said that there are too many. */
const STREAM_SLOT_TURNS = 4;
/**
 * How long the shell of an ended question waits for another: longer than views pause between two, and
 * shorter than it would wait by itself (supervisor.ts).
 */
const KEPT_MS = 12_000;
/** Questions that a shell runs before it is replaced: it keeps a few bytes of each of its processes. */
const MOST_USES = 200;

/**
 * Shells of root's that may wait: one is left for questions when a stream takes the other. Without root one waits,
 * since a shell of the account itself is had for the asking.
 */
const MOST_KEPT = 2;

/**
 * How far a question has come to a channel: it waits for others to leave one or to get theirs, the server is asked for it,
 * the server has refused it, it is there.
 */
export type ChannelStage = 'waiting' | 'asked' | 'refused' | 'open';

/** A shell that waits for a job, in the slot of the last one. */
interface KeptShell {
  readonly shell: Shell;
  readonly slot: Slot;
  /** Ends it. */
  readonly timer: NodeJS.Timeout;
  /** Resolves when it has ended. */
  readonly closed: Promise<void>;
}

/** The jobs of one connection and the channels that they share. */
export class JobPool {
  readonly slots = new ChannelSlots();
  readonly #transport: Transport;
  readonly #closing: AbortSignal;
  readonly #jobs = new Set<RemoteJob>();
  /** Resolves when the channel that is being opened is open, or could not be. */
  #opening: Promise<void> = Promise.resolve();
  /** When a channel was last closed, by performance.now(). */
  #lastClosed = 0;
  /** What waits for the script of the next stream. */
  #standby: Standby | null = null;
  /** Shells that wait for a job, the newest last, so that root is not entered for each. */
  readonly #kept: KeptShell[] = [];

  /** @param closing aborted when the connection ends */
  constructor(transport: Transport, closing: AbortSignal) {
    this.#transport = transport;
    this.#closing = closing;
  }

  /** True while more is unread on a channel than the other side was given room for. */
  get isFlooded(): boolean {
    return [...this.#jobs].some((job) => job.unread > UNREAD_LIMIT);
  }

  /**
   * Runs a question's job, in the shell of the last one where that waits. The signal also stops it.
   * @param stage called with each stage that it reaches; at first it is `waiting`
   */
  async ask(
    spec: JobSpec,
    signal: AbortSignal,
    handlers: JobHandlers,
    stage: (reached: ChannelStage) => void,
  ): Promise<RemoteJob> {
    signal.throwIfAborted();
    const kept = spec.isSprawling === true ? null : this.#take(spec.root);
    if (kept !== null) {
      stage('open');
      const job = await this.#reuse(kept, spec, signal, handlers);
      if (job !== null) return job;
    }
    stage('waiting');
    return await this.open(spec, await this.questionSlot(signal), signal, handlers, stage);
  }

  /**
   * Opens a stream's job, in a shell of root's that waits where there is one and a slot for questions is left.
   * @returns null when there is no slot
   * @throws signal.reason when aborted; as {@link open}
   */
  async openStream(spec: JobSpec, signal: AbortSignal, handlers: JobHandlers): Promise<RemoteJob | null> {
    const mayShare = spec.root !== null && spec.isSprawling !== true && !this.slots.isFull;
    const kept = mayShare ? this.#take(spec.root) : null;
    if (kept !== null) {
      const job = await this.#reuse(kept, spec, signal, handlers);
      if (job !== null) return job;
    }
    const slot = await this.streamSlot(signal);
    return slot === null ? null : await this.open(spec, slot, signal, handlers);
  }

  /** Takes a shell that waits, if it is of this kind. */
  #take(root: RootShell | null): KeptShell | null {
    const at = this.#kept.findLastIndex(({ shell }) => shell.root === root);
    const [kept] = at < 0 ? [] : this.#kept.splice(at, 1);
    if (kept === undefined) return null;
    clearTimeout(kept.timer);
    return kept;
  }

  /** Runs a job in a shell that waited. Null when it had ended a moment ago, before it was told. */
  async #reuse(
    { shell, slot }: KeptShell,
    spec: JobSpec,
    signal: AbortSignal,
    handlers: JobHandlers,
  ): Promise<RemoteJob | null> {
    const job = this.#own(new RemoteJob(shell, spec, handlers), slot, signal);
    return (await job.ready) ? job : null;
  }

  /** Starts a shell of root's and ends it again, in a slot for questions. @throws signal.reason when aborted */
  async tryRoot(root: RootShell, signal: AbortSignal): Promise<UnlockResult> {
    const slot = await this.questionSlot(signal);
    try {
      return await tryRoot(this.#transport, root, signal);
    } finally {
      slot.release();
    }
  }

  /** A slot for a question; the shell that only waits for one makes room. @throws signal.reason when aborted */
  async questionSlot(signal: AbortSignal): Promise<Slot> {
    if (this.slots.isFull) void this.#drop();
    return await this.slots.wait(signal);
  }

  /**
   * Opens a job in a slot; waits while the server has no channel to give. Gives the slot back at its end.
   * The signal also stops a job that is open.
   * @param stage called with each stage that it reaches
   */
  async open(
    spec: JobSpec,
    slot: Slot,
    signal: AbortSignal,
    handlers: JobHandlers,
    stage: (reached: ChannelStage) => void = () => {},
  ): Promise<RemoteJob> {
    // One after the other: so it is known how many channels are open when the server refuses one.
    const turn = this.#opening;
    let done: () => void = () => {};
    this.#opening = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await turn;
      signal.throwIfAborted();
      stage('asked');
      const shell = await this.#openPatiently(spec, signal, () => stage('refused'));
      stage('open');
      return this.#own(new RemoteJob(shell, spec, handlers), slot, signal);
    } catch (error) {
      slot.release();
      throw error;
    } finally {
      done();
    }
  }

  /** Follows a job to its end; its shell is kept where it can be, else its slot is given back. */
  #own(job: RemoteJob, slot: Slot, signal: AbortSignal): RemoteJob {
    this.#jobs.add(job);
    const stop = (): void => job.stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    void job.left.then((stays) => {
      signal.removeEventListener('abort', stop);
      this.#jobs.delete(job);
      if (stays) {
        this.#keep(job.shell, slot);
      } else {
        this.#lastClosed = performance.now();
        slot.release();
      }
    });
    if (this.#closing.aborted) job.abandon();
    return job;
  }

  #keep(shell: Shell, slot: Slot): void {
    const timer = setTimeout(() => void this.#drop(kept), KEPT_MS);
    timer.unref();
    const closed = new Promise<void>((resolve) => {
      shell.leave(() => {
        const at = this.#kept.findIndex((kept) => kept.shell === shell);
        if (at >= 0) this.#kept.splice(at, 1);
        clearTimeout(timer);
        this.#lastClosed = performance.now();
        slot.release();
        resolve();
      });
    });
    const kept = { shell, slot, timer, closed };
    this.#kept.push(kept);
    // The newer one stays: root's, where root came after.
    const most = shell.root === null ? 1 : MOST_KEPT;
    for (const other of [...this.#kept]) {
      if (other.shell.root !== shell.root || this.#kept.length > most) void this.#drop(other);
    }
    if (this.slots.isWanted || shell.uses >= MOST_USES) void this.#drop(kept);
  }

  /** Ends a shell that waits, the oldest one unless given; resolves when its slot is free. */
  async #drop(kept: KeptShell | undefined = this.#kept[0]): Promise<void> {
    const at = kept === undefined ? -1 : this.#kept.indexOf(kept);
    if (kept === undefined || at < 0) return;
    this.#kept.splice(at, 1);
    clearTimeout(kept.timer);
    kept.shell.end();
    await kept.closed;
  }

  async #openPatiently({ root, script }: JobSpec, signal: AbortSignal, refused: () => void): Promise<Shell> {
    for (;;) {
      try {
        return await Shell.open(this.#transport, root, signal);
      } catch (error) {
        if (!(error instanceof ChannelRefused) || signal.aborted || script === null) throw error;
        refused();
        // An ended command holds its session on the server for a moment, so only a server that goes on
        // refusing while nothing has ended teaches what it allows.
        const settled = performance.now() - this.#lastClosed > 2 * REFUSED_RETRY_MS;
        if (this.#kept.length > 0) void this.#drop();
        else if (settled && this.#jobs.size > 0) this.slots.shrink(this.#jobs.size);
        await pause(REFUSED_RETRY_MS, signal);
      }
    }
  }

  /**
   * A slot for a stream; what only stands by makes room for it. Null when there is none.
   * @throws signal.reason when aborted
   */
  async streamSlot(signal: AbortSignal): Promise<Slot | null> {
    const slot = this.slots.tryForStream();
    if (slot !== null) return slot;
    const standby = this.#standby;
    this.#standby = null;
    await Promise.all([standby?.drop(), ...this.#kept.map((kept) => this.#drop(kept))]);
    // A question that has its answer holds its channel for a moment.
    for (let turn = 0; turn < STREAM_SLOT_TURNS; turn++) {
      signal.throwIfAborted();
      const freed = this.slots.tryForStream();
      if (freed !== null) return freed;
      await pause(REFUSED_RETRY_MS, signal);
    }
    return null;
  }

  /**
   * Has a job without a script wait for one. Null where there is no room, or one waits already.
   * @returns the job once it waits, null when it could not be had; never rejects
   */
  standBy(spec: JobSpec, signal: AbortSignal): Promise<RemoteJob | null> | null {
    if (this.#standby !== null) return null;
    // One that waits is left for questions.
    const kept = this.#kept.length > 1 ? this.#take(spec.root) : null;
    const slot = kept === null ? this.slots.tryForStandby() : kept.slot;
    if (slot === null) return null;
    const standby = new Standby(spec, async (handlers) => {
      if (kept === null) return await this.open(spec, slot, signal, handlers);
      return this.#own(new RemoteJob(kept.shell, spec, handlers), slot, signal);
    });
    this.#standby = standby;
    void standby.waiting.then(async (job) => {
      await job?.ended;
      if (this.#standby === standby) this.#standby = null;
    });
    return standby.waiting;
  }

  /** Has the job that {@link standBy} gave do what it can ahead; false where it is gone, or was given a script. */
  goAhead(waiting: Promise<RemoteJob | null>): boolean {
    const standby = this.#standby;
    if (standby?.waiting !== waiting) return false;
    void standby.goAhead();
    return true;
  }

  /** Ends the job that {@link standBy} gave, unless it was given a script. */
  endStandby(waiting: Promise<RemoteJob | null>): void {
    const standby = this.#standby;
    if (standby?.waiting !== waiting) return;
    this.#standby = null;
    void standby.drop();
  }

  /** Has the job that stands by run a script; null when none of the kind does. */
  async beginStandby(
    spec: JobSpec,
    script: string,
    payload: JobHandlers['payload'],
    signal: AbortSignal,
  ): Promise<RemoteJob | null> {
    const standby = this.#standby;
    if (standby?.fits(spec) !== true) return null;
    this.#standby = null;
    return await standby.begin(script, payload, signal);
  }

  /** The connection is gone, and all channels with it. */
  abandon(): void {
    for (const kept of [...this.#kept]) void this.#drop(kept);
    for (const job of [...this.#jobs]) job.abandon();
  }
}

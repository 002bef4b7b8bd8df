import { randomBytes } from 'node:crypto';
import { FrameReader, type JobEnd } from './framing.ts';
import { hasDialogue, type RootShell, rootWasLost, shellCommand, unlock } from './root-shell.ts';
import { BEAT_SECONDS, END_WORD, handOver, type SupervisedJob, supervise } from './supervisor.ts';
import type { ShellChannel, Transport } from './transport.ts';

export interface JobSpec {
  /** Null for a shell of the account itself. */
  readonly root: RootShell | null;
  readonly preamble: string;
  /** null: the job stands by until {@link RemoteJob.begin} gives it one. */
  readonly script: string | null;
  readonly cleanup: string;
  readonly kind: SupervisedJob['kind'];
}

export interface JobHandlers {
  /** The supervisor runs: what follows is payload. */
  ready(): void;
  /** The channel is not read further until the promise settles; it must not reject. */
  payload(bytes: Buffer): void | Promise<void>;
}

export interface JobResult {
  /** What the supervisor said; null when the channel ended without that: lost, or never started. */
  readonly end: JobEnd | null;
  readonly wasReady: boolean;
  /** It was asked to stop and did not say in time that it has. */
  readonly unanswered: boolean;
  /** Exit status of the remote shell itself, where one came. */
  readonly shellStatus: number | null;
  /** At most {@link STDERR_LIMIT} bytes. */
  readonly stderr: string;
}

export const STDERR_LIMIT = 64 * 1024;
/** How long a job may take to end its processes and to clean up after it was asked to. */
const STOP_LIMIT_MS = 20_000;
/** After the end mark: how long what is left on stderr is waited for, and the channel's end. */
const STDERR_GRACE_MS = 300;
const CLOSE_LIMIT_MS = 2000;

/** One supervised script on one channel. */
export class RemoteJob {
  /** Resolves when the end is known; never rejects. */
  readonly ended: Promise<JobResult>;
  /** Resolves when the channel is closed, so that its slot is free; never rejects. */
  readonly closed: Promise<void>;
  readonly #channel: ShellChannel;
  readonly #nonce: string;
  readonly #tty: boolean;
  readonly #handlers: JobHandlers;
  readonly #reader: FrameReader;
  readonly #stderr: Buffer[] = [];
  #stderrBytes = 0;
  /** Pieces of payload that are not taken in yet. */
  #busy = 0;
  #wasReady = false;
  #end: JobEnd | null = null;
  #shellStatus: number | null = null;
  #resolveEnded: (result: JobResult) => void = () => {};
  #resolveClosed: () => void = () => {};
  #beat: NodeJS.Timeout | null = null;
  #limit: NodeJS.Timeout | null = null;
  #grace: NodeJS.Timeout | null = null;
  #stopping = false;
  #unanswered = false;
  #over = false;

  /**
   * Opens a channel and sends the script.
   * @throws ChannelRefused when the server allows no more; Failure not-root; signal.reason when aborted before it answered
   */
  static async open(
    transport: Transport,
    spec: JobSpec,
    handlers: JobHandlers,
    signal: AbortSignal,
  ): Promise<RemoteJob> {
    const nonce = randomBytes(16).toString('hex');
    const { root } = spec;
    // The command is in the arguments of a process there, for everybody to read; what marks the frames
    // is told on stdin only.
    const knock = randomBytes(16).toString('hex');
    const channel = await transport.open(shellCommand(root, knock), root?.tty ?? false, signal);
    if (signal.aborted) {
      // It came too late: nobody would stop what runs there.
      channel.close();
      throw signal.reason as Error;
    }
    if (root !== null && hasDialogue(root)) {
      const result = await unlock(channel, root, knock, signal);
      if (result.end !== 'root') throw rootWasLost(root, result);
    }
    return new RemoteJob(channel, nonce, spec, handlers);
  }

  private constructor(channel: ShellChannel, nonce: string, spec: JobSpec, handlers: JobHandlers) {
    this.#channel = channel;
    this.#nonce = nonce;
    this.#tty = spec.root?.tty ?? false;
    this.#handlers = handlers;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#reader = new FrameReader(this.#nonce, {
      ready: () => this.#ready(),
      payload: (bytes) => this.#payload(bytes),
      end: (end) => this.#ended(end),
    });
    channel.stdout.on('data', (bytes: Buffer) => this.#reader.push(bytes));
    // Always read: unread stderr stalls the command.
    channel.stderr.on('data', (bytes: Buffer) => this.#keepStderr(bytes));
    for (const stream of [channel.stdin, channel.stdout, channel.stderr]) stream.on('error', () => {});
    channel.onExit((status) => {
      this.#shellStatus = status;
    });
    channel.onClose(() => this.abandon());
    channel.stdin.write(supervise({ nonce: this.#nonce, ...spec }));
  }

  /** Bytes that were received and not yet looked at: a server that ignores the window makes this grow. */
  get unread(): number {
    return this.#channel.stdout.readableLength + this.#channel.stderr.readableLength;
  }

  #ready(): void {
    this.#wasReady = true;
    if (!this.#stopping) {
      this.#beat = setInterval(() => {
        if (this.#channel.stdin.writable) this.#channel.stdin.write('\n');
      }, BEAT_SECONDS * 1000);
      this.#beat.unref();
    }
    this.#handlers.ready();
  }

  #payload(bytes: Buffer): void {
    const taken = this.#handlers.payload(bytes);
    if (taken === undefined) return;
    this.#busy += 1;
    this.#channel.stdout.pause();
    void taken.finally(() => {
      this.#busy -= 1;
      if (this.#busy === 0) this.#channel.stdout.resume();
    });
  }

  #keepStderr(bytes: Buffer): void {
    const room = STDERR_LIMIT - this.#stderrBytes;
    if (room <= 0) return;
    const kept = bytes.subarray(0, room);
    this.#stderr.push(kept);
    this.#stderrBytes += kept.length;
  }

  #ended(end: JobEnd): void {
    this.#end = end;
    this.#stopClocks();
    this.#channel.stdin.end();
    // What the job wrote to stderr may still be on its way; a process that outlived it may keep the
    // channel open. A job that went well has nothing to say there that anybody waits for.
    if (end.why === 'finished' && end.status === 0 && end.left !== 'rests') this.#settle();
    else this.#grace = setTimeout(() => this.#settle(), STDERR_GRACE_MS);
    this.#limit = setTimeout(() => this.#channel.close(), CLOSE_LIMIT_MS);
    this.#limit.unref();
  }

  /** Gives its script to a job that stands by and is ready; it must not have ended. */
  begin(script: string): void {
    this.#channel.stdin.write(handOver(this.#nonce, script));
  }

  /** True once it has ended, is being stopped, or its channel is gone. */
  get isOver(): boolean {
    return this.#over || this.#stopping || this.#end !== null;
  }

  /** Asks the job to end and to clean up; {@link ended} tells when it did. */
  stop(): void {
    if (this.#stopping || this.#over || this.#end !== null) return;
    this.#stopping = true;
    this.#stopClocks();
    // The end of stdin is the sign to stop. It may arrive before the script was parsed: that is
    // read as a whole first. A terminal has no end, so there it is said.
    if (this.#tty) this.#channel.stdin.write(`${END_WORD}\n`);
    this.#channel.stdin.end();
    this.#limit = setTimeout(() => {
      this.#unanswered = true;
      this.#channel.close();
      this.abandon();
    }, STOP_LIMIT_MS);
  }

  /** The channel is gone: by itself, or with the connection. */
  abandon(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopClocks();
    this.#settle();
    this.#resolveClosed();
  }

  #stopClocks(): void {
    if (this.#beat !== null) clearInterval(this.#beat);
    if (this.#limit !== null) clearTimeout(this.#limit);
    if (this.#grace !== null) clearTimeout(this.#grace);
  }

  #settle(): void {
    this.#resolveEnded({
      end: this.#end,
      wasReady: this.#wasReady,
      unanswered: this.#unanswered,
      shellStatus: this.#shellStatus,
      stderr: Buffer.concat(this.#stderr).toString('utf8'),
    });
  }
}

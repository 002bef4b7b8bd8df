import { randomBytes } from 'node:crypto';
import { FrameReader, type JobEnd } from './framing.ts';
import type { RootShell } from './root-shell.ts';
import type { Shell, ShellUser } from './shell.ts';
import { AHEAD_WORD, BEAT_SECONDS, END_WORD, handOver, type SupervisedJob, supervise } from './supervisor.ts';
import type { ShellChannel } from './transport.ts';

export interface JobSpec {
  /** Null for a shell of the account itself. */
  readonly root: RootShell | null;
  readonly preamble: string;
  /** null: the job stands by until {@link RemoteJob.begin} gives it one. */
  readonly script: string | null;
  /** What it does while it stands by once {@link RemoteJob.goAhead} tells it to; empty or absent for nothing. */
  readonly ahead?: string;
  readonly cleanup: string;
  readonly kind: SupervisedJob['kind'];
  /**
   * It may start what outlives it and goes on writing to its shell: so that runs nothing else. Not so unless given.
   */
  readonly isSprawling?: boolean;
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
/** How long the word to end is waited for before its stdin ends: a clean-up may take that time too, and is not disturbed. */
const WORD_LIMIT_MS = 5000;
/** After the end mark: how long what is left on stderr is waited for, and the channel's end. */
const STDERR_GRACE_MS = 300;
const CLOSE_LIMIT_MS = 2000;

/** One supervised script in a shell. */
export class RemoteJob implements ShellUser {
  /** Resolves when the end is known; never rejects. */
  readonly ended: Promise<JobResult>;
  /** Resolves when it has left its shell: with true when that waits for another job, else it is closed. Never rejects. */
  readonly left: Promise<boolean>;
  /** Resolves with whether the supervisor runs: false when it ended before. Never rejects. */
  readonly ready: Promise<boolean>;
  readonly shell: Shell;
  readonly #channel: ShellChannel;
  readonly #nonce: string;
  /** Whether the shell stays when this has ended and left nothing. */
  readonly #stays: boolean;
  readonly #kind: JobSpec['kind'];
  readonly #handlers: JobHandlers;
  readonly #reader: FrameReader;
  readonly #stderr: Buffer[] = [];
  #stderrBytes = 0;
  /** Pieces of payload that are not taken in yet. */
  #busy = 0;
  #wasReady = false;
  #wasGiven = false;
  #end: JobEnd | null = null;
  #shellStatus: number | null = null;
  #resolveEnded: (result: JobResult) => void = () => {};
  #resolveLeft: (stays: boolean) => void = () => {};
  #resolveReady: (isReady: boolean) => void = () => {};
  #beat: NodeJS.Timeout | null = null;
  #limit: NodeJS.Timeout | null = null;
  #grace: NodeJS.Timeout | null = null;
  #stopping = false;
  #unanswered = false;
  #over = false;

  /** Sends the script to a shell that nobody uses. */
  constructor(shell: Shell, spec: JobSpec, handlers: JobHandlers) {
    this.shell = shell;
    this.#channel = shell.channel;
    this.#nonce = randomBytes(16).toString('hex');
    this.#kind = spec.kind;
    // A terminal has no end of file, by which a shell that waits would end. Streams have shells of their own, which
    // are worth keeping where it took a program to have one.
    this.#stays =
      !shell.hasTerminal && spec.isSprawling !== true && (spec.kind === 'question' || shell.root !== null);
    this.#handlers = handlers;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.left = new Promise((resolve) => {
      this.#resolveLeft = resolve;
    });
    this.ready = new Promise((resolve) => {
      this.#resolveReady = resolve;
    });
    this.#reader = new FrameReader(this.#nonce, {
      ready: () => this.#ready(),
      payload: (bytes) => this.#payload(bytes),
      end: (end) => this.#ended(end),
    });
    shell.use(this);
    const use = shell.uses === 1 ? 'new' : 'kept';
    const text = supervise({ nonce: this.#nonce, ...spec, shell: this.#stays ? use : 'own' });
    this.#channel.stdin.write(text);
    if (shell.isClosed) this.closed();
  }

  stdout(bytes: Buffer): void {
    this.#reader.push(bytes);
  }

  stderr(bytes: Buffer): void {
    const room = STDERR_LIMIT - this.#stderrBytes;
    if (room <= 0) return;
    const kept = bytes.subarray(0, room);
    this.#stderr.push(kept);
    this.#stderrBytes += kept.length;
  }

  exited(status: number | null): void {
    this.#shellStatus = status;
  }

  closed(): void {
    this.abandon();
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
    this.#resolveReady(true);
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

  #ended(end: JobEnd): void {
    this.#end = end;
    this.#stopClocks();
    const isDone = end.why === 'finished' || (end.why === 'stopped' && this.#kind === 'stream');
    const stays = this.#stays && isDone && end.left === 'none' && !this.#channel.stdin.writableEnded;
    const settle = (): void => {
      this.#settle();
      if (stays) this.#leave(true);
    };
    // What the job wrote to stderr may still be on its way; a process that outlived it may keep the
    // channel open. A job that went well has nothing to say there that anybody waits for.
    if (end.why === 'finished' && end.status === 0 && end.left !== 'rests') settle();
    else this.#grace = setTimeout(settle, STDERR_GRACE_MS);
    if (stays) return;
    this.#channel.stdin.end();
    this.#limit = setTimeout(() => this.#channel.close(), CLOSE_LIMIT_MS);
    this.#limit.unref();
  }

  /** Has a job that stands by and is ready do what it can ahead of its script; it must not have ended. */
  goAhead(): void {
    this.#channel.stdin.write(`${AHEAD_WORD}\n`);
  }

  /** Gives its script to a job that stands by and is ready; it must not have ended. */
  begin(script: string): void {
    this.#wasGiven = true;
    this.#channel.stdin.write(handOver(this.#nonce, script));
  }

  /** Whether it stood by and was given its script. */
  get wasGiven(): boolean {
    return this.#wasGiven;
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
    // A stream whose shell stays is told by a word too, once somebody reads words.
    const isTold = this.#stays && this.#kind === 'stream' && this.#wasReady;
    if (this.shell.hasTerminal || isTold) this.#channel.stdin.write(`${END_WORD}\n`);
    if (isTold) this.#grace = setTimeout(() => this.#channel.stdin.end(), WORD_LIMIT_MS);
    else this.#channel.stdin.end();
    this.#limit = setTimeout(() => {
      this.#unanswered = true;
      this.#channel.close();
      this.abandon();
    }, STOP_LIMIT_MS);
  }

  /** The channel is gone: by itself, or with the connection. */
  abandon(): void {
    if (this.#over) return;
    this.#settle();
    this.#leave(false);
  }

  #leave(stays: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopClocks();
    this.#resolveLeft(stays);
  }

  #stopClocks(): void {
    if (this.#beat !== null) clearInterval(this.#beat);
    if (this.#limit !== null) clearTimeout(this.#limit);
    if (this.#grace !== null) clearTimeout(this.#grace);
  }

  #settle(): void {
    this.#resolveReady(this.#wasReady);
    this.#resolveEnded({
      end: this.#end,
      wasReady: this.#wasReady,
      unanswered: this.#unanswered,
      shellStatus: this.#shellStatus,
      stderr: Buffer.concat(this.#stderr).toString('utf8'),
    });
  }
}

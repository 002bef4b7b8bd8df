import { randomBytes } from 'node:crypto';
import { hasDialogue, type RootShell, rootWasLost, shellCommand, unlock } from './root-shell.ts';
import type { ShellChannel, Transport } from './transport.ts';

/** Who runs something in a shell, and hears of it. */
export interface ShellUser {
  stdout(bytes: Buffer): void;
  stderr(bytes: Buffer): void;
  /** Exit status of the shell itself; null when a signal ended it. */
  exited(status: number | null): void;
  /** Nothing more will come. */
  closed(): void;
}

/** How long the channel of a shell that was told to end is waited for. */
const CLOSE_LIMIT_MS = 2000;

/** A shell on a channel of its own, for one user after another. */
export class Shell {
  #user: ShellUser | null = null;
  #uses = 0;
  #isClosed = false;

  private constructor(
    readonly channel: ShellChannel,
    /** Null for a shell of the account itself. */
    readonly root: RootShell | null,
  ) {
    // Always read: unread stderr stalls the command. What comes while nobody uses it is dropped.
    channel.stdout.on('data', (bytes: Buffer) => this.#user?.stdout(bytes));
    channel.stderr.on('data', (bytes: Buffer) => this.#user?.stderr(bytes));
    for (const stream of [channel.stdin, channel.stdout, channel.stderr]) stream.on('error', () => {});
    channel.onExit((status) => this.#user?.exited(status));
    channel.onClose(() => {
      this.#isClosed = true;
      this.#user?.closed();
    });
  }

  /**
   * Starts one.
   * @throws ChannelRefused when the server allows no more; Failure not-root; signal.reason when aborted before it answered
   */
  static async open(transport: Transport, root: RootShell | null, signal: AbortSignal): Promise<Shell> {
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
    return new Shell(channel, root);
  }

  /** It has a terminal, which has no end of file, and echoes nothing. */
  get hasTerminal(): boolean {
    return this.root?.tty ?? false;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** How many users it had, with the one that it has. */
  get uses(): number {
    return this.#uses;
  }

  /** Gives it to a user; the one before must have left it. */
  use(user: ShellUser): void {
    this.#user = user;
    this.#uses += 1;
  }

  /** Its user has left it, and it waits for the next. @param closed told when it is gone */
  leave(closed: () => void): void {
    this.#user = { stdout: () => {}, stderr: () => {}, exited: () => {}, closed };
    if (this.#isClosed) closed();
  }

  /** Has it end, which it does where nobody uses it. */
  end(): void {
    this.channel.stdin.end();
    const timer = setTimeout(() => this.channel.close(), CLOSE_LIMIT_MS);
    timer.unref();
  }
}

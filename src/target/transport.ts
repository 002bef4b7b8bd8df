import type { Readable, Writable } from 'node:stream';

/** One shell on a target: its three streams, its exit status and its end. */
export interface ShellChannel {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Called at most once, with null when a signal ended it. It need not be called at all. */
  onExit(listener: (status: number | null) => void): void;
  /** Called once, when nothing more will come. */
  onClose(listener: () => void): void;
  /** Ends it without waiting; what runs there sees the end of its stdin. */
  close(): void;
}

/** The target allows no further channel: `MaxSessions` of sshd_config(5), or something like it. */
export class ChannelRefused extends Error {}

/** The way to a machine on which shells can be started. */
export interface Transport {
  /**
   * The machine, by what proves it: its name in known_hosts and the fingerprint of its host key. Null
   * where that is not known.
   */
  readonly identity: string | null;
  /** What is special about this way, as a sentence for the person; empty for nothing. */
  readonly remark: string;
  /**
   * Starts a command in the login shell.
   * @param tty gives it a terminal, which has stderr in stdout and no end of file
   * @throws ChannelRefused when there is no room for one more; Failure lost; signal.reason when aborted
   */
  open(command: string, tty: boolean, signal: AbortSignal): Promise<ShellChannel>;
  /** Total of bytes received so far; null where silence means nothing. */
  readonly received: number | null;
  /** True once it has ended, by either side. */
  readonly ended: boolean;
  /** Called once, when it has ended. */
  onEnd(listener: () => void): void;
  /** Why it ended, where more is known than that it did. Untrusted. */
  why(): string | null;
  /** It ended since the other side showed another host key: somebody may be between. */
  readonly isDistrusted: boolean;
  /** Of several machines on the way the first that has not been heard from: its name; null for the target itself. */
  silentHop(): string | null;
  /** Says goodbye, and cuts it after so many milliseconds. */
  end(graceMs: number): void;
}

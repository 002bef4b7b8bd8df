import type { Disposable } from '../core/lifetime.ts';
import type { ActivityRecord } from './activity.ts';
import type { Collector, DownloadCollector, StreamCollector } from './collector.ts';
import type { RootProgram } from './root-shell.ts';

/** `silent`: nothing has come from the target for a few seconds; the connection still stands. */
export type ConnectionState = 'connected' | 'silent' | 'closed';

/** What is known of a target from the first answer it gave. */
export interface TargetFacts {
  readonly hostname: string;
  /** `uname -r`. */
  readonly kernelRelease: string;
  /** `uname -m`: x86_64, aarch64, ... */
  readonly machine: string;
  /** /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
  /** How commands get root: being root, by a program, with a password where it wants one, or not at all. */
  readonly root: 'root' | RootProgram | 'none';
  /** Traces of earlier connections that were killed before they could clean up, as far as is noted. */
  readonly leftovers: number;
  /** Programs on the target that may give root for a password, those first that want the account's own. */
  readonly rootPrograms: readonly RootProgram[];
  /** Loaded module's /sys/module/zfs/version; null when ZFS is not loaded. */
  readonly zfsVersion: string | null;
  /** Hex of the GNU build-id note of the loaded zfs module; null when there is none. */
  readonly zfsBuildId: string | null;
  /** /sys/module/zfs/srcversion; null when there is none. */
  readonly zfsSrcversion: string | null;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
}

/** A stream that runs on the target until stopped. */
export interface RunningStream extends Disposable {
  /** Resolves when the stream ended, after its clean-up on the target where that answers; never rejects. */
  readonly ended: Promise<StreamEnd>;
  /** Asks it to stop and to clean up. */
  dispose(): void;
}

export interface StreamEnd {
  /** `stopped` by us, `finished` by itself, or `lost` with the connection. */
  readonly reason: 'stopped' | 'finished' | 'lost';
  /** Exit status of the script; null when unknown. */
  readonly status: number | null;
  /**
   * Whether anything is left on the target. `confirmed`: its clean-up ran and left nothing; `failed`: it
   * could not remove everything, and stderr has what; `unknown`: no word of it came, and the target cleans
   * up by itself.
   */
  readonly cleanUp: 'confirmed' | 'failed' | 'unknown';
  /** What the script and its clean-up said on stderr: at most 64 KiB. Untrusted. */
  readonly stderr: string;
}

/** Where a stream's events go. */
export interface StreamSink<E> {
  /** Events in order; called once per chunk that arrived. */
  events(batch: readonly E[]): void;
}

/** Where a download goes. */
export interface ByteSink<H> {
  /** Called once, before the first bytes. */
  header(header: H): Promise<void>;
  /**
   * A piece of the file, in order; only valid until the promise settles. The target is not read further
   * meanwhile. What it throws ends the download.
   */
  bytes(piece: Buffer): Promise<void>;
}

/** One connection to a target. Everything that runs on the target goes through {@link run}, {@link download} and {@link stream}. */
export interface Connection extends Disposable {
  /**
   * The account and the machine by its host key: what a kept password belongs to. Null where the key is
   * not known, so that nothing may be kept for it.
   */
  readonly identity: string | null;
  /** What is special about the way to the target, as a sentence; empty for nothing. */
  readonly remark: string;
  readonly facts: TargetFacts;
  readonly state: ConnectionState;
  /** Why it is closed, as a sentence; empty while it stands, and when it was closed by us. */
  readonly why: string;
  /** It was cut since the other side cannot be trusted: not to be connected to again unasked. */
  readonly wasCut: boolean;
  /** Called on each change of {@link state}; at the end once with `closed` and why (empty when closed by us). */
  onState(listener: (state: ConnectionState, why: string) => void): Disposable;
  /** @throws Failure: lost, timeout, cancelled, not-root, script-failed, or what the collector's decoder says. */
  run<P, T>(collector: Collector<P, T>, params: P, options?: RunOptions): Promise<T>;
  /**
   * Reads a file's bytes. Resolves when all of them are in the sink.
   * @throws Failure as {@link run} does, or what the sink threw.
   */
  download<P, H>(
    collector: DownloadCollector<P, H>,
    params: P,
    sink: ByteSink<H>,
    options?: RunOptions,
  ): Promise<void>;
  /** Starts a stream. @throws Failure when it cannot be started. */
  stream<P extends S, E, S>(
    collector: StreamCollector<P, E, S>,
    params: P,
    sink: StreamSink<E>,
  ): Promise<RunningStream>;
  /**
   * Asks anew which ZFS is loaded, for what was connected to before it was.
   * @returns true when {@link facts} say something else now
   * @throws Failure as {@link run} does
   */
  refreshZfs(): Promise<boolean>;
  /**
   * Has a shell wait on the target for the script of the next stream with this clean-up, which then
   * starts sooner by all that a channel and a shell take. One at a time; it does nothing where there
   * is no room for it, and never fails. The shell ends with the connection, and by `dispose` unless a stream has
   * taken it by then.
   */
  standBy<P extends S, E, S>(collector: StreamCollector<P, E, S>, known: S): StandingBy;
  /**
   * Gets root by a program that wants a password; asks for it until it is right, three times for each
   * program. The password is kept for this connection and goes to that program only.
   * @returns true when {@link facts} say so now; false when the person gave up
   * @throws Failure not-root when no program takes it; as {@link run} does
   */
  becomeRoot(
    ask: (question: RootQuestion) => Promise<string | undefined>,
    options?: RunOptions & { readonly programs?: readonly RootProgram[] },
  ): Promise<boolean>;
}

/** A shell that waits on the target for the script of a stream. */
export interface StandingBy extends Disposable {
  /** Has it do ahead what it can, where the person has allowed such a stream: the script is likely to come soon. */
  goAhead(): void;
}

/** A question for a password that makes a shell root's. */
export interface RootQuestion {
  readonly by: RootProgram;
  /** Whose password: the account's own, or root's for su. */
  readonly user: string;
  readonly alias: string;
  /** The last one was wrong. */
  readonly again: boolean;
}

/** What the person is asked while connecting. Each answer may take as long as it takes; undefined means cancelled. */
export interface Prompts {
  /** A host key that no known_hosts file knows. True: trust it and remember it. */
  trustHostKey(question: HostKeyQuestion): Promise<boolean>;
  passphrase(keyFile: string, again: boolean): Promise<string | undefined>;
  password(user: string, host: string, again: boolean): Promise<string | undefined>;
  /** One prompt of keyboard-interactive; `text` comes from the server, already made inert. */
  answer(text: string, echo: boolean, host: string): Promise<string | undefined>;
}

export interface HostKeyQuestion {
  /** As the user calls it. */
  readonly alias: string;
  /** The address the connection went to: `127.0.0.1`. */
  readonly host: string;
  readonly port: number;
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`, ... */
  readonly keyType: string;
  /** `SHA256:` and base64 without padding, as ssh-keygen -l prints it. */
  readonly fingerprint: string;
  /** The file it will be remembered in. */
  readonly knownHostsFile: string;
  /** It is a jump host's key: the name of the machine behind it. */
  readonly onTheWayTo: string | null;
}

/** A host of an ssh configuration that can be connected to by name; or this machine. */
export interface HostEntry {
  readonly alias: string;
  /** The configuration to give to ssh with -F; null for the user's own. */
  readonly configFile: string | null;
  /** True for the machine that this runs on, which is reached without SSH. */
  readonly isLocal?: boolean;
}

/** What the person is asked to allow. */
export type AskedConsent = Pick<Collector<never, unknown>, 'name' | 'title' | 'grade'>;

export interface ConnectOptions {
  readonly signal?: AbortSignal;
  /** One line per step for the Log: resolved configuration, negotiated algorithms. Never secrets. */
  readonly log?: (line: string) => void;
  /** All that is run on the target, as it ends; streams also as they begin. */
  readonly activity?: (record: ActivityRecord) => void;
  /** Asked each time before what does more than read is run; all is allowed unless given. */
  readonly consent?: (question: AskedConsent) => Promise<boolean>;
  /** Whether {@link consent} would allow it without asking anybody; nothing is known to be unless given. */
  readonly allows?: (question: AskedConsent) => boolean;
  /**
   * A machine that was not heard from for so long is given up, in milliseconds; unless given, what
   * ServerAliveInterval and ServerAliveCountMax come to, else 60,000.
   */
  readonly deadAfterMs?: number;
}

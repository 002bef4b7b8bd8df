import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../core/failure.ts';
import { inert } from '../core/text/inert.ts';
import { Askpass } from './askpass.ts';
import type { HostEntry, Prompts } from './connection.ts';
import { Patience } from './patience.ts';
import { startProcess } from './process-channel.ts';
import { BEAT_SECONDS, MISSED_BEATS } from './supervisor.ts';
import type { Surroundings } from './surroundings.ts';
import type { SystemRules } from './system-rules.ts';
import { ChannelRefused, type ShellChannel, type Transport } from './transport.ts';

/** The first shell must answer after so long, without the time the person takes; ssh itself keeps to ConnectTimeout. */
const START_LIMIT_MS = 60_000;
/** How often the machine is asked for a sign of life. */
const BEAT_MS = 2000;
const SAID_LIMIT = 2000;
/** What ssh says of a machine that boots, or of a network that is away. */
const MAY_PASS =
  /connection (refused|timed out|closed|reset)|operation timed out|no route to host|(network is|host is) (unreachable|down)|could not resolve hostname/i;
/** What it says when the machine is there and one of us two does not want the other. */
const STAYS = /permission denied|verification failed|too many authentication failures|no matching/i;
/** Echoes lines till none came for so many waits: a machine that was paused has a clock that jumps, and that ends one wait only. */
const ECHO_LINES = `z_n=0; while [ \\$z_n -lt ${MISSED_BEATS} ]; do read -r -t ${BEAT_SECONDS} z; case \\$? in 0) echo \\$z; z_n=0;; 1) exit;; *) z_n=\\$((z_n+1));; esac; done`;
/**
 * The remote command whose channel shows that the machine lives: what goes in comes out. Where there is bash it ends by
 * itself once nothing comes for as long as beats may be missing; else with sshd's own process. A bash that sshd started
 * would read ~/.bashrc first (bash(1), INVOCATION), which may hang or go elsewhere. Quotes are read alike by every login shell.
 */
export const ECHO = `exec /bin/sh -c 'command -v bash >/dev/null && exec bash --norc -c "${ECHO_LINES}"; exec cat'`;

/** Who answers what ssh asks. */
interface Person {
  readonly prompts: Prompts;
  /** Passwords too: where our library cannot sign in to the server by one. */
  readonly asksPasswords: boolean;
  readonly log: (line: string) => void;
}

/**
 * Shells by the system's own `ssh`, which can do what our library cannot: certificates, FIDO keys,
 * GSSAPI, the newest key exchanges. Where there are unix sockets it asks the person, by {@link Askpass}. It reads
 * this machine's configuration and known_hosts itself, where it takes no host key that we would not take. One
 * process is the connection; where ssh can share one (ControlMaster of ssh_config(5)), each further shell is a
 * channel of it.
 */
export class SystemSsh implements Transport {
  /** Which key the server has is ssh's own business: nothing is kept for such a machine. */
  readonly identity = null;
  readonly #entry: HostEntry;
  readonly #rules: SystemRules;
  readonly #around: Surroundings;
  /** Folder of the control socket, ours alone; null where ssh has none (Windows). */
  readonly #folder: string | null;
  readonly #listeners: Array<() => void> = [];
  readonly #channels = new Set<ShellChannel>();
  readonly #beat: NodeJS.Timeout;
  readonly #master: ShellChannel;
  #received = 0;
  #ended = false;
  #said = '';

  private constructor(
    entry: HostEntry,
    rules: SystemRules,
    around: Surroundings,
    folder: string | null,
    master: ShellChannel,
    /** Why it is this one, for the person. */
    readonly remark: string,
  ) {
    this.#entry = entry;
    this.#rules = rules;
    this.#around = around;
    this.#folder = folder;
    this.#master = master;
    master.stdout.on('data', (bytes: Buffer) => {
      this.#received += bytes.length;
    });
    master.stderr.on('data', (bytes: Buffer) => {
      this.#said = `${this.#said}${bytes.toString('utf8')}`.slice(-SAID_LIMIT);
    });
    master.onClose(() => this.#close());
    this.#beat = setInterval(() => {
      if (master.stdin.writable) master.stdin.write('\n');
    }, BEAT_MS);
    this.#beat.unref();
  }

  /**
   * Signs in.
   * @param person asked for passphrases and PINs of keys
   * @throws Failure with what ssh said; cancelled
   */
  static async connect(
    entry: HostEntry,
    rules: SystemRules,
    around: Surroundings,
    remark: string,
    person: Person,
    signal: AbortSignal,
  ): Promise<SystemSsh> {
    signal.throwIfAborted();
    const folder = around.platform === 'win32' ? null : await mkdtemp(join(tmpdir(), 'zscope-ctl-'));
    const remove = async (): Promise<void> => {
      if (folder !== null) await rm(folder, { recursive: true, force: true });
    };
    const declined = new AbortController();
    const late = new AbortController();
    const patience = new Patience(START_LIMIT_MS, () => late.abort());
    let channel: ShellChannel;
    let askpass: Askpass | null = null;
    try {
      if (folder !== null) {
        const prompts = patience.wrap(person.prompts);
        askpass = await Askpass.open(folder, entry.alias, prompts, person.log, () => declined.abort());
      }
      const asks = askpass === null ? 'nothing' : person.asksPasswords ? 'all' : 'keys';
      const args = sshArguments(entry, rules, folder, 'yes', ECHO, false, asks);
      const env = askpass === null ? around.env : askpass.environment(around.env);
      channel = await startProcess('ssh', args, env, 'signal');
    } catch (error) {
      patience.dispose();
      askpass?.dispose();
      await remove();
      throw error;
    }
    const cancelled = AbortSignal.any([signal, declined.signal]);
    const problem = await firstSign(channel, entry.alias, cancelled, late.signal);
    patience.dispose();
    askpass?.dispose();
    if (problem !== null) {
      channel.close();
      await remove();
      throw problem;
    }
    return new SystemSsh(entry, rules, around, folder, channel, remark);
  }

  get received(): number {
    return this.#received;
  }

  get isDistrusted(): boolean {
    return /host key verification failed/i.test(this.#said);
  }

  get ended(): boolean {
    return this.#ended;
  }

  async open(command: string, tty: boolean, signal: AbortSignal): Promise<ShellChannel> {
    signal.throwIfAborted();
    if (this.#ended) throw new ChannelRefused('the connection has ended');
    const args = sshArguments(this.#entry, this.#rules, this.#folder, 'no', command, tty);
    const channel = await startProcess('ssh', args, this.#around.env, 'signal');
    this.#channels.add(channel);
    channel.onClose(() => this.#channels.delete(channel));
    return channel;
  }

  onEnd(listener: () => void): void {
    if (this.#ended) listener();
    else this.#listeners.push(listener);
  }

  why(): string | null {
    const line = this.#said.trim().split('\n').at(-1) ?? '';
    return line === '' ? null : line;
  }

  silentHop(): string | null {
    return null;
  }

  end(graceMs: number): void {
    // The connection lasts as long as one of its channels.
    for (const channel of this.#channels) channel.close();
    this.#master.stdin.end();
    const timer = setTimeout(() => this.#master.close(), graceMs);
    timer.unref();
    this.onEnd(() => clearTimeout(timer));
  }

  #close(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#beat);
    if (this.#folder !== null) void rm(this.#folder, { recursive: true, force: true });
    for (const listener of this.#listeners.splice(0)) listener();
  }
}

function sshArguments(
  { alias, configFile }: HostEntry,
  { hostKeys }: SystemRules,
  folder: string | null,
  master: 'yes' | 'no',
  command: string,
  tty = false,
  asks: 'nothing' | 'keys' | 'all' = 'nothing',
): string[] {
  const options = [
    `BatchMode=${asks === 'nothing' ? 'yes' : 'no'}`,
    ...(asks === 'keys' ? ['PasswordAuthentication=no', 'KbdInteractiveAuthentication=no'] : []),
    // Never laxer than host-key-check.ts: what stands here wins over the configuration.
    `StrictHostKeyChecking=${hostKeys}`,
    'NoHostAuthenticationForLocalhost=no',
    'VerifyHostKeyDNS=no',
    'ForwardAgent=no',
    'ForwardX11=no',
    'ClearAllForwardings=yes',
    'Tunnel=no',
    'GSSAPIDelegateCredentials=no',
    'PermitLocalCommand=no',
    'RemoteCommand=none',
    'EscapeChar=none',
    ...(folder === null
      ? []
      : [`ControlMaster=${master}`, `ControlPath=${join(folder, 'c')}`, 'ControlPersist=no']),
  ];
  return [
    ...(configFile === null ? [] : ['-F', configFile]),
    tty ? '-tt' : '-T',
    ...options.flatMap((option) => ['-o', option]),
    '--',
    alias,
    command,
  ];
}

/** Waits for the echo of a line; null when it came. */
function firstSign(
  channel: ShellChannel,
  alias: string,
  signal: AbortSignal,
  late: AbortSignal,
): Promise<Failure | null> {
  return new Promise((resolve) => {
    let said = '';
    const settle = (failure: Failure | null): void => {
      late.removeEventListener('abort', timeout);
      signal.removeEventListener('abort', cancel);
      channel.stdout.removeListener('data', heard);
      channel.stderr.removeListener('data', listen);
      resolve(failure);
    };
    const mark = Buffer.from('zscope\n');
    let got = Buffer.alloc(0);
    const heard = (bytes: Buffer): void => {
      // A login shell may print before.
      got = Buffer.concat([got, bytes]).subarray(-4096);
      if (got.includes(mark)) settle(null);
    };
    const listen = (bytes: Buffer): void => {
      said = `${said}${bytes.toString('utf8')}`.slice(-SAID_LIMIT);
    };
    const cancel = (): void => settle(new Failure('cancelled', 'Connecting was cancelled.'));
    const fail = (code: 'timeout' | 'auth-failed' | 'unreachable', what: string): void => {
      const last = said.trim().split('\n').slice(-2).join(' ');
      settle(
        new Failure(
          code,
          `The system's ssh ${what} ${alias}${last === '' ? '' : `: ${inert(last, 400)}`}.`,
          `Try \`ssh ${alias}\` in a terminal.`,
        ),
      );
    };
    const timeout = (): void => fail('timeout', 'has no answer from');
    late.addEventListener('abort', timeout, { once: true });
    channel.stdout.on('data', heard);
    channel.stderr.on('data', listen);
    channel.onClose(() => {
      const passes = MAY_PASS.test(said) && !STAYS.test(said);
      fail(passes ? 'unreachable' : 'auth-failed', 'could not connect to');
    });
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
    channel.stdin.write(mark);
  });
}

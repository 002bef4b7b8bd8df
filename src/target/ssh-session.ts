import type { AuthenticationType, ConnectConfig, NextAuthHandler, Client as SshClient } from 'ssh2';
import { Failure, isFailure } from '../core/failure.ts';
import { inert } from '../core/text/inert.ts';
import { ALGORITHMS, BeyondLibrary } from './beyond-library.ts';
import type { Prompts } from './connection.ts';
import { HostKeyCheck } from './host-key-check.ts';
import { blobKeyType } from './known-hosts.ts';
import { Patience } from './patience.ts';
import { type ResolvedHost, resolveHost } from './resolve-host.ts';
import { SignIn } from './sign-in.ts';
import { Client } from './ssh2.ts';
import type { Surroundings } from './surroundings.ts';
import { endpoint, openThrough, openWire, type Wire } from './wire.ts';

/** A signed-in session with one SSH server, and with it those of the jump hosts before it. */
export interface SshSession {
  readonly client: SshClient;
  readonly alias: string;
  /** The server's name in known_hosts and the fingerprint of its key. */
  readonly identity: string;
  /** The session with the jump host that this one goes through; it ends with this one. */
  readonly via: SshSession | null;
  /** Total of bytes received from this server. */
  readonly received: number;
  /** When a byte was last received, by performance.now(). */
  readonly heardAt: number;
  readonly ended: boolean;
  /** Called once when it has ended; at once when it has already. */
  onEnd(listener: () => void): void;
  /** Why the session ended, where more is known than that it did: another host key, a network error. */
  why(): string | null;
  /** Whether it ended since this server, or one on the way, showed another host key than at first. */
  isDistrusted(): boolean;
  /** Says goodbye to all servers on the way, and cuts the connection after so many milliseconds. */
  end(graceMs: number): void;
}

/** What all sessions of one attempt to connect share. */
export interface Attempt {
  readonly prompts: Prompts;
  readonly around: Surroundings;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
  /** No other client is tried where this one cannot do it. */
  readonly alone: boolean;
}

/** Keepalive questions are sent this often, so a living machine is heard from this often. */
export const KEEPALIVE_MS = 2000;
/** Handshake and sign-in may take so long, without the time the person takes to answer. */
const HANDSHAKE_MS = 30_000;
/** Jump hosts on one way; more is a circle. */
const MOST_HOPS = 8;
/** Banners of one server that the Log shows; it may send as many as it likes (RFC 4252, 5.4). */
const MOST_BANNERS = 5;
/**
 * Most that a server may say until the sign-in is done: lines before its greeting (RFC 4253, 4.2), key exchange, banners
 * (RFC 4252, 5.4). There is no end to these, and ssh2 reads on.
 */
const MOST_BEFORE_SIGN_IN = 2 * 1024 * 1024;
/** How long a server may take to close its side after we said goodbye. */
const GOODBYE_MS = 1000;

/**
 * Connects, through jump hosts where the configuration says so, checks the host's key and signs in.
 * @throws Failure for everything that can be expected to go wrong; cancelled when the signal aborts
 */
export async function openSession(host: ResolvedHost, attempt: Attempt): Promise<SshSession> {
  const shared = { ...attempt, prompts: rememberingPassphrases(attempt.prompts) };
  return await openOver(host, shared, await reach(host, shared, 1));
}

/** Prompts for one attempt: a key that opens several machines on the way is asked for once. */
function rememberingPassphrases(prompts: Prompts): Prompts {
  const known = new Map<string, string>();
  return {
    trustHostKey: (question) => prompts.trustHostKey(question),
    passphrase: async (file, again) => {
      const remembered = again ? undefined : known.get(file);
      if (remembered !== undefined) return remembered;
      const answer = await prompts.passphrase(file, again);
      if (answer !== undefined) known.set(file, answer);
      return answer;
    },
    password: (user, host, again) => prompts.password(user, host, again),
    answer: (text, echo, host) => prompts.answer(text, echo, host),
  };
}

/** The wire to a host's SSH server, with sessions on all jump hosts before it. */
async function reach(host: ResolvedHost, attempt: Attempt, depth: number): Promise<Wire> {
  if (host.route.kind !== 'jump') return await openWire(host, attempt.around, attempt.signal);
  const { hops } = host.route;
  const nearest = hops.at(-1);
  if (nearest === undefined) throw new Error('a route through hosts has at least one');
  if (depth > MOST_HOPS) {
    throw new Failure(
      'unsupported',
      `The way goes through more than ${MOST_HOPS} machines: does ProxyJump go in a circle?`,
      'See ProxyJump in the ssh configuration.',
    );
  }
  let via: SshSession;
  try {
    const entry = { alias: nearest.host, configFile: host.configFile };
    const above = { user: nearest.user, port: nearest.port, hops: hops.slice(0, -1) };
    const jump = await resolveHost(entry, attempt.around, attempt.signal, above);
    attempt.log(`through ${jump.alias}: ${jump.user} at ${jump.hostname} port ${jump.port}`);
    const wire = await reach(jump, attempt, depth + 1);
    via = await openOver(jump, { ...attempt, prompts: onTheWay(attempt.prompts, host.alias) }, wire);
  } catch (error) {
    throw isFailure(error) && error.code !== 'cancelled'
      ? error.before(`On the way to ${host.alias}: `)
      : error;
  }
  try {
    return await openThrough(via, host, attempt.signal);
  } catch (error) {
    via.end(0);
    throw error;
  }
}

/** Prompts that say for whose sake a jump host asks. */
function onTheWay(prompts: Prompts, alias: string): Prompts {
  const named = (host: string): string => `${host} (on the way to ${alias})`;
  return {
    trustHostKey: (question) =>
      prompts.trustHostKey({ ...question, onTheWayTo: question.onTheWayTo ?? alias }),
    passphrase: (file, again) => prompts.passphrase(file, again),
    password: (user, host, again) => prompts.password(user, named(host), again),
    answer: (text, echo, host) => prompts.answer(text, echo, named(host)),
  };
}

/** Speaks SSH over a wire, which is this function's own from now on. */
async function openOver(host: ResolvedHost, attempt: Attempt, wire: Wire): Promise<SshSession> {
  const { prompts, log, signal } = attempt;
  const { stream, via } = wire;
  let hostKeys: HostKeyCheck;
  try {
    hostKeys = await HostKeyCheck.open(host);
  } catch (error) {
    stream.destroy();
    via?.end(0);
    throw error;
  }
  log(`connected to ${endpoint(wire, host)}`);
  const client = new Client();
  return await new Promise<SshSession>((resolve, reject) => {
    let settled = false;
    let failure: Failure | null = null;
    let sawHandshake = false;
    let lastError: Error | null = null;

    const fail = (reason: Failure): void => {
      failure ??= reason;
      client.destroy();
      stream.destroy();
      if (settled) return;
      via?.end(0);
      settled = true;
      patience.dispose();
      signal.removeEventListener('abort', cancel);
      reject(failure);
    };
    const cancel = (): void => fail(new Failure('cancelled', 'Connecting was cancelled.'));
    const patience = new Patience(HANDSHAKE_MS, () =>
      fail(
        new Failure(
          'timeout',
          sawHandshake
            ? `${host.alias} did not finish the sign-in within ${HANDSHAKE_MS / 1000} s.`
            : `${host.alias} accepted the connection but said nothing that an SSH server would say.`,
          'See whether the machine is paused or overloaded, and whether Port in the ssh configuration is right.',
        ),
      ),
    );
    const patient = patience.wrap(prompts);
    const signIn = new SignIn(host, patient, log, attempt.alone, fail);

    client.on('error', (error: Error & { level?: string }) => {
      // Both come between attempts to sign in; what follows is decided by SignIn.
      if (error.level === 'agent' || error.level === 'client-authentication') {
        log(`sign-in: ${inert(error.message, 300)}`);
        return;
      }
      lastError ??= error;
      if (!settled) fail(failure ?? sessionFailure(host, error, sawHandshake, signIn, wire.said()));
    });
    client.on('close', () => {
      if (settled) return;
      fail(
        failure ??
          sessionFailure(host, new Error('the connection was closed'), sawHandshake, signIn, wire.said()),
      );
    });
    client.on('handshake', (negotiated) => {
      if (!sawHandshake) {
        const { cipher, mac } = negotiated.cs;
        log(`negotiated ${negotiated.kex}, host key ${negotiated.serverHostKey}, ${cipher} ${mac}`.trim());
      }
      sawHandshake = true;
    });
    let banners = 0;
    client.on('banner', (text) => {
      banners += 1;
      if (banners <= MOST_BANNERS) log(`banner: ${inert(text.trim(), 500)}`);
    });
    client.on('ready', () => {
      if (settled) return;
      settled = true;
      patience.dispose();
      signal.removeEventListener('abort', cancel);
      lastError = null;
      const why = (): string | null => failure?.message ?? lastError?.message ?? via?.why() ?? null;
      const isDistrusted = (): boolean =>
        failure?.code === 'host-key-changed' || (via?.isDistrusted() ?? false);
      resolve(new OpenSession(client, host.alias, hostKeys.identity, wire, heard, why, isDistrusted));
    });
    // Forwarded connections and X11 were never asked for.
    client.on('tcp connection', (_details, _accept, refuse) => refuse());
    client.on('x11', (_details, _accept, refuse) => refuse());

    const config: ConnectConfig = {
      sock: stream,
      username: host.user,
      readyTimeout: 0,
      keepaliveInterval: KEEPALIVE_MS,
      // Whether the machine is dead is decided in liveness.ts: a paused one may come back.
      keepaliveCountMax: Number.MAX_SAFE_INTEGER,
      algorithms: offered(host, hostKeys),
      hostVerifier: (key: Buffer, verify: (valid: boolean) => void) => {
        const type = blobKeyType(key) ?? 'unknown type';
        hostKeys.accept(key, type, wire.address, patient, log).then(
          () => verify(true),
          (error: unknown) => {
            fail(isFailure(error) ? error : new Failure('host-key-refused', String(error)));
            verify(false);
          },
        );
      },
      authHandler: (left: AuthenticationType[] | null, partial: boolean, next: NextAuthHandler) => {
        signIn.next(left, partial).then(next, (error: unknown) => {
          fail(isFailure(error) ? error : new Failure('auth-failed', String(error)));
        });
      },
    };
    if (stream.destroyed) {
      // It ended while the host keys were read.
      const error = new Error('the connection was closed');
      fail(sessionFailure(host, error, sawHandshake, signIn, wire.said()));
      return;
    }
    if (signal.aborted) {
      cancel();
      return;
    }
    signal.addEventListener('abort', cancel, { once: true });
    const heard = { bytes: 0, at: performance.now() };
    stream.on('data', (bytes: Buffer) => {
      heard.bytes += bytes.length;
      heard.at = performance.now();
      if (settled || heard.bytes <= MOST_BEFORE_SIGN_IN) return;
      const said = 'it talks without end';
      fail(sawHandshake ? signIn.failure(said) : notSsh(host, said));
    });
    try {
      client.connect(config);
    } catch (error) {
      fail(new Failure('unsupported', `${host.alias} cannot be connected to: ${(error as Error).message}.`));
    }
  });
}

/** The types of ssh2 have names of their own for these; it is given none that it does not have. */
function offered(
  { algorithms }: ResolvedHost,
  hostKeys: HostKeyCheck,
): NonNullable<ConnectConfig['algorithms']> {
  const { kex, cipher, hmac, serverHostKey } = algorithms;
  const lists = {
    kex: [...kex],
    cipher: [...cipher],
    hmac: [...hmac],
    serverHostKey: hostKeys.algorithms.filter((name) => serverHostKey.includes(name)),
  };
  return lists as NonNullable<ConnectConfig['algorithms']>;
}

class OpenSession implements SshSession {
  #ended = false;
  #listeners: Array<() => void> = [];

  constructor(
    readonly client: SshClient,
    readonly alias: string,
    readonly identity: string,
    private readonly wire: Wire,
    private readonly heard: { readonly bytes: number; readonly at: number },
    readonly why: () => string | null,
    readonly isDistrusted: () => boolean,
  ) {
    client.on('close', () => this.#close());
    wire.stream.on('close', () => this.#close());
    if (wire.stream.destroyed) this.#close();
  }

  get via(): SshSession | null {
    return this.wire.via;
  }

  get received(): number {
    return this.heard.bytes;
  }

  get heardAt(): number {
    return this.heard.at;
  }

  get ended(): boolean {
    return this.#ended;
  }

  onEnd(listener: () => void): void {
    if (this.#ended) listener();
    else this.#listeners.push(listener);
  }

  end(graceMs: number): void {
    const { stream } = this.wire;
    if (!stream.destroyed) {
      this.client.end();
      const timer = setTimeout(() => stream.destroy(), graceMs);
      stream.once('close', () => clearTimeout(timer));
    }
    // In the same time: the end of a jump host's connection cuts what goes through it.
    const { via } = this;
    if (via !== null) this.onEnd(() => via.end(graceMs));
  }

  #close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.wire.stream.destroy();
    for (const listener of this.#listeners.splice(0)) listener();
    this.via?.end(GOODBYE_MS);
  }
}

function notSsh({ hostname, port }: ResolvedHost, said: string): Failure {
  return new Failure(
    'unreachable',
    `What answers at ${hostname}, port ${port} does not speak SSH (${said}).`,
    'Check Port and HostName in the ssh configuration.',
  );
}

/** What an error of the SSH layer means while connecting. */
function sessionFailure(
  host: ResolvedHost,
  error: Error & { level?: string; code?: unknown },
  sawHandshake: boolean,
  signIn: SignIn,
  wireSaid: string,
): Failure {
  const said = inert(error.message, 200);
  if (sawHandshake) {
    // A server that has enough of failing attempts disconnects in the middle of them.
    return signIn.failure(said);
  }
  if (/no matching|handshake failed: no/i.test(error.message)) {
    return new BeyondLibrary(
      new Failure(
        'unsupported',
        `${host.alias} and ZScope have no algorithm in common: ${said}.`,
        'Allow a current key exchange, host key and MAC (without SHA-1) in the sshd_config of the machine.',
      ),
      ALGORITHMS,
    );
  }
  if (host.route.kind === 'command') {
    return new Failure(
      'unreachable',
      `The ProxyCommand of ${host.alias} ended before the sign-in${wireSaid === '' ? '' : ` (${wireSaid})`}.`,
      'Run it in a terminal, or see ProxyCommand in the ssh configuration.',
    );
  }
  if (error.level === 'client-socket') {
    return new Failure(
      'unreachable',
      `${host.alias} (${host.hostname}, port ${host.port}) closed the connection before the sign-in (${said}).`,
      'See the log of its SSH server: it may refuse this address or have too many connections.',
    );
  }
  return notSsh(host, said);
}

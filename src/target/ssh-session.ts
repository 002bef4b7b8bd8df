import type { Socket } from 'node:net';
import type { AuthenticationType, ConnectConfig, NextAuthHandler, Client as SshClient } from 'ssh2';
import { Failure, isFailure } from '../core/failure.ts';
import { inert } from '../core/text/inert.ts';
import type { Prompts } from './connection.ts';
import { HostKeyCheck } from './host-key-check.ts';
import { blobKeyType } from './known-hosts.ts';
import { Patience } from './patience.ts';
import type { ResolvedHost } from './resolve-host.ts';
import { SignIn } from './sign-in.ts';
import { Client } from './ssh2.ts';
import { openSocket } from './tcp.ts';

/** A signed-in session and the socket it runs over. Whoever has it ends it by `client.destroy()`. */
export interface SshSession {
  readonly client: SshClient;
  readonly socket: Socket;
  /** Why the session ended, where more is known than that it did: another host key, a network error. */
  readonly why: () => string | null;
}

/** Keepalive questions are sent this often, so a living machine is heard from this often. */
export const KEEPALIVE_MS = 2000;
/** Handshake and sign-in may take so long, without the time the person takes to answer. */
const HANDSHAKE_MS = 30_000;

/** MACs without SHA-1; the `-etm` ones first, as OpenSSH orders them. */
const MACS = [
  'hmac-sha2-256-etm@openssh.com',
  'hmac-sha2-512-etm@openssh.com',
  'hmac-sha2-256',
  'hmac-sha2-512',
] as const;

/**
 * Connects, checks the host's key and signs in.
 * @throws Failure for everything that can be expected to go wrong; cancelled when `signal` aborts
 */
export async function openSession(
  host: ResolvedHost,
  prompts: Prompts,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<SshSession> {
  const hostKeys = await HostKeyCheck.open(host);
  const socket = await openSocket(host, signal);
  log(`connected to ${socket.remoteAddress ?? host.hostname} port ${socket.remotePort ?? host.port}`);
  const client = new Client();
  return await new Promise<SshSession>((resolve, reject) => {
    let settled = false;
    let failure: Failure | null = null;
    let sawHandshake = false;
    let lastError: Error | null = null;

    const fail = (reason: Failure): void => {
      failure ??= reason;
      client.destroy();
      socket.destroy();
      if (settled) return;
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
    const signIn = new SignIn(host, patient, log);

    client.on('error', (error: Error & { level?: string }) => {
      // Both come between attempts to sign in; what follows is decided by SignIn.
      if (error.level === 'agent' || error.level === 'client-authentication') {
        log(`sign-in: ${inert(error.message, 300)}`);
        return;
      }
      lastError ??= error;
      if (!settled) fail(failure ?? sessionFailure(host, error, sawHandshake, signIn));
    });
    client.on('close', () => {
      if (settled) return;
      fail(failure ?? sessionFailure(host, new Error('the connection was closed'), sawHandshake, signIn));
    });
    client.on('handshake', (negotiated) => {
      if (!sawHandshake) {
        const { cipher, mac } = negotiated.cs;
        log(`negotiated ${negotiated.kex}, host key ${negotiated.serverHostKey}, ${cipher} ${mac}`.trim());
      }
      sawHandshake = true;
    });
    client.on('banner', (text) => log(`banner: ${inert(text.trim(), 500)}`));
    client.on('ready', () => {
      if (settled) return;
      settled = true;
      patience.dispose();
      signal.removeEventListener('abort', cancel);
      lastError = null;
      resolve({ client, socket, why: () => failure?.message ?? lastError?.message ?? null });
    });
    // Forwarded connections and X11 were never asked for.
    client.on('tcp connection', (_details, _accept, refuse) => refuse());
    client.on('x11', (_details, _accept, refuse) => refuse());

    const config: ConnectConfig = {
      sock: socket,
      username: host.user,
      readyTimeout: 0,
      keepaliveInterval: KEEPALIVE_MS,
      // Whether the machine is dead is decided in liveness.ts: a paused one may come back.
      keepaliveCountMax: Number.MAX_SAFE_INTEGER,
      algorithms: { serverHostKey: hostKeys.algorithms, hmac: [...MACS] },
      hostVerifier: (key: Buffer, verify: (valid: boolean) => void) => {
        const type = blobKeyType(key) ?? 'unknown type';
        hostKeys.accept(key, type, socket.remoteAddress ?? host.hostname, patient, log).then(
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
    if (signal.aborted) {
      cancel();
      return;
    }
    signal.addEventListener('abort', cancel, { once: true });
    try {
      client.connect(config);
    } catch (error) {
      fail(new Failure('unsupported', `${host.alias} cannot be connected to: ${(error as Error).message}.`));
    }
  });
}

/** What an error of the SSH layer means while connecting. */
function sessionFailure(
  host: ResolvedHost,
  error: Error & { level?: string; code?: unknown },
  sawHandshake: boolean,
  signIn: SignIn,
): Failure {
  const said = inert(error.message, 200);
  if (sawHandshake) {
    // A server that has enough of failing attempts disconnects in the middle of them.
    return signIn.failure(said);
  }
  if (/no matching|handshake failed: no/i.test(error.message)) {
    return new Failure(
      'unsupported',
      `${host.alias} and ZScope have no algorithm in common: ${said}.`,
      'Allow a current key exchange, host key and MAC (without SHA-1) in the sshd_config of the machine.',
    );
  }
  if (error.level === 'client-socket') {
    return new Failure(
      'unreachable',
      `${host.alias} (${host.hostname}, port ${host.port}) closed the connection before the sign-in (${said}).`,
      'See the log of its SSH server: it may refuse this address or have too many connections.',
    );
  }
  return new Failure(
    'unreachable',
    `What answers at ${host.hostname}, port ${host.port} does not speak SSH (${said}).`,
    'Check Port and HostName in the ssh configuration.',
  );
}

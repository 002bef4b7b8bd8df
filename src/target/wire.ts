import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Failure } from '../core/failure.ts';
import { inert } from '../core/text/inert.ts';
import { expandProxyCommand, startProxyCommand } from './proxy-command.ts';
import type { ResolvedHost } from './resolve-host.ts';
import type { SshSession } from './ssh-session.ts';
import type { Surroundings } from './surroundings.ts';
import { openSocket } from './tcp.ts';

/** A stream of bytes to an SSH server. Destroying {@link stream} is its end. */
export interface Wire {
  readonly stream: Duplex;
  /** Where it leads, for a person: an address, or a name that somebody else looks up. */
  readonly address: string;
  /** The jump host that it goes through. It is this wire's own. */
  readonly via: SshSession | null;
  /** What the command that makes it has said; empty for nothing. */
  said(): string;
}

/** Opens a wire without a jump host. @throws Failure */
export async function openWire(host: ResolvedHost, around: Surroundings, signal: AbortSignal): Promise<Wire> {
  if (host.route.kind === 'command') {
    const { stream, said } = startProxyCommand(expandProxyCommand(host.route.command, host), around);
    return { stream, address: host.hostname, via: null, said };
  }
  const socket = await openSocket(host, signal);
  return { stream: socket, address: socket.remoteAddress ?? host.hostname, via: null, said: () => '' };
}

/** Has a jump host connect to the next machine. @throws Failure naming the jump host; cancelled */
export function openThrough(via: SshSession, host: ResolvedHost, signal: AbortSignal): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const settle = (failure: Failure | null, stream?: Duplex): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      settled = true;
      if (failure !== null) {
        reject(failure);
      } else if (stream !== undefined) {
        // With the jump host frozen or gone, its channels don't end by themselves.
        via.onEnd(() => stream.destroy());
        stream.on('error', () => {});
        resolve({ stream, address: host.hostname, via, said: () => via.why() ?? '' });
      }
    };
    let settled = false;
    const place = `${host.hostname}, port ${host.port}`;
    const cancel = (): void => settle(new Failure('cancelled', 'Connecting was cancelled.'));
    const timer = setTimeout(
      () =>
        settle(
          new Failure(
            'timeout',
            `${via.alias} could not connect to ${host.alias} (${place}) within ${host.connectTimeoutMs / 1000} s.`,
            `See whether ${host.alias} is up and reachable from ${via.alias}; ConnectTimeout in the ssh configuration sets the limit.`,
          ),
        ),
      host.connectTimeoutMs,
    );
    const opened = (error: Error | undefined, stream?: Duplex): void => {
      if (settled) {
        stream?.on('error', () => {});
        stream?.destroy();
      } else if (error !== undefined || stream === undefined) {
        settle(forwardFailure(via, host, error ?? new Error('no answer')));
      } else {
        settle(null, stream);
      }
    };
    if (signal.aborted) {
      cancel();
      return;
    }
    signal.addEventListener('abort', cancel, { once: true });
    via.onEnd(() => {
      if (!settled) settle(forwardFailure(via, host, new Error(via.why() ?? 'its connection ended')));
    });
    try {
      via.client.forwardOut('127.0.0.1', 0, host.hostname, host.port, opened);
    } catch (error) {
      // ssh2 throws when the session is gone already.
      opened(error as Error);
    }
  });
}

/** What it means that a jump host made no connection; RFC 4254, 5.1 has the reasons. */
function forwardFailure(via: SshSession, host: ResolvedHost, error: Error & { reason?: unknown }): Failure {
  const place = `${host.hostname}, port ${host.port}`;
  const said = inert(error.message.replace(/^\(SSH\) Channel open failure: /, ''), 200);
  if (error.reason === 1 || /prohibited/i.test(said)) {
    return new Failure(
      'refused',
      `The jump host ${via.alias} passes no connections on to ${place} (${said}).`,
      `Set AllowTcpForwarding (and PermitOpen) in the sshd_config of ${via.alias}.`,
    );
  }
  return new Failure(
    /refused/i.test(said) ? 'refused' : 'unreachable',
    `The jump host ${via.alias} cannot connect to ${host.alias} (${place}): ${said}.`,
    `See whether ${host.alias} is up, and HostName and Port in the ssh configuration are right as seen from ${via.alias}.`,
  );
}

/** Where a socket that is connected leads; the wire's own word for any other stream. */
export function endpoint(wire: Wire, host: ResolvedHost): string {
  const port = wire.stream instanceof Socket ? (wire.stream.remotePort ?? host.port) : host.port;
  return `${wire.address} port ${port}`;
}

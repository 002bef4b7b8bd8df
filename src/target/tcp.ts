import { connect, type Socket } from 'node:net';
import { Failure } from '../core/failure.ts';
import type { ResolvedHost } from './resolve-host.ts';

/** Opens the TCP connection. @throws Failure no-host, refused, unreachable, timeout or cancelled. */
export function openSocket(host: ResolvedHost, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: host.hostname,
      port: host.port,
      family: host.family,
      noDelay: true,
      // Node's own 250 ms an address is too short for a machine that is slow to answer.
      autoSelectFamilyAttemptTimeout: Math.min(3000, host.connectTimeoutMs),
      ...(host.bindAddress === null ? {} : { localAddress: host.bindAddress }),
    });
    const settle = (failure: Failure | null): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      socket.removeListener('error', failed);
      socket.removeListener('connect', connected);
      if (failure === null) {
        // An error between two owners must not be one without a listener.
        socket.on('error', () => {});
        resolve(socket);
      } else {
        socket.on('error', () => {});
        socket.destroy();
        reject(failure);
      }
    };
    const connected = (): void => settle(null);
    const failed = (error: Error): void => settle(connectFailure(host, error));
    const cancel = (): void => settle(new Failure('cancelled', 'Connecting was cancelled.'));
    const timer = setTimeout(
      () =>
        settle(
          new Failure(
            'timeout',
            `${host.alias} (${host.hostname}, port ${host.port}) did not answer within ${host.connectTimeoutMs / 1000} s.`,
            'See whether the machine is up and not paused; ConnectTimeout in the ssh configuration sets the limit.',
          ),
        ),
      host.connectTimeoutMs,
    );
    socket.once('connect', connected);
    socket.once('error', failed);
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
  });
}

/** What a failed connect means, with what to do about it. */
export function connectFailure(host: ResolvedHost, error: Error): Failure {
  const place = `${host.hostname}, port ${host.port}`;
  const code = errorCode(error);
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NONAME':
    case 'EAI_NODATA':
      return new Failure(
        'no-host',
        `No address is known for ${host.hostname}${host.hostname === host.alias ? '' : ` (${host.alias})`}.`,
        'Check the name, or give the machine a Host entry with HostName in your ssh configuration.',
      );
    case 'ECONNREFUSED':
      return new Failure(
        'refused',
        `${host.alias} (${place}) refused the connection: nothing listens there.`,
        'See whether the machine is up, its SSH server runs, and Port in the ssh configuration is right.',
      );
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
    case 'ENETDOWN':
    case 'EADDRNOTAVAIL':
      return new Failure(
        'unreachable',
        `${host.alias} (${place}) cannot be reached from here (${code}).`,
        'See whether the machine is up and the network or VPN to it is connected.',
      );
    case 'ETIMEDOUT':
      return new Failure(
        'timeout',
        `${host.alias} (${place}) did not answer.`,
        'See whether the machine is up and no firewall is between.',
      );
    case 'ECONNRESET':
    case 'EPIPE':
      return new Failure(
        'unreachable',
        `${host.alias} (${place}) closed the connection at once.`,
        'See the log of its SSH server: it may refuse this address or have too many connections.',
      );
    default:
      return new Failure(
        'unreachable',
        `The connection to ${host.alias} (${place}) failed: ${error.message}.`,
        'See whether the machine is up and the ssh configuration is right.',
      );
  }
}

/** The code of a system error; of a failure on several addresses that of the first. */
function errorCode(error: Error): string {
  if (error instanceof AggregateError) {
    const first: unknown = error.errors[0];
    if (first instanceof Error) return errorCode(first);
  }
  return (error as NodeJS.ErrnoException).code ?? '';
}

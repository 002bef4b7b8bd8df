import type { ClientChannel } from 'ssh2';
import { Failure } from '../core/failure.ts';
import type { SshSession } from './ssh-session.ts';
import { ChannelRefused, type ShellChannel, type Transport } from './transport.ts';

/** A machine that was not heard from for so long is the one to name; its keepalives come every 2 s. */
const SILENT_HOP_MS = 4000;

/** Shells on channels of one SSH session. */
export class Ssh2Transport implements Transport {
  constructor(
    private readonly session: SshSession,
    readonly remark: string,
  ) {}

  get identity(): string {
    return this.session.identity;
  }

  get received(): number {
    return this.session.received;
  }

  get ended(): boolean {
    return this.session.ended;
  }

  onEnd(listener: () => void): void {
    this.session.onEnd(listener);
  }

  why(): string | null {
    return this.session.why();
  }

  get isDistrusted(): boolean {
    return this.session.isDistrusted();
  }

  silentHop(): string | null {
    let name: string | null = null;
    // The last one found is the nearest to us: what is behind it cannot be heard either.
    for (let hop = this.session.via; hop !== null; hop = hop.via) {
      if (performance.now() - hop.heardAt > SILENT_HOP_MS) name = hop.alias;
    }
    return name;
  }

  end(graceMs: number): void {
    this.session.end(graceMs);
  }

  open(command: string, tty: boolean, signal: AbortSignal): Promise<ShellChannel> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      let waiting = true;
      // A frozen machine never answers, and ssh2 then never calls back.
      const abort = (): void => {
        waiting = false;
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      const opened = (error: (Error & { reason?: unknown }) | undefined, channel?: ClientChannel): void => {
        signal.removeEventListener('abort', abort);
        if (!waiting) {
          channel?.close();
        } else if (error !== undefined || channel === undefined) {
          const refused = error?.reason !== undefined || /open failure/i.test(error?.message ?? '');
          reject(
            refused
              ? new ChannelRefused(error?.message)
              : new Failure(
                  'lost',
                  `The machine ran no command: ${error?.message ?? 'no answer'}.`,
                  'Connect again.',
                ),
          );
        } else {
          resolve(shellChannel(channel));
        }
      };
      try {
        this.session.client.exec(command, tty ? { pty: { term: 'dumb' } } : {}, opened);
      } catch (error) {
        // ssh2 throws when the socket is gone already.
        opened(error as Error);
      }
    });
  }
}

function shellChannel(channel: ClientChannel): ShellChannel {
  return {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    onExit: (listener) => channel.on('exit', (status: number | null) => listener(status)),
    onClose: (listener) => channel.on('close', () => listener()),
    close: () => channel.close(),
  };
}

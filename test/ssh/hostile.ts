/** An SSH server that runs what it is told like any other, until it floods: more than the window it was given. */
import { spawn } from 'node:child_process';
import type { AuthContext, Connection, ServerChannel, Server as SshServer } from 'ssh2';
import ssh2 from 'ssh2';
import { freePort } from './server.ts';

/** No divisor of a window's size: ssh2's client drops what comes while its window is exactly 0, and takes it once that is below. */
const PIECE = Buffer.alloc(32 * 1024 - 1, 'x');
/** What may wait in this process for the client to take it. */
const MOST_WAITING = 4 * 1024 * 1024;

/** What of ssh2 is not in its types: a packet for a channel, whatever its window is. */
interface Raw {
  readonly _client: {
    readonly _protocol: { channelData(id: number, bytes: Buffer): void };
    readonly _sock: { readonly writableLength: number; readonly writable: boolean };
  };
  readonly outgoing: { readonly id: number };
}

export class HostileServer {
  readonly #server: SshServer;
  #flooding = false;
  /** Bytes sent beyond any window. */
  sent = 0;

  private constructor(
    readonly port: number,
    signIn: (context: AuthContext) => void,
    signedIn: (client: Connection) => void,
  ) {
    const { private: hostKey } = ssh2.utils.generateKeyPairSync('ed25519');
    this.#server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
      client.on('error', () => {});
      client.on('authentication', signIn);
      client.on('ready', () => signedIn(client));
      client.on('session', (accept) => {
        accept().on('exec', (accepted) => this.#run(accepted()));
      });
    });
  }

  /**
   * @param signIn what it does with an attempt to sign in; it lets everybody in unless given
   * @param signedIn called then, with what it can reach the client by
   */
  static async start(
    signIn: (context: AuthContext) => void = (context) => context.accept(),
    signedIn: (client: Connection) => void = () => {},
  ): Promise<HostileServer> {
    const server = new HostileServer(await freePort(), signIn, signedIn);
    await new Promise<void>((resolve) => server.#server.listen(server.port, '127.0.0.1', resolve));
    return server;
  }

  /** The next job is answered by a flood. */
  floodNext(): void {
    this.#flooding = true;
  }

  #run(channel: ServerChannel): void {
    const shell = spawn('/bin/sh', { stdio: 'pipe' });
    shell.stdin.on('error', () => {});
    shell.stdout.pipe(channel, { end: false });
    shell.stderr.pipe(channel.stderr, { end: false });
    shell.on('close', (status) => {
      channel.exit(status ?? 1);
      channel.end();
    });
    channel.on('close', () => shell.kill('SIGKILL'));
    channel.on('end', () => shell.stdin.end());
    let script = '';
    channel.on('data', (bytes: Buffer) => {
      if (!this.#flooding) {
        shell.stdin.write(bytes);
        return;
      }
      script += bytes.toString('latin1');
      const nonce = /ready\\n' ([0-9a-f]{32})/.exec(script)?.[1];
      if (nonce === undefined) return;
      channel.removeAllListeners('data');
      channel.resume();
      channel.write(`\x1e${nonce} ready\nheader\n`);
      this.#flood(channel as unknown as Raw);
    });
  }

  #flood(channel: Raw): void {
    const { _client: client } = channel;
    // What is written to a socket that is ending waits nowhere.
    while (client._sock.writable && client._sock.writableLength < MOST_WAITING) {
      client._protocol.channelData(channel.outgoing.id, PIECE);
      this.sent += PIECE.length;
    }
    if (client._sock.writable) setTimeout(() => this.#flood(channel), 1);
  }

  dispose(): void {
    this.#server.close();
  }
}

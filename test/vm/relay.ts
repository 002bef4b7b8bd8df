/** A way to the VM that can break as networks do. */
import { once } from 'node:events';
import net from 'node:net';

/** Passes bytes between a port of 127.0.0.1 of its own and another one. */
export class Relay {
  readonly #server: net.Server;
  /** Each end with the one it passes its bytes to. */
  readonly #sockets = new Map<net.Socket, net.Socket>();

  private constructor(server: net.Server, port: number) {
    this.#server = server;
    server.on('connection', (near) => {
      const far = net.connect(port, '127.0.0.1');
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.set(socket, other);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
  }

  static async to(port: number): Promise<Relay> {
    const server = net.createServer();
    const relay = new Relay(server, port);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') {
      throw new Error('the relay does not listen');
    }
    return address.port;
  }

  /** Bytes that have passed so far, both ways together. */
  traffic(): number {
    return [...this.#sockets.keys()].reduce((sum, socket) => sum + socket.bytesRead, 0);
  }

  /** Both sides see their connection reset. */
  cut(): void {
    for (const socket of this.#sockets.keys()) {
      socket.resetAndDestroy();
    }
  }

  /** Nothing gets through any more and neither side is told: a cable that was pulled. */
  hold(): void {
    for (const socket of this.#sockets.keys()) {
      socket.unpipe();
      socket.pause();
    }
  }

  /** Everything goes on where {@link hold} stopped it. */
  release(): void {
    for (const [socket, other] of this.#sockets) {
      socket.pipe(other);
    }
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** What several of the SSH tests set up alike, and its end with the test. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { Connection } from '../../src/target/connection.ts';
import { reach } from './client.ts';
import { Server, type ServerOptions } from './server.ts';

/**
 * For the top of a file: returns what starts a server for one test. It ends after that test and
 * after the hooks of the file itself.
 * @param known whether the client knows the server's host key
 */
export function serverStarter(known = true): (options?: ServerOptions) => Promise<Server> {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.dispose();
  });
  return async (options) => {
    const server = await Server.start(options);
    servers.push(server);
    if (known) server.trust('ed25519');
    return server;
  };
}

/** For the top of a `describe`: one server with a connection to it, for all its tests. */
export class SharedConnection {
  #server: Server | null = null;
  #connection: Connection | null = null;

  constructor() {
    beforeAll(async () => {
      this.#server = await Server.start();
      this.#server.trust('ed25519');
      this.#connection = await reach(this.#server);
    });
    afterAll(async () => {
      this.#connection?.dispose();
      await this.#server?.dispose();
    });
  }

  get server(): Server {
    if (this.#server === null) throw new Error('the server is there within tests only');
    return this.#server;
  }

  get connection(): Connection {
    if (this.#connection === null) throw new Error('the connection is there within tests only');
    return this.#connection;
  }
}

/** A word for processes of one test, to find them by; none is the beginning of another. */
export function word(): string {
  return `zscopetest${randomBytes(8).toString('hex')}`;
}

/** A shell command that runs until it is ended and can be found by its word. */
export function forever(name: string): string {
  return `sh -c 'while :; do sleep 1; done' ${name}`;
}

/**
 * Where a secret can be read: in the arguments and environments of processes, and in the files of a server's folder.
 * @throws Error when it could look at almost nothing
 */
export function placesOf(secret: string, server: Server, pids: readonly number[]): string[] {
  const files = readdirSync(server.dir, { withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => server.path(file.name));
  const places = [...files, ...pids.flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`])];
  let looked = 0;
  const found = places.filter((place) => {
    try {
      const text = readFileSync(place, 'latin1');
      looked += 1;
      return text.includes(secret);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      return false; // The process has ended.
    }
  });
  if (looked < 8) throw new Error(`only ${looked} places could be looked at`);
  return found;
}

/** All processes of this machine. */
export function allProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

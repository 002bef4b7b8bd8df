import net from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { isFailure } from '../../src/core/failure.ts';
import { failureOf } from '../support/failure-of.ts';
import { Random } from '../support/random.ts';
import { question, reach } from './client.ts';
import { serverStarter } from './fixtures.ts';

const start = serverStarter();
const listeners: net.Server[] = [];
afterAll(() => {
  for (const listener of listeners) listener.close();
});

async function listen(take: (socket: net.Socket) => void): Promise<number> {
  const listener = net.createServer((socket) => {
    socket.on('error', () => {});
    take(socket);
  });
  listeners.push(listener);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return (listener.address() as net.AddressInfo).port;
}

/** All that a connection with one answer takes: greeting, key exchange, sign-in, shell. */
const WHOLE = 2500;
/** From the damage until the link is cut: an honest server may wait for the rest of a packet as long as the client does. */
const CUT_MS = 400;

/** Passes on what a server sends, with bits, noise or an end somewhere where it sent none. */
function damage(random: Random, near: net.Socket, port: number): void {
  const far = net.connect(port, '127.0.0.1');
  far.on('error', () => {});
  near.pipe(far);
  const at = random.below(WHOLE);
  const change = random.pick([
    (bytes: Buffer) => Buffer.from(bytes).fill((bytes[0] ?? 0) ^ (1 << random.below(8)), 0, 1),
    (bytes: Buffer) =>
      Buffer.concat([Buffer.from(Array.from({ length: 99 }, () => random.below(256))), bytes]),
    () => Buffer.alloc(0),
  ]);
  let passed = 0;
  far.on('data', (bytes: Buffer) => {
    const from = at - passed;
    passed += bytes.length;
    if (from < 0 || from >= bytes.length) {
      near.write(bytes);
      return;
    }
    near.write(Buffer.concat([bytes.subarray(0, from), change(bytes.subarray(from))]));
    setTimeout(() => near.destroy(), CUT_MS);
  });
  far.on('close', () => near.destroy());
  near.on('close', () => far.destroy());
}

test('a link that damages what the server sends, anywhere, ends in a sentence or an answer', async () => {
  const server = await start();
  const damaged: string[] = [];
  const one = async (seed: number): Promise<string> => {
    try {
      const connection = await reach(server);
      try {
        return await connection.run(question('echo answer'), null);
      } finally {
        connection.dispose();
      }
    } catch (error) {
      if (!isFailure(error)) throw new Error(`no sentence with seed ${seed}`, { cause: error });
      return error.code;
    }
  };
  let seed = 0;
  const port = await listen((socket) => damage(new Random(seed++), socket, server.port));
  server.writeClientConfig('root', [`Port ${port}`]);
  // Not all at once: an honest sshd has a limit of its own (MaxStartups).
  for (let batch = 0; batch < 4; batch += 1) {
    damaged.push(...(await Promise.all([0, 1, 2, 3, 4].map((i) => one(5 * batch + i)))));
  }
  // More where an algorithm's name was damaged: the system's ssh is tried then.
  expect(seed).toBeGreaterThanOrEqual(20);
  expect(damaged.filter((end) => end !== 'answer\n').length).toBeGreaterThan(10);
});

test('a server that talks without end before it greets is left', async () => {
  const server = await start();
  const port = await listen((socket) => {
    const talk = (): void => {
      while (socket.writable && socket.write(`${'x'.repeat(1000)}\r\n`));
    };
    socket.on('drain', talk);
    socket.on('data', () => {});
    talk();
  });
  server.writeClientConfig('root', [`Port ${port}`]);
  const failure = await failureOf(reach(server));
  expect(failure.code).toBe('unreachable');
  expect(failure.message).toContain('does not speak SSH');
});

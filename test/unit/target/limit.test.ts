import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Failure } from '../../../src/core/failure.ts';
import { Limit } from '../../../src/target/limit.ts';

const late = () => new Failure('timeout', 'It is late.');
const standStill = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

test('an answer that came while this process stood still is in time', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens at a port');
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = connect(address.port, '127.0.0.1');
  await new Promise<void>((resolve) => client.once('connect', resolve));
  const far = await accepted;
  const limit = new Limit().after(50, late);
  try {
    const answer = limit.race(new Promise((resolve) => client.once('data', resolve)));
    far.write('here');
    standStill(200);
    expect(String(await answer)).toBe('here');
  } finally {
    limit.dispose();
    client.destroy();
    far.destroy();
    server.close();
  }
});

test('what does not come is late, and what was disposed is not', async () => {
  const limit = new Limit().after(1, late);
  await expect(limit.race(new Promise(() => {}))).rejects.toThrow('It is late.');
  const disposed = new Limit().after(1, late);
  const done = new Promise<void>((resolve) => {
    setTimeout(() => {
      disposed.dispose();
      resolve();
    }, 1);
  });
  standStill(20); // Both are over by now: the second is looked at right after the first.
  await done;
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(disposed.signal.aborted).toBe(false);
});

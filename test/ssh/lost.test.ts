/** What happens when the connection freezes, breaks, or the client dies. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server as NetServer, connect as netConnect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import type { Connection, ConnectionState } from '../../src/target/connection.ts';
import { failureOf } from '../support/failure-of.ts';
import { lines, Person, question, reach } from './client.ts';
import { forever, serverStarter, word } from './fixtures.ts';
import { descendants, freePort, isRunning, kill, until } from './server.ts';

/** The supervisor's lease and what the issue allows on top of it. */
const LEASE_MS = 20_000 + 5000;

const start = serverStarter();
const relays: Relay[] = [];
afterEach(() => {
  for (const relay of relays.splice(0)) relay.dispose();
});

/** States that a connection went through. */
function watch(connection: Connection): Array<{ state: ConnectionState; why: string; at: number }> {
  const seen: Array<{ state: ConnectionState; why: string; at: number }> = [];
  connection.onState((state, why) => seen.push({ state, why, at: performance.now() }));
  return seen;
}

/** A relay in front of a server that can stop passing bytes on, or reset both ends. */
class Relay {
  port = 0;
  #listener: NetServer | null = null;
  readonly #sockets = new Set<Socket>();
  #blocked = false;

  static async start(target: number): Promise<Relay> {
    const relay = new Relay();
    relay.port = await freePort();
    const listener = createServer((near) => {
      const far = netConnect(target, '127.0.0.1');
      for (const socket of [near, far]) {
        relay.#sockets.add(socket);
        socket.on('error', () => {});
      }
      near.on('data', (bytes) => relay.#blocked || far.write(bytes));
      far.on('data', (bytes) => relay.#blocked || near.write(bytes));
      near.on('close', () => relay.#blocked || far.destroy());
      far.on('close', () => relay.#blocked || near.destroy());
    });
    relay.#listener = listener;
    await new Promise<void>((resolve) => listener.listen(relay.port, '127.0.0.1', resolve));
    relays.push(relay);
    return relay;
  }

  /** From now on every byte is swallowed: neither end hears that the other is gone. */
  block(): void {
    this.#blocked = true;
  }

  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  dispose(): void {
    this.#listener?.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

test('a stopped stream has cleaned up when its end is told', async () => {
  const server = await start();
  const connection = await reach(server);
  const name = word();
  const mark = server.path('mark');
  const stream = await connection.stream(
    lines(`touch '${mark}'; (${forever(name)}) & ${forever(name)}`, `rm '${mark}'`),
    null,
    { events: () => {} },
  );
  await until('it runs', 20_000, () => isRunning(name) && existsSync(mark));
  stream.dispose();
  expect(await stream.ended).toEqual({ reason: 'stopped', status: null, cleanUp: 'confirmed', stderr: '' });
  expect(isRunning(name)).toBe(false);
  expect(existsSync(mark)).toBe(false);
  connection.dispose();
});

test('the clean-up comes after the last process, even of a job that ignores TERM', async () => {
  const server = await start();
  const connection = await reach(server);
  const name = word();
  const stubborn = `trap '' TERM; (trap '' TERM; ${forever(name)}) & while :; do sleep 1; done`;
  const stream = await connection.stream(
    lines(stubborn, `ps -A -o stat=,args= | grep -v ^Z | grep -c '[z]${name.slice(1)}$' >&2`),
    null,
    { events: () => {} },
  );
  await until('it runs', 20_000, () => isRunning(name));
  stream.dispose();
  expect((await stream.ended).stderr).toBe('0\n');
  connection.dispose();
});

test('a stream that ends by itself cleans up too, and what it left behind is ended', async () => {
  const server = await start();
  const connection = await reach(server);
  const name = word();
  const stream = await connection.stream(lines(`${forever(name)} & exit 7`, 'echo cleaned >&2'), null, {
    events: () => {},
  });
  expect(await stream.ended).toEqual({
    reason: 'finished',
    status: 7,
    cleanUp: 'failed',
    stderr: 'cleaned\n',
  });
  expect(isRunning(name)).toBe(false);
  connection.dispose();
});

test('what was ended has ended, also where nobody ever takes notice of it', async () => {
  const server = await start();
  await server.stop();
  // The first process of a container adopts the others, and this one waits for none but its own child.
  const first =
    "require('node:child_process').spawn('/usr/sbin/sshd', process.argv.slice(1), { stdio: 'inherit' })";
  const container = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
  await server.run([...container, process.execPath, '-e', first, '--']);
  const connection = await reach(server);
  const name = word();
  const stream = await connection.stream(lines(`(${forever(name)}) & ${forever(name)}`, 'exit 0'), null, {
    events: () => {},
  });
  await until('it runs', 20_000, () => isRunning(name));
  stream.dispose();
  expect(await stream.ended).toEqual({ reason: 'stopped', status: null, cleanUp: 'confirmed', stderr: '' });
  expect(isRunning(name)).toBe(false);
  connection.dispose();
});

test('closing the connection ends and cleans up everything there', async () => {
  const server = await start();
  const connection = await reach(server);
  const name = word();
  const mark = server.path('mark');
  const states = watch(connection);
  const stream = await connection.stream(lines(`touch '${mark}'; ${forever(name)}`, `rm '${mark}'`), null, {
    events: () => {},
  });
  const asked = failureOf(connection.run(question(forever(name)), null));
  await until('it runs', 20_000, () => isRunning(name) && existsSync(mark));
  await sleep(300);
  connection.dispose();
  expect((await stream.ended).reason).toBe('lost');
  expect((await asked).code).toBe('lost');
  expect(states).toEqual([{ state: 'closed', why: '', at: expect.any(Number) }]);
  await until('its processes are gone', 20_000, () => !isRunning(name));
  await until('it has cleaned up', 20_000, () => !existsSync(mark));
  await until('nothing is left', 20_000, () => server.processes.length === 0);
  expect((await failureOf(connection.run(question('echo'), null))).code).toBe('lost');
});

test('a connection that is cut: all that waits fails, the target cleans up', async () => {
  const server = await start();
  const relay = await Relay.start(server.port);
  server.writeClientConfig('root', [`Port ${relay.port}`, 'StrictHostKeyChecking accept-new']);
  const connection = await reach(server);
  const name = word();
  const mark = server.path('mark');
  const states = watch(connection);
  const stream = await connection.stream(
    lines(`touch '${mark}'; ${forever(name)}`, `sleep 1; rm '${mark}'`),
    null,
    {
      events: () => {},
    },
  );
  const asked = failureOf(connection.run(question(forever(name)), null));
  await until('it runs', 20_000, () => isRunning(name) && existsSync(mark));
  await sleep(300);
  relay.reset();
  expect((await asked).code).toBe('lost');
  expect(await stream.ended).toMatchObject({ reason: 'lost', status: null });
  expect(connection.state).toBe('closed');
  expect(states).toHaveLength(1);
  expect(states[0]?.why).toMatch(/^The connection to box broke|closed the connection/);
  await until('its processes are gone', 20_000, () => !isRunning(name));
  await until('it has cleaned up', 20_000, () => !existsSync(mark));
});

test('a client that is killed leaves nothing behind', async () => {
  const server = await start();
  const name = word();
  const mark = server.path('mark');
  const client = spawn(
    process.execPath,
    [
      ...['--import', 'tsx', fileURLToPath(new URL('./victim.ts', import.meta.url))],
      ...[server.configFile, server.alias, `touch '${mark}'; ${forever(name)}`, `rm '${mark}'`],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(client.stdout, 'data');
  await until('it runs', 20_000, () => isRunning(name) && existsSync(mark));
  client.kill('SIGKILL');
  await until('its processes are gone', LEASE_MS, () => !isRunning(name));
  await until('it has cleaned up', 20_000, () => !existsSync(mark));
});

test('a link that swallows everything: the target ends what it runs when the lease is over', async () => {
  const server = await start();
  const relay = await Relay.start(server.port);
  server.writeClientConfig('root', [`Port ${relay.port}`, 'StrictHostKeyChecking accept-new']);
  const connection = await reach(server, new Person(), { deadAfterMs: 9000 });
  const name = word();
  const late = word();
  const mark = server.path('mark');
  const states = watch(connection);
  const stream = await connection.stream(lines(`touch '${mark}'; ${forever(name)}`, `rm '${mark}'`), null, {
    events: () => {},
  });
  const asked = failureOf(connection.run(question(forever(late), { timeoutMs: 120_000 }), null));
  await until('they run', 20_000, () => isRunning(name) && isRunning(late) && existsSync(mark));
  await sleep(6000); // A question is under the lease from its first beat on.
  const blockedAt = performance.now();
  relay.block();
  expect((await asked).code).toBe('lost');
  expect((await stream.ended).reason).toBe('lost');
  expect(states.map(({ state }) => state)).toEqual(['silent', 'closed']);
  expect(states[0]?.at ?? 0).toBeLessThan(blockedAt + 8000);
  expect(states[1]?.why).toContain('has not answered for 9 s');
  await until('the stream is gone', blockedAt + LEASE_MS - performance.now(), () => !isRunning(name));
  await until('the question is gone', blockedAt + LEASE_MS - performance.now(), () => !isRunning(late));
  await until('it has cleaned up', 20_000, () => !existsSync(mark));
});

test('a frozen machine is silent within 6 s, and comes back with all that ran', async () => {
  const server = await start();
  const connection = await reach(server);
  const states = watch(connection);
  const got: string[] = [];
  const stream = await connection.stream(
    lines('i=0; while :; do i=$((i+1)); echo $i; sleep 0.5; done'),
    null,
    { events: (batch) => got.push(...batch) },
  );
  await until('it runs', 20_000, () => got.length > 2);
  const frozen = descendants(server.pid);
  const stoppedAt = performance.now();
  for (const pid of frozen) kill(pid, 'SIGSTOP');
  await until('it is silent', 20_000, () => connection.state === 'silent');
  expect(performance.now() - stoppedAt).toBeLessThan(6500);
  expect(states[0]?.why).toContain('not answering');
  const asked = connection.run(question('echo patience'), null);
  await sleep(3000);
  for (const pid of frozen) kill(pid, 'SIGCONT');
  await until('it is back', 20_000, () => connection.state === 'connected');
  expect(await asked).toBe('patience\n');
  stream.dispose();
  expect((await stream.ended).reason).toBe('stopped');
  expect(got).toEqual(got.map((_, index) => String(index + 1)));
  expect(states.map(({ state }) => state)).toEqual(['silent', 'connected']);
  connection.dispose();
});

test('while it is frozen a question fails in its own time, and says why', async () => {
  const server = await start();
  const connection = await reach(server);
  const frozen = descendants(server.pid);
  for (const pid of frozen) kill(pid, 'SIGSTOP');
  const failures = await Promise.all([
    failureOf(connection.run(question('echo', { timeoutMs: 7000 }), null)),
    failureOf(connection.run(question('echo', { timeoutMs: 7500 }), null)),
  ]);
  for (const failure of failures) {
    expect(failure.code).toBe('timeout');
    expect(failure.message).toContain('not answering');
  }
  for (const pid of frozen) kill(pid, 'SIGCONT');
  await until('it is back', 20_000, () => connection.state === 'connected');
  expect(await connection.run(question('echo fine'), null)).toBe('fine\n');
  connection.dispose();
});

test('a server that ends says so', async () => {
  const server = await start();
  const connection = await reach(server);
  const states = watch(connection);
  await server.stop();
  await until('it is closed', 20_000, () => connection.state === 'closed');
  expect(states[0]?.why).toContain('box');
});

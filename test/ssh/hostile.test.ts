import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { failureOf } from '../support/failure-of.ts';
import { Person, reach } from './client.ts';
import { serverStarter } from './fixtures.ts';
import { HostileServer } from './hostile.ts';
import { until } from './server.ts';
import { connectWithin, downloadOf, downloadUnread } from './unread.ts';

const start = serverStarter();
test('a server that ignores the window of a channel that nobody reads is cut off, and not tried again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zscope-hostile-'));
  const server = await HostileServer.start();
  try {
    const connection = await connectWithin(folder, server.port);
    server.floodNext();
    const failed = failureOf(downloadUnread(connection));
    expect((await failed).code).toBe('lost');
    expect(connection.wasCut).toBe(true);
    expect(connection.why).toContain('more than it was given room for');
  } finally {
    server.dispose();
    rmSync(folder, { recursive: true });
  }
});

test('a server that asks without end while signing in is left', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zscope-hostile-'));
  let rounds = 0;
  const server = await HostileServer.start((context) => {
    if (context.method !== 'keyboard-interactive') {
      context.reject(['keyboard-interactive']);
      return;
    }
    const again = (): void => {
      rounds += 1;
      const prompts = ['\u001b]8;;file:///\u0007Code\u202e?', 'And?', 'And?'];
      context.prompt(
        prompts.map((prompt) => ({ prompt, echo: false })),
        'Title',
        'Say',
        again,
      );
    };
    again();
  });
  const person = new Person();
  person.answers = Array.from({ length: 1000 }, () => 'x');
  try {
    const failure = await failureOf(connectWithin(folder, server.port, person, 'keyboard-interactive'));
    expect([failure.code, failure.message]).toEqual([
      'auth-failed',
      'box asks without end while signing in.',
    ]);
    expect(person.asked.length).toBeLessThanOrEqual(20);
    expect(rounds).toBeLessThanOrEqual(8);
    expect(person.asked.join('')).not.toMatch(/[\u0000-\u001f\u202e]/);
  } finally {
    server.dispose();
    rmSync(folder, { recursive: true });
  }
});

test('channels that a server opens by itself are refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zscope-hostile-'));
  const refused: string[] = [];
  const server = await HostileServer.start(undefined, (client) => {
    const note = (kind: string) => (error: Error | undefined) =>
      refused.push(`${kind} ${error === undefined ? 'opened' : 'refused'}`);
    client.forwardOut('127.0.0.1', 1, '127.0.0.1', 22, note('forwarded-tcpip'));
    client.x11('127.0.0.1', 6000, note('x11'));
    client.openssh_forwardOutStreamLocal('/run/docker.sock', note('forwarded-streamlocal'));
  });
  try {
    const connection = await connectWithin(folder, server.port);
    await until('three answers', 20_000, () => refused.length === 3);
    expect(refused.sort()).toEqual([
      'forwarded-streamlocal refused',
      'forwarded-tcpip refused',
      'x11 refused',
    ]);
    // It is no reason to lose what runs.
    expect(connection.state).toBe('connected');
    connection.dispose();
  } finally {
    server.dispose();
    rmSync(folder, { recursive: true });
  }
});

test('a good server is not taken for one, however long its bytes wait and this process stands still', async () => {
  const connection = await reach(await start());
  let got = 0;
  const nextStop = 8 * 1024 * 1024;
  let stops = 0;
  const sink = {
    header: async () => {},
    bytes: async (piece: Buffer) => {
      got += piece.length;
      if (got < (stops + 1) * nextStop) return;
      stops += 1;
      // As a slow disk, and then as an extension host that computes.
      await sleep(500);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500);
    },
  };
  const fast = downloadOf('echo header; head -c 30000000 /dev/zero');
  await connection.download(fast, null, sink);
  expect([got, stops]).toEqual([30_000_000, 3]);
  expect(connection.state).toBe('connected');
  connection.dispose();
});

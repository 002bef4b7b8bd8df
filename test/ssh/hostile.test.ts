import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { failureOf } from '../support/failure-of.ts';
import { reach } from './client.ts';
import { serverStarter } from './fixtures.ts';
import { HostileServer } from './hostile.ts';
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

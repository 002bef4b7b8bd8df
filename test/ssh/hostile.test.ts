import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { DownloadCollector } from '../../src/target/collector.ts';
import { connect } from '../../src/target/index.ts';
import { failureOf } from '../support/failure-of.ts';
import { Person, reach } from './client.ts';
import { serverStarter } from './fixtures.ts';
import { HostileServer } from './hostile.ts';

const start = serverStarter();
const never = () => new Promise<void>(() => {});
const stuck: DownloadCollector<null, string> = {
  name: 'test-download',
  title: 'A download',
  grade: 'observe',
  needsRoot: false,
  idleMs: 60_000,
  script: () => 'cat /dev/zero',
  header: (line) => line,
};

test('a server that ignores the window of a channel that nobody reads is cut off, and not tried again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zscope-hostile-'));
  const server = await HostileServer.start();
  try {
    const configFile = join(folder, 'config');
    writeFileSync(
      configFile,
      `Host box\n  HostName 127.0.0.1\n  Port ${server.port}\n  User root\n  UserKnownHostsFile ${folder}/known\n  StrictHostKeyChecking accept-new\n  IdentityAgent none\n  IdentityFile none\n  PreferredAuthentications password\n`,
    );
    const person = new Person();
    person.passwords = ['any'];
    const connection = await connect({ alias: 'box', configFile }, person);
    server.floodNext();
    // The header is never taken in, so the channel is not read any more.
    const failed = failureOf(connection.download(stuck, null, { header: never, bytes: never }));
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
  const fast = { ...stuck, script: () => 'echo header; head -c 30000000 /dev/zero' };
  await connection.download(fast, null, sink);
  expect([got, stops]).toEqual([30_000_000, 3]);
  expect(connection.state).toBe('connected');
  connection.dispose();
});

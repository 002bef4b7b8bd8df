import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DownloadCollector } from '../../src/target/collector.ts';
import { connect } from '../../src/target/index.ts';
import { failureOf } from '../support/failure-of.ts';
import { Person } from './client.ts';
import { HostileServer } from './hostile.ts';

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

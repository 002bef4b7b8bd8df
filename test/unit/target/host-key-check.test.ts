import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Prompts } from '../../../src/target/connection.ts';
import { HostKeyCheck } from '../../../src/target/host-key-check.ts';
import type { ResolvedHost } from '../../../src/target/resolve-host.ts';
import { failureOf } from '../../support/failure-of.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zscope-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function newKey(): Buffer {
  const key = ssh2.utils.parseKey(ssh2.utils.generateKeyPairSync('ed25519').public);
  if (key instanceof Error) throw key;
  return key.getPublicSSH();
}

test('another key in the middle of a connection is refused without a question, and the first one goes on', async () => {
  const host = {
    alias: 'box',
    hostname: '127.0.0.1',
    port: 22,
    hostKeyAlias: null,
    hashKnownHosts: false,
    strictHostKeyChecking: 'ask',
    userKnownHostsFiles: [join(folder, 'known_hosts')],
    globalKnownHostsFiles: [],
  } as unknown as ResolvedHost; // The check uses no more of it than this.
  let asked = 0;
  const trustHostKey = async () => {
    asked += 1;
    return true;
  };
  const check = await HostKeyCheck.open(host);
  const show = (key: Buffer) =>
    check.accept(key, 'ssh-ed25519', host.hostname, { trustHostKey } as unknown as Prompts, () => {});
  const [first, other] = [newKey(), newKey()];
  await show(first);
  const failure = await failureOf(show(other));
  expect([failure.code, asked]).toEqual(['host-key-changed', 1]);
  await show(Buffer.from(first));
  expect(asked).toBe(1);
  const remembered = readFileSync(join(folder, 'known_hosts'), 'utf8');
  expect(remembered).toContain(first.toString('base64'));
  expect(remembered).not.toContain(other.toString('base64'));
});

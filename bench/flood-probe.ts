/** A client that does not read what a hostile server floods it with; tells its parent what memory it took. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DownloadCollector } from '../src/target/collector.ts';
import { connect } from '../src/target/index.ts';
import { Person } from '../test/ssh/client.ts';

/** Bytes and milliseconds. */
export interface Flooded {
  readonly idle: number;
  readonly most: number;
  readonly ms: number;
}

const never = () => new Promise<void>(() => {});
const stuck: DownloadCollector<null, string> = {
  name: 'bench-download',
  title: 'A download',
  grade: 'observe',
  needsRoot: false,
  idleMs: 60_000,
  script: () => 'cat /dev/zero',
  header: (line) => line,
};

async function main(port: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zscope-flood-'));
  try {
    const configFile = join(folder, 'config');
    const settings = [
      ['HostName', '127.0.0.1'],
      ['Port', port],
      ['User', 'root'],
      ['UserKnownHostsFile', join(folder, 'known_hosts')],
      ['StrictHostKeyChecking', 'accept-new'],
      ['IdentityAgent', 'none'],
      ['PreferredAuthentications', 'password'],
    ];
    writeFileSync(configFile, `Host box\n${settings.map((words) => `  ${words.join(' ')}\n`).join('')}`);
    const person = new Person();
    person.passwords = ['any'];
    const connection = await connect({ alias: 'box', configFile }, person);
    const idle = process.memoryUsage.rss();
    let most = idle;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss());
    }, 5);
    const told = new Promise((resolve) => process.once('message', resolve));
    process.send?.('ready');
    await told;
    const began = performance.now();
    await connection.download(stuck, null, { header: never, bytes: never }).catch(() => {});
    clearInterval(timer);
    const flooded: Flooded = { idle, most, ms: performance.now() - began };
    process.send?.(flooded);
    process.disconnect();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await main(process.argv[2] ?? '');

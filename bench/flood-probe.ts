/** A client that does not read what a hostile server floods it with; tells its parent what memory it took. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectWithin, downloadUnread } from '../test/ssh/unread.ts';

/** Bytes and milliseconds. */
export interface Flooded {
  readonly idle: number;
  readonly most: number;
  readonly ms: number;
}

async function main(port: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zscope-flood-'));
  try {
    const connection = await connectWithin(folder, Number(port));
    const idle = process.memoryUsage.rss();
    let most = idle;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss());
    }, 5);
    const told = new Promise((resolve) => process.once('message', resolve));
    process.send?.('ready');
    await told;
    const began = performance.now();
    await downloadUnread(connection).catch(() => {});
    clearInterval(timer);
    const flooded: Flooded = { idle, most, ms: performance.now() - began };
    process.send?.(flooded);
    process.disconnect();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await main(process.argv[2] ?? '');

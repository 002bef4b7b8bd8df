/** Exact lines of a build that was never seen here: the module's file from the target, and once it is here. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ModuleCache } from '../src/server/modules/module-cache.ts';
import { type FileRequest, ModuleFiles } from '../src/server/modules/module-files.ts';
import { unpackFile } from '../src/server/modules/unpack.ts';
import { WorkspaceModules } from '../src/server/modules/workspace-modules.ts';
import { moduleIds } from '../src/target/collectors/module-ids.ts';
import type { Connection } from '../src/target/connection.ts';
import { downloadModule } from '../src/target/module-download.ts';
import type { LabInfo } from '../test/lab/lab.ts';
import { connectToLab, raw } from '../test/vm/connect.ts';
import { type Figure, spread } from './report.ts';

const ROUNDS = 3;

/** Offsets into functions of zfs that stand in the stacks of a hang. */
const FRAMES = [
  ['zil_commit_impl', 0x200],
  ['zil_commit', 0x3d],
  ['txg_sync_thread', 0x80],
  ['zfs_write', 0x100],
  ['zio_wait', 0x60],
  ['spa_sync', 0x400],
] as const;

// What people type for one of them.
const BY_HAND = `file=$(mktemp /dev/shm/byhand.XXXXXX)
xz -dc /lib/modules/$(uname -r)/updates/dkms/zfs.ko.xz >$file
address=$(nm $file | awk '$3 == "zil_commit_impl" { print $1 }')
addr2line -i -f -j .text -e $file 0x$address
rm $file`;

export async function benchModuleFile(vm: LabInfo): Promise<Figure[]> {
  const connection = await connectToLab(vm);
  const first: number[] = [];
  const later: number[] = [];
  const byHand: number[] = [];
  const time = async (into: number[], action: () => Promise<unknown>) => {
    const started = performance.now();
    await action();
    into.push(performance.now() - started);
  };
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-bench-'));
      try {
        await time(first, () => lines(connection, folder));
        await time(later, () => lines(connection, folder));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
      await time(byHand, () => connection.run(raw('by hand', BY_HAND, 120_000), null));
    }
  } finally {
    connection.dispose();
  }
  const peer = `xz, nm and addr2line typed on the target for one frame: ${spread(byHand)}`;
  const row = (what: string, times: readonly number[]): Figure => ({
    what: `exact lines of ${FRAMES.length} frames, ${what} (min / median / max of ${ROUNDS})`,
    measured: spread(times),
    peer,
    goal: '',
    missedBy: null,
  });
  return [row('the module read from the target and unpacked', first), row('the next connection', later)];
}

/** All the way from a connection to lines, as a server that was just started goes it. */
async function lines(connection: Connection, folder: string): Promise<void> {
  const buildId = (await connection.run(moduleIds, { modules: ['zfs'] })).get('zfs')?.buildId ?? '';
  const files = new ModuleFiles({
    workspace: new WorkspaceModules(),
    cache: new ModuleCache(folder, async () => 1000),
    unpack: (from, to) => unpackFile(from, to),
    debuginfod: [],
    log: () => {},
  });
  const outside = {
    progress: () => {},
    fetch: async (request: FileRequest) => {
      const file = await downloadModule(connection, { ...request, zfsHangs: true, folders: [] });
      return typeof file === 'string'
        ? ({ outcome: 'none', otherBuild: false } as const)
        : ({ outcome: 'fetched', path: file.path } as const);
    },
  };
  const prepared = await files.prepare({ module: 'zfs', buildId }, outside, new AbortController().signal);
  const debug = await files.find(buildId);
  for (const [symbol, offset] of FRAMES) {
    if (debug?.frame({ symbol, offset, size: null }, true) === null || debug === null) {
      throw new Error(`${symbol} was not found: ${prepared.remark}`);
    }
  }
  files.dispose();
}

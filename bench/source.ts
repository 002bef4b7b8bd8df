/** From frames to source lines: the index of the tree, and the debug info of the running module. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import esbuild from 'esbuild';
import { resolveFrames } from '../src/target/collectors/resolve-frames.ts';
import type { LabInfo } from '../test/lab/lab.ts';
import { ensurePrograms } from '../test/support/debian.ts';
import type { Progress } from '../test/support/progress.ts';
import { connectToLab, raw } from '../test/vm/connect.ts';
import { above, type Figure, median, spread } from './report.ts';

const ROUNDS = 3;

/** Starts of the index and runs of ctags; each in a process of its own. */
const INDEX_ROUNDS = 7;

interface Probe {
  readonly ms: number;
  readonly functionCount: number;
  readonly fileCount: number;
}

/** The function index of the whole tree, without anything and with what an earlier window left on disk. */
export async function benchIndex(vm: LabInfo, progress: Progress): Promise<Figure[]> {
  await ensurePrograms({ ctags: 'universal-ctags' }, 'the figures of the index', progress);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-index-'));
  try {
    const probe = path.join(folder, 'probe.cjs');
    await esbuild.build({
      entryPoints: ['bench/index-probe.ts'],
      ...{ bundle: true, minify: true, platform: 'node', format: 'cjs', target: 'node20', outfile: probe },
    });
    const start = (...store: readonly string[]) =>
      JSON.parse(
        execFileSync(process.execPath, [probe, vm.sourceDir, ...store], { encoding: 'utf8' }),
      ) as Probe;
    const cold: number[] = [];
    const warm: number[] = [];
    const peer: number[] = [];
    const store = path.join(folder, 'store');
    const { functionCount, fileCount } = start(store);
    for (let round = 0; round < INDEX_ROUNDS; round++) {
      cold.push(start().ms);
      warm.push(start(store).ms);
      const started = performance.now();
      execFileSync('ctags', ['-R', '-f', path.join(folder, 'tags'), vm.sourceDir]);
      peer.push(performance.now() - started);
    }
    const theirs = median(peer);
    const row = (what: string, ours: readonly number[], most: number): Figure => ({
      what: `index of the ZFS source, ${what}: ${functionCount} functions in ${fileCount} files, in the server's process (min / median / max of ${INDEX_ROUNDS})`,
      measured: `${spread(ours)}: ${(median(ours) / theirs).toFixed(2)} of its time`,
      peer: `ctags -R: ${spread(peer)}`,
      goal: `at most ${most} of its time`,
      missedBy: above(median(ours), theirs * most),
    });
    return [row('nothing on disk', cold, 0.8), row('kept on disk', warm, 0.1)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

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

export async function benchResolve(vm: LabInfo): Promise<Figure[]> {
  const connection = await connectToLab(vm);
  const ours: number[] = [];
  const theirs: number[] = [];
  const frames = FRAMES.map(([symbol, offset]) => ({
    symbol,
    offset,
    size: null,
    module: 'zfs',
    reliable: true,
  }));
  try {
    for (let round = 0; round < ROUNDS; round++) {
      let started = performance.now();
      const answer = await connection.run(resolveFrames, { frames });
      ours.push(performance.now() - started);
      const unknown = answer.frames.filter((places) => places === null).length;
      if (unknown > 0) {
        throw new Error(`${unknown} of ${frames.length} frames were not resolved`);
      }
      started = performance.now();
      await connection.run(raw('by hand', BY_HAND, 120_000), null);
      theirs.push(performance.now() - started);
    }
  } finally {
    connection.dispose();
  }
  return [
    {
      what: `exact lines of ${frames.length} frames not seen before (min / median / max of ${ROUNDS})`,
      measured: spread(ours),
      peer: `xz, nm and addr2line by hand for one frame: ${spread(theirs)}`,
      goal: '',
      missedBy: null,
    },
  ];
}

/** The function index of the source tree. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import esbuild from 'esbuild';
import type { LabInfo } from '../test/lab/lab.ts';
import { ensurePrograms } from '../test/support/debian.ts';
import type { Progress } from '../test/support/progress.ts';
import { above, type Figure, median, spread } from './report.ts';

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

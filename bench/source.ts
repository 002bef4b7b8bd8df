/** From frames to source lines: the index of the tree, and the debug info of the running module. */

import { WorkspaceIndex } from '../src/server/workspace-index.ts';
import { resolveFrames } from '../src/target/collectors/resolve-frames.ts';
import type { LabInfo } from '../test/lab/lab.ts';
import { connectToLab, raw } from '../test/vm/connect.ts';
import { type Figure, spread } from './report.ts';

const ROUNDS = 3;

export async function benchIndex(vm: LabInfo): Promise<Figure[]> {
  const times: number[] = [];
  let what = '';
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    const index = new WorkspaceIndex();
    index.setFolders([vm.sourceDir]);
    await index.settled();
    times.push(performance.now() - started);
    what = `${index.functions.functionCount} functions in ${index.functions.fileCount} files`;
  }
  return [
    {
      what: `index of the ZFS source, ${what} (min / median / max of ${ROUNDS})`,
      measured: spread(times),
      peer: '',
      goal: '',
      missedBy: null,
    },
  ];
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

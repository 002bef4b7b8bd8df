/** Snapshot of all stacks against the well-known recipe, both over the same connection. */
import type { Collector } from '../src/target/collector.ts';
import { taskSnapshot } from '../src/target/collectors/task-snapshot.ts';
import type { Connection } from '../src/target/connection.ts';
import * as lab from '../test/lab/lab.ts';
import { raw } from '../test/vm/connect.ts';
import { type Figure, median, spread } from './report.ts';

const TASKS = 1600;
const ROUNDS = 5;

// What people type: all stacks, equal ones counted, one of each printed.
const recipe = `cd /proc && md5sum [0-9]*/stack 2>/dev/null | sort | uniq -w32 -c | sort -n |
  awk '{ printf "%s tasks\\n", $1; fflush(); system("cat /proc/" $3) }'`;

/** The snapshot as it is, and the size of what came over the wire for it. */
function weighed(sizes: number[]): Collector<null, unknown> {
  return {
    ...taskSnapshot,
    decode: (output, params) => {
      sizes.push(Buffer.byteLength(output));
      return taskSnapshot.decode(output, params);
    },
  };
}

export async function benchSnapshot(connection: Connection): Promise<Figure[]> {
  const before = Number(await lab.execChecked('ls -d /proc/[0-9]*/task/[0-9]* | wc -l'));
  const extra = Math.max(TASKS - before, 0);
  const pids = await lab.execChecked(
    `i=0; while [ $i -lt ${extra} ]; do sleep 3600 </dev/null >/dev/null 2>&1 & echo $!; i=$((i+1)); done`,
    { timeoutMs: 300_000 },
  );
  try {
    const ours: number[] = [];
    const theirs: number[] = [];
    const sizes: number[] = [];
    const time = async (into: number[], collector: Collector<null, unknown>) => {
      const started = performance.now();
      await connection.run(collector, null);
      into.push(performance.now() - started);
    };
    for (let round = 0; round < ROUNDS; round++) {
      await time(ours, weighed(sizes));
      await time(theirs, raw('recipe', recipe, 300_000));
    }
    const ratio = median(ours) / median(theirs);
    const size = Math.max(...sizes);
    return [
      {
        what: `snapshot of all stacks, ${before + extra} tasks (min / median / max of ${ROUNDS})`,
        measured: `${spread(ours)}, ${ratio.toFixed(2)} of the recipe`,
        peer: `md5sum recipe: ${spread(theirs)}`,
        goal: 'at most 0.25 of its time, one round trip',
        reached: ratio <= 0.25,
      },
      {
        what: 'bytes over the wire for it',
        measured: `${(size / 1000).toFixed(1)} KB`,
        peer: '',
        goal: 'at most 10 KB',
        reached: size <= 10_000,
      },
    ];
  } finally {
    await lab.execChecked(`kill ${pids.split('\n').join(' ')} 2>/dev/null; true`);
  }
}

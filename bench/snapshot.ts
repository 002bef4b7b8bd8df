/** Snapshot of all stacks against the well-known recipe, both over the same connection. */
import type { Collector } from '../src/target/collector.ts';
import { taskSnapshot } from '../src/target/collectors/task-snapshot.ts';
import type { LabInfo } from '../test/lab/lab.ts';
import * as lab from '../test/lab/lab.ts';
import { connectToLab, raw } from '../test/vm/connect.ts';
import { Relay } from '../test/vm/relay.ts';
import { above, type Figure, kilobytes, median, spread } from './report.ts';

const TASKS = 1600;
const ROUNDS = 7;

// What people type: all stacks, equal ones counted, one of each printed.
const RECIPE = `cd /proc && md5sum [0-9]*/stack 2>/dev/null | sort | uniq -w32 -c | sort -n |
  awk '{ printf "%s tasks\\n", $1; fflush(); system("cat /proc/" $3) }'`;

/** The same question; the size of each answer is kept. */
function weighed<P, T>(collector: Collector<P, T>, sizes: number[]): Collector<P, T> {
  return {
    ...collector,
    decode: (output, params) => {
      sizes.push(Buffer.byteLength(output));
      return collector.decode(output, params);
    },
  };
}

export async function benchSnapshot(vm: LabInfo): Promise<Figure[]> {
  const before = Number(await lab.execChecked('ls -d /proc/[0-9]*/task/[0-9]* | wc -l'));
  const extra = Math.max(TASKS - before, 0);
  const pids = await lab.execChecked(
    `i=0; while [ $i -lt ${extra} ]; do sleep 3600 </dev/null >/dev/null 2>&1 & echo $!; i=$((i+1)); done`,
    { timeoutMs: 300_000 },
  );
  const relay = await Relay.to(vm.port);
  const connection = await connectToLab(vm, { port: relay.port });
  try {
    const ours: number[] = [];
    const theirs: number[] = [];
    const sizes: number[] = [];
    const theirSizes: number[] = [];
    const wire: number[] = [];
    const time = async <T>(into: number[], collector: Collector<null, T>) => {
      const started = performance.now();
      await connection.run(collector, null);
      into.push(performance.now() - started);
    };
    for (let round = 0; round < ROUNDS; round++) {
      const traffic = relay.traffic();
      await time(ours, weighed(taskSnapshot, sizes));
      wire.push(relay.traffic() - traffic);
      await time(theirs, weighed(raw('recipe', RECIPE, 300_000), theirSizes));
    }
    const ratio = median(ours) / median(theirs);
    return [
      {
        what: `snapshot of all stacks, ${before + extra} tasks, one round trip (min / median / max of ${ROUNDS})`,
        measured: `${spread(ours)}: ${ratio.toFixed(2)} of the recipe's time`,
        peer: `md5sum recipe over the same connection: ${spread(theirs)}`,
        goal: 'at most 0.25 of its time',
        missedBy: above(ratio, 0.25),
      },
      {
        what: 'size of its answer',
        measured: `${kilobytes(Math.max(...sizes))} (on the wire with the question, encrypted, both ways: ${kilobytes(median(wire))})`,
        peer: `recipe: ${kilobytes(Math.max(...theirSizes))}`,
        goal: 'at most 10 KB',
        missedBy: above(Math.max(...sizes), 10_000),
      },
    ];
  } finally {
    connection.dispose();
    await relay.stop();
    await lab.execChecked(`kill ${pids.split('\n').join(' ')} 2>/dev/null; true`);
  }
}

/**
 * Before the first test: the VM runs, and has a small pool of its own besides the lab's, so that what
 * hangs or does not hang there at the moment makes no difference. After the last: the pool is gone.
 */
import * as lab from '../lab/lab.ts';
import { elapsedProgress } from '../support/progress.ts';

/** Mounted at /zvmtest. */
export const POOL = 'zvmtest';

/**
 * With the first event that is enabled anywhere, and after the last, the kernel patches its scheduler (the names of tasks
 * are recorded by a tracepoint in `__schedule`), which an emulated machine with several processors can die of
 * ("Oops: int3"). So one event that hardly ever happens is on all the time, in an instance of its own.
 */
const HOLD = '/sys/kernel/tracing/instances/zvmhold';
const HELD = `${HOLD}/events/sched/sched_process_hang/enable`;

const REMOVE = `[ ! -e ${HELD} ] || { echo 0 >${HELD}; rmdir ${HOLD}; }
zpool destroy -f ${POOL} 2>/dev/null; rm -f /dev/shm/${POOL}`;

export async function setup(): Promise<void> {
  await lab.ensureUp(elapsedProgress());
  await lab.execChecked(
    `${REMOVE}
     mkdir ${HOLD} && echo 1 >${HELD} || exit 1
     truncate -s 128M /dev/shm/${POOL} && zpool create -f -o cachefile=none ${POOL} /dev/shm/${POOL}`,
  );
}

export async function teardown(): Promise<void> {
  await lab.execChecked(`${REMOVE}; true`);
}

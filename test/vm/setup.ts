/**
 * Before the first test: the VM runs, and has a small pool of its own besides the lab's, so that what
 * hangs or does not hang there at the moment makes no difference. After the last: the pool is gone.
 */
import * as lab from '../lab/lab.ts';
import { elapsedProgress } from '../support/progress.ts';

/** Mounted at /zvmtest. */
export const POOL = 'zvmtest';

const REMOVE = `zpool destroy -f ${POOL} 2>/dev/null; rm -f /dev/shm/${POOL}`;

export async function setup(): Promise<void> {
  await lab.ensureUp(elapsedProgress());
  await lab.execChecked(
    `${REMOVE}
     truncate -s 128M /dev/shm/${POOL} && zpool create -f -o cachefile=none ${POOL} /dev/shm/${POOL}`,
  );
}

export async function teardown(): Promise<void> {
  await lab.execChecked(`${REMOVE}; true`);
}

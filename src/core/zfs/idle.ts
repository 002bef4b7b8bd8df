import { sourceName, type Trace } from '../stack/frame.ts';
import type { Task } from '../tasks.ts';

/**
 * What a thread is in while it sleeps, whatever it sleeps for: the scheduler, and the condition
 * variables of the SPL (module/os/linux/spl/spl-condvar.c).
 */
const WAIT_HELPER =
  /^(?:__schedule|schedule|schedule_timeout\w*|io_schedule\w*|schedule_hrtimeout\w*|context_switch|__cv_\w+|cv_(?:timed)?wait\w*)$/;

/**
 * The waits that a service thread makes for work: `cv_wait_idle` and its kin, before ZFS 0.8 the
 * interruptible ones.
 */
const WAIT_FOR_WORK = /^(?:__)?cv_(?:timed)?wait_(?:idle|sig|interruptible)(?:_\w+)?$/;

/**
 * Threads of ZFS that wait in a loop for something to do. The wait must be one for work: in any
 * other, txg_quiesce_thread waits for an open transaction and txg_sync_thread for the disk.
 */
const SERVICE_THREADS: ReadonlySet<string> = new Set([
  // zthr: arc_evict, arc_reap, livelist and indirect condensing, raidz expansion (module/zfs/zthr.c)
  'zthr_procedure',
  'txg_thread_wait',
  'txg_quiesce_thread',
  'txg_sync_thread',
  'arc_reclaim_thread',
  'arc_user_evicts_thread',
  'arc_adjust_thread',
  'dbuf_evict_thread',
  'l2arc_feed_thread',
  'mmp_thread',
  'vdev_autotrim_thread',
  'vdev_autotrim_wait_kick',
  'spa_async_thread',
  // zed, asking for the next event
  'zfs_zevent_wait',
]);

/** Threads of the SPL whose own frame on top means that they have nothing to do. */
const SLEEPS_ITSELF: ReadonlySet<string> = new Set(['taskq_thread', 'spl_cache_reclaim_thread']);

/** True when the stack is that of a ZFS or SPL thread that has nothing to do. */
export function isIdleTrace(trace: Trace): boolean {
  let forWork = false;
  for (const frame of trace) {
    const name = sourceName(frame.symbol);
    if (!WAIT_HELPER.test(name)) {
      return frame.module === 'spl' && SLEEPS_ITSELF.has(name)
        ? true
        : forWork && frame.module === 'zfs' && SERVICE_THREADS.has(name);
    }
    forWork ||= WAIT_FOR_WORK.test(name);
  }
  return false;
}

/** A task that ran within this time only waits for a moment, as every reader of a disk does; seconds. */
const HUNG_AFTER_SECONDS = 1;

/**
 * True for a task that waits uninterruptibly: state D, and has not run for a second where the kernel
 * tells. Waits that do not count as load are state I (TASK_IDLE) and S, and are no hang by themselves.
 */
export function isHung(task: Task, trace: Trace): boolean {
  return (
    task.state === 'D' &&
    (task.stillForSeconds === null || task.stillForSeconds >= HUNG_AFTER_SECONDS) &&
    !isIdleTrace(trace)
  );
}

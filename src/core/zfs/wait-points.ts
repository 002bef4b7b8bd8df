/**
 * What the functions that threads of ZFS wait in wait for, and who ends the wait. Read off the sources
 * of OpenZFS 2.3; the names are those of 0.8 and later.
 */
import { sourceName, type Trace } from '../stack/frame.ts';

/** A wait as a person would explain it. */
export interface WaitPoint {
  /** Completes "waits for". */
  readonly waitsFor: string;
  /** Completes "woken by". */
  readonly wokenBy: string;
  /** What to look at next; empty when the two above say it all. */
  readonly lookAt: string;
  /** The file of OpenZFS that this is read off. */
  readonly source: string;
}

/** A task that has nothing to do, as against one that is held up. */
const FOR_WORK = 'This is how the thread looks when it has nothing to do.';

function point(waitsFor: string, wokenBy: string, lookAt: string, source: string): WaitPoint {
  return { waitsFor, wokenBy, lookAt, source };
}

const sync = point(
  'a transaction group to be on disk',
  'the thread txg_sync, when spa_sync() of that group has ended',
  'What is txg_sync waiting in? Does the kstat "txgs" of the pool move on? Is the pool suspended?',
  'module/zfs/txg.c',
);
const rangeLock = point(
  'a range of a file or volume that another task has locked',
  'that task, in zfs_rangelock_exit() when its read or write is done',
  'Which other task is inside zfs_read(), zfs_write(), zfs_get_data() or a zvol request?',
  'module/zfs/zfs_rlock.c',
);
const readWriteLock = point(
  'a lock with readers and one writer that can be entered again: a file system being taken down, or the configuration of a pool',
  'the last holder, in rrw_exit()',
  'Who unmounts, rolls back or receives? Readers are not recorded: look for stacks inside the file system.',
  'module/zfs/rrwlock.c',
);
const dbuf = point(
  'a buffer that another task reads in or fills',
  'the end of that read (dbuf_read_done()), or the task that fills it',
  'Look for the read: a task in zio_wait() or arc_read(), or a slow disk.',
  'module/zfs/dbuf.c',
);
const zilWaiter = point(
  'the log blocks of its zil_commit() to be on disk',
  'the end of the flush that follows the log writes (zil_lwb_flush_vdevs_done())',
  'Does the log device, or the pool where there is none, still complete writes?',
  'module/zfs/zil.c',
);
const zilFlush = point(
  'the log writes of the group that is synced to be on disk',
  'the end of the last of them (zil_lwb_flush_vdevs_done())',
  'Does the log device, or the pool where there is none, still complete writes?',
  'module/zfs/zil.c',
);
const configLock = point(
  'a lock on the configuration of the pool',
  'its holder, in spa_config_exit()',
  'The writer is in scl_writer. txg_sync takes these locks too: what is it waiting in?',
  'module/zfs/spa_misc.c',
);
const throttle = point(
  'room for dirty data, or the next transaction group',
  'the thread txg_sync, as it writes dirty data out (dsl_pool_undirty_space())',
  'Compare the pool with zfs_dirty_data_max; the kstat "dmu_tx" counts the reasons.',
  'module/zfs/dmu_tx.c',
);
const quiesce = point(
  'every transaction of the closing group to be committed',
  'the last task that holds one, in dmu_tx_commit()',
  'A task that has a transaction assigned is blocked: that task is the one to look for. In an idle wait the thread only has no work.',
  'module/zfs/txg.c',
);
const taskqDrain = point(
  'entries of a task queue to be done',
  'the thread of the queue that ends the last of them',
  'What are the threads of that queue in? /proc/spl/kstat/taskq/summary tells how many are busy.',
  'module/os/linux/spl/spl-taskq.c',
);
const panic = point(
  'nothing: an assertion failed, and the thread was stopped for good',
  'nobody; only a reboot frees what it holds',
  'Look back in the kernel log for VERIFY or PANIC at; all that wait for locks of this thread follow from it.',
  'module/os/linux/spl/spl-err.c',
);
const trimStop = point(
  'a thread that initializes or trims a disk to stop',
  'that thread, when its outstanding I/O is done',
  '',
  'module/zfs/vdev_trim.c',
);

/** By the name in the source. */
const POINTS: ReadonlyMap<string, WaitPoint> = new Map<string, WaitPoint>([
  [
    'zio_wait',
    point(
      'an I/O and all that was issued for it',
      'the thread that runs zio_done() once the disk has answered (z_rd_int, z_wr_int ...)',
      'Is the pool suspended? Are there disk time-outs in the kernel log, or slow I/O in dbgmsg?',
      'module/zfs/zio.c',
    ),
  ],
  [
    'zio_resume_wait',
    point(
      'a suspended pool to be resumed',
      'zio_resume(), which "zpool clear" calls',
      'Why was it suspended? "zpool status" on another shell may hang; the kstat "state" does not.',
      'module/zfs/zio.c',
    ),
  ],
  ['txg_wait_synced_impl', sync],
  ['txg_wait_synced_flags', sync],
  ['txg_wait_synced', sync],
  ['txg_wait_synced_sig', sync],
  [
    'txg_wait_open',
    point(
      'a transaction group to open, which the one before must leave',
      'the thread txg_quiesce, when all transactions of the open group are committed',
      'Who holds a transaction open? Look for tasks between dmu_tx_assign() and dmu_tx_commit().',
      'module/zfs/txg.c',
    ),
  ],
  ['txg_quiesce', quiesce],
  ['txg_quiesce_thread', quiesce],
  [
    'txg_thread_wait',
    point('work for txg_sync or txg_quiesce', 'the next transaction group', FOR_WORK, 'module/zfs/txg.c'),
  ],
  ['dmu_tx_wait', throttle],
  ['dmu_tx_assign', throttle],
  [
    'dmu_tx_delay',
    point(
      'a short time: writes are slowed down because much dirty data waits for the disks',
      'a timer',
      'Are the disks slower than the writers? See zfs_delay_min_dirty_percent.',
      'module/zfs/dmu_tx.c',
    ),
  ],
  ['zil_commit_waiter', zilWaiter],
  ['zil_commit_waiter_timeout', zilWaiter],
  // The compiler makes one function of zil_commit_waiter() and its callers.
  ['zil_commit_impl', zilWaiter],
  ['zil_commit', zilWaiter],
  ['zil_lwb_flush_wait_all', zilFlush],
  ['zil_sync', zilFlush],
  [
    'zil_commit_writer',
    point(
      'its turn to write log blocks',
      'the task that writes them now, when it lets zl_issuer_lock go',
      'Which other task is inside zil_commit_writer()?',
      'module/zfs/zil.c',
    ),
  ],
  ['rrw_enter_read_impl', readWriteLock],
  ['rrw_enter_read', readWriteLock],
  ['rrw_enter_write', readWriteLock],
  ['rrw_enter', readWriteLock],
  ['rrm_enter', readWriteLock],
  ['rrm_enter_read', readWriteLock],
  ['rrm_enter_write', readWriteLock],
  ['dsl_pool_config_enter', readWriteLock],
  [
    'zfsvfs_teardown',
    point(
      'all that is under way in a file system that is to be unmounted, rolled back or received into',
      'the last task that leaves the file system',
      'Which tasks are inside zfs_ functions?',
      'module/os/linux/zfs/zfs_vfsops.c',
    ),
  ],
  ['spa_config_enter', configLock],
  ['spa_config_enter_impl', configLock],
  [
    'arc_wait_for_eviction',
    point(
      'memory of the ARC to be freed',
      'the thread arc_evict, as it evicts',
      'Compare "size" with "c" in arcstats, and look at the free memory.',
      'module/zfs/arc.c',
    ),
  ],
  ['zfs_rangelock_enter_reader', rangeLock],
  ['zfs_rangelock_enter_writer', rangeLock],
  ['zfs_rangelock_enter_impl', rangeLock],
  ['zfs_rangelock_enter', rangeLock],
  ['dbuf_read', dbuf],
  ['dbuf_read_impl', dbuf],
  ['dmu_buf_hold_array_by_dnode', dbuf],
  [
    'arc_read',
    point(
      'a block that another task reads already',
      'the end of that read (arc_read_done())',
      '',
      'module/zfs/arc.c',
    ),
  ],
  ['taskq_wait', taskqDrain],
  ['taskq_wait_id', taskqDrain],
  ['taskq_wait_outstanding', taskqDrain],
  ['taskq_thread', point('work', 'the next taskq_dispatch()', FOR_WORK, 'module/os/linux/spl/spl-taskq.c')],
  ['spl_panic', panic],
  ['vcmn_err', panic],
  [
    'zrl_add_impl',
    point(
      'a slot of dnodes that is locked, or moved in memory',
      'its holder, in zrl_exit()',
      '',
      'module/zfs/zrlock.c',
    ),
  ],
  ['zthr_procedure', point('work', 'zthr_wakeup(), or a timer', FOR_WORK, 'module/zfs/zthr.c')],
  [
    'zthr_cancel',
    point('a service thread to stop', 'that thread, at the end of its loop', '', 'module/zfs/zthr.c'),
  ],
  [
    'zthr_wait_cycle_done',
    point('a service thread to end its round', 'that thread', '', 'module/zfs/zthr.c'),
  ],
  [
    'dnode_special_close',
    point(
      'all holds on a dnode of an object set that is closed',
      'the last holder, in dnode_rele()',
      'Something still uses the dataset: look for its other tasks.',
      'module/zfs/dnode.c',
    ),
  ],
  [
    'metaslab_load_wait',
    point(
      'a space map to be loaded',
      'the task that loads it, in metaslab_load()',
      'Loading reads from the disks: look for that task in zio_wait().',
      'module/zfs/metaslab.c',
    ),
  ],
  [
    'metaslab_flush_wait',
    point('a space map to be flushed', 'metaslab_flush()', '', 'module/zfs/metaslab.c'),
  ],
  ['vdev_initialize_stop_wait', trimStop],
  ['vdev_trim_stop_wait', trimStop],
  ['vdev_autotrim_stop_wait', trimStop],
  [
    'vdev_autotrim_wait_kick',
    point('work', 'the sync of a group, or a timer', FOR_WORK, 'module/zfs/vdev_trim.c'),
  ],
  [
    'bqueue_enqueue_impl',
    point(
      'room in the queue to the next thread of a send or receive',
      'that thread, as it takes records out',
      'What is the other thread of the send or receive in?',
      'module/zfs/bqueue.c',
    ),
  ],
  [
    'bqueue_dequeue',
    point(
      'the next record of a send or receive',
      'the thread that reads the stream or the dataset',
      'What is the other thread of the send or receive in?',
      'module/zfs/bqueue.c',
    ),
  ],
  ['zfs_zevent_wait', point('an event of a pool', 'the next event', FOR_WORK, 'module/zfs/fm.c')],
  [
    'zfs_dirent_lock',
    point(
      'a name in a directory that another task has locked',
      'that task, in zfs_dirent_unlock()',
      'Which task creates, renames or removes in the same directory?',
      'module/os/linux/zfs/zfs_dir.c',
    ),
  ],
  [
    'scan_exec_io',
    point(
      'room for the next read of a scrub or resilver',
      'the end of an earlier one',
      '',
      'module/zfs/dsl_scan.c',
    ),
  ],
  ['l2arc_feed_thread', point('the time of its next round', 'a timer', FOR_WORK, 'module/zfs/arc.c')],
  ['dbuf_evict_thread', point('work', 'a full cache of buffers, or a timer', FOR_WORK, 'module/zfs/dbuf.c')],
  ['mmp_thread', point('the time of its next write', 'a timer', FOR_WORK, 'module/zfs/mmp.c')],
]);

/**
 * Functions that only say that a task sleeps, not for what: the scheduler, the kernel's locks
 * (kernel/sched, kernel/locking), and the SPL's condition variables (module/os/linux/spl/spl-condvar.c).
 */
const SLEEP_HELPER =
  /^(?:__schedule|schedule(?:_(?:timeout|hrtimeout|preempt)\w*)?|io_schedule\w*|context_switch|__switch_to\w*|(?:__)?cv_(?:timed)?wait\w*|(?:__)?mutex_lock\w*|(?:__)?down_(?:read|write)\w*|rwsem_\w+|rt_mutex_\w+|__wait_on_bit\w*|out_of_line_wait_on_bit\w*|wait_for_completion\w*|do_nanosleep|usleep_range\w*|msleep\w*)$/;

/** The wait that a function stands for; null when it is none that is known. */
export function waitPoint(symbol: string): WaitPoint | null {
  return POINTS.get(sourceName(symbol)) ?? null;
}

/** True for a function that says that a task sleeps, not for what. */
export function isSleepHelper(symbol: string): boolean {
  return SLEEP_HELPER.test(sourceName(symbol));
}

/**
 * What the task of a stack waits for at the frame `at`: null when that frame called something else that
 * is no wait, or when nothing is known of it. A function that sleeps has only functions above it that
 * sleep, or wait for the same.
 * @param trace innermost frame first
 * @param inlined functions that are inlined into the frame, where the address is, innermost first
 */
export function waitAt(trace: Trace, at: number, inlined: readonly string[] = []): WaitPoint | null {
  const frame = trace[at];
  if (frame === undefined || !frame.reliable) {
    return null;
  }
  const wait = [...inlined, frame.symbol].map(waitPoint).find((one) => one !== null) ?? null;
  if (wait === null) {
    return null;
  }
  const above = trace.slice(0, at).filter(({ reliable }) => reliable);
  // Without a frame that sleeps on top the function runs: it only may wait.
  const sleeps = above.some(({ symbol }) => isSleepHelper(symbol));
  const onlyWaits = above.every(({ symbol }) => isSleepHelper(symbol) || waitPoint(symbol) !== null);
  return sleeps && onlyWaits ? wait : null;
}

/** Position of the innermost frame that says what a task waits for; null when its stack is no wait that is known. */
export function waitFrame(trace: Trace): number | null {
  const at = trace.findIndex(({ symbol, reliable }) => reliable && !isSleepHelper(symbol));
  return at >= 0 && waitAt(trace, at) !== null ? at : null;
}

import { errnoName } from './errno.ts';
import type { RaisedError } from './errno-lines.ts';

/**
 * Errors that are answers: "there is no such entry" of a lookup that asks whether there is one. By file and error;
 * the functions of a file that are meant, or all. From the sources of OpenZFS 2.1 to 2.3.
 */
const EXPECTED: readonly (readonly [file: string, error: string, functions?: RegExp])[] = [
  // A property that is not set here is looked for in the parent.
  ['dsl_prop.c', 'ENOENT'],
  // A name, an object or an attribute is looked up to see whether it is there; a walk comes to its end.
  ['zap.c', 'ENOENT'],
  ['zap_leaf.c', 'ENOENT'],
  ['zap_micro.c', 'ENOENT'],
  ['zap_fat.c', 'ENOENT'],
  ['sa.c', 'ENOENT'],
  ['zfs_dir.c', 'ENOENT', /^zfs_(?:dirent_lock|dirlook|get_xattrdir|match_find)$/],
  ['zfs_ctldir.c', 'ENOENT', /lookup$/],
  ['zfs_znode_os.c', 'ENOENT'],
  ['dsl_dir.c', 'ENOENT', /^(?:dsl_dir_hold|getcomponent|dsl_dir_get_\w+_count)$/],
  ['zfs_ioctl.c', 'ESRCH', /_list_next$/],
  // What a pool or a dataset does not have at the moment is asked for with its properties.
  ['ddt.c', 'ENOENT', /^ddt_(?:object_(?:info|lookup|load)|configure|walk_impl)$/],
  ['spa_checkpoint.c', 'ZFS_ERR_NO_CHECKPOINT', /^spa_checkpoint_get_stats$/],
  ['spa_misc.c', 'ENOENT', /^spa_scan_get_stats$/],
  ['vdev_raidz.c', 'ENOENT', /^spa_raidz_expand_get_stats$/],
  ['vdev_removal.c', 'ENOENT', /^spa_removal_get_stats$/],
  ['dsl_dataset.c', 'ENOENT', /^(?:dsl_get_prev_snap|get_clones_stat_impl)$/],
  ['dmu.c', 'ENOENT', /^dmu_spill_hold_existing$/],
  ['dmu_objset.c', 'ENOENT', /_list_next$/],
  // A name or a value is longer than the caller's buffer, or its leaf is full: it comes again with a larger one.
  ['zap_leaf.c', 'EOVERFLOW', /^zap_entry_read/],
  ['zap_leaf.c', 'EAGAIN'],
  // Holes of files and of indirect blocks, and what lies behind the last one.
  ['dbuf.c', 'ENOENT', /^dbuf_(?:hold_impl|findbp)$/],
  ['dnode.c', 'ESRCH', /^dnode_next_offset/],
  ['dnode.c', 'ENOENT', /^dnode_hold_impl$/],
  // Dirty data is at its limit: the caller waits and tries again.
  ['dmu_tx.c', 'ERESTART'],
  ['dsl_dir.c', 'ERESTART'],
];

/** True for an error that says "no" to a question, as lookups do all the time; a guess that only decides what is folded. */
export function isExpectedError({ file, function: name, errno }: RaisedError): boolean {
  const base = file.slice(file.lastIndexOf('/') + 1);
  const error = errnoName(errno);
  return EXPECTED.some(
    ([of, expected, functions]) => of === base && expected === error && (functions?.test(name) ?? true),
  );
}

/**
 * What is worth to be seen of the structures that ZFS's functions pass around: the members that tell one from another
 * one, and how it fares. By the structure's tag, or the typedef's name where it has none; the members are written as
 * C would behind a pointer. Where they are is asked of the running build's debug info; one that it does not have is
 * left out, so names of several versions may stand here (include/sys of OpenZFS 0.8 to 2.4).
 */
const MEMBERS: Readonly<Record<string, string>> = {
  abd: 'abd_size',
  arc_buf_hdr: 'b_birth',
  bpobj: 'bpo_object',
  dbuf_dirty_record: 'dr_txg',
  dentry: 'd_name.name',
  dmu_buf: 'db_object db_offset db_size',
  dmu_buf_impl: 'db_objset->os_spa->spa_name db.db_object db_level db_blkid db_state',
  dmu_tx: 'tx_txg tx_err',
  dnode: 'dn_object dn_type',
  dsl_dataset: 'ds_object ds_snapname',
  dsl_dir: 'dd_object dd_myname',
  dsl_pool: 'dp_spa->spa_name',
  dsl_scan: 'scn_dp->dp_spa->spa_name',
  inode: 'i_ino',
  itx: 'itx_lr.lrc_txtype itx_lr.lrc_txg',
  lwb: 'lwb_state lwb_nused lwb_sz',
  metaslab: 'ms_id ms_allocated_space',
  objset: 'os_spa->spa_name os_dsl_dataset->ds_object',
  spa: 'spa_name',
  taskq: 'tq_name',
  vdev: 'vdev_id vdev_path vdev_state',
  zap: 'zap_object',
  zbookmark_phys: 'zb_objset zb_object zb_level zb_blkid',
  zfs_cmd: 'zc_name',
  zfs_locked_range: 'lr_offset lr_length',
  zfsvfs: 'z_os->os_spa->spa_name',
  zilog: 'zl_spa->spa_name',
  zio: 'io_type io_error io_size io_spa->spa_name',
  znode: 'z_id z_size',
  zvol_state: 'zv_name',
};

/** Paths of the members to show of a structure; empty for one that is not known. @param name tag or typedef */
export function membersOf(name: string): readonly string[] {
  const tag = name.replace(/_t$/, '');
  return Object.hasOwn(MEMBERS, tag) ? (MEMBERS[tag] ?? '').split(' ') : [];
}

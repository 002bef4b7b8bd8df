/** Modules that the ZFS tree is built into: two since 2.2, one per library before (module/Makefile.in). */
export const ZFS_MODULES: readonly string[] = [
  ...['zfs', 'spl', 'zavl', 'znvpair', 'zcommon', 'zunicode', 'zlua', 'icp', 'zzstd'],
];

/** True for a module of ZFS; null is the kernel itself. */
export function isZfsModule(module: string | null): boolean {
  return module !== null && ZFS_MODULES.includes(module);
}

/** Programs of OpenZFS that are no script (cmd/, and the tests' own left out). */
const ZFS_PROGRAMS: ReadonlySet<string> = new Set([
  ...['zdb', 'zed', 'zfs', 'zhack', 'zinject', 'zpool', 'zstream', 'ztest', 'raidz_test', 'mount.zfs'],
  ...['zfs_ids_to_path', 'zgenhostid', 'zpool_influxdb', 'zvol_id'],
]);

/** Its libraries (lib/), with and without versions. */
const ZFS_LIBRARY =
  /^(lib(?:zpool|zfs|zfs_core|zfsbootenv|nvpair|uutil|zutil|shareiscsi|share|efi|icp|avl|spl|tpool|unicode))\.so(?:\.[\d.]+)?$/;

/**
 * The name of one of OpenZFS's programs or libraries, without a version: `zdb`, `libzpool` for
 * `libzpool.so.5`, `ztest` also for the `lt-ztest` that libtool makes to run it where it was built. Null for all
 * other files. The name `zfs` is that of a module too.
 */
export function zfsProgramOf(fileName: string): string | null {
  const program = fileName.startsWith('lt-') ? fileName.slice('lt-'.length) : fileName;
  return ZFS_PROGRAMS.has(program) ? program : (ZFS_LIBRARY.exec(fileName)?.[1] ?? null);
}

/** Whether a frame of the module zfs may be of the program: stacks of the kernel, unlike those of processes, have sizes as a rule. */
export function mayBeProgram({
  module,
  size,
}: {
  readonly module: string | null;
  readonly size: number | null;
}): boolean {
  return size === null && isZfsModule(module) && zfsProgramOf(module ?? '') !== null;
}

/** Modules that the ZFS tree is built into: two since 2.2, one per library before (module/Makefile.in). */
const ZFS_MODULES: ReadonlySet<string> = new Set([
  ...['zfs', 'spl', 'zavl', 'znvpair', 'zcommon', 'zunicode', 'zlua', 'icp', 'zzstd'],
]);

/** True for a module of ZFS; null is the kernel itself. */
export function isZfsModule(module: string | null): boolean {
  return module !== null && ZFS_MODULES.has(module);
}

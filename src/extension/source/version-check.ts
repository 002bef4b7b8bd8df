/** Whether the source that is open is the source of the module that runs. */

/**
 * Compares the loaded module's version (`/sys/module/zfs/version`, `2.3.9-1` or
 * `2.3.99-123_gabcdef`) with that of the workspace's META file.
 * @param running null when ZFS is not loaded on the target.
 * @param source null when the workspace holds no ZFS source.
 * @returns a sentence for the person; empty when they agree.
 */
export function versionRemark(running: string | null, source: string | null, files: number): string {
  if (running === null) {
    return 'ZFS is not loaded on the target: load it there with "modprobe zfs", then connect again.';
  }
  if (files === 0) {
    return 'The workspace has no C sources: frames show their function only. Open the source folder of the running module.';
  }
  if (source === null) {
    return '';
  }
  // What follows the first dash is the release of a distribution (2.3.9-1~deb13u1) or the distance of
  // a git build from its tag (2.3.99-123_gabcdef): META's own release is another thing than either.
  const bare = (version: string) => version.replace(/-.*$/, '');
  if (bare(running) === bare(source)) {
    return '';
  }
  return `The target runs ZFS ${running}, but the source that is open is ${source}: lines may be off. Check out the source of the running version.`;
}

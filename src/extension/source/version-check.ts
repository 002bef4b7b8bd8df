/** Whether the source that is open is the source of the module that runs: the words of it. */
import { inert } from '../../core/text/inert.ts';

/** Longest version that is shown, in UTF-16 units. */
const LONGEST = 100;

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
  return `The target runs ZFS ${inert(running, LONGEST)}, but the source that is open is ${source}: lines may be off. Check out the source of the running version.`;
}

/**
 * Names that the commit of a running version can have in git, the surest first: what follows `_g` in
 * a git build (config/zfs-meta.m4 writes `git describe` with an underscore), else the tag of a release.
 * @param running as `/sys/module/zfs/version` says it; untrusted
 */
export function revisionsOf(running: string): string[] {
  const commit = /_g([0-9a-f]{7,40})(?:\D|$)/.exec(running)?.[1];
  if (commit !== undefined) {
    return [commit];
  }
  const [, version, candidate] = /^(\d+\.\d+(?:\.\d+)*)(?:-(rc\d+))?/.exec(running) ?? [];
  if (version === undefined) {
    return [];
  }
  const tag = candidate === undefined ? version : `${version}-${candidate}`;
  return [`refs/tags/zfs-${tag}`, `refs/tags/v${tag}`];
}

/**
 * When the commit of a build between releases is not found: META's version is the same for hundreds
 * of commits, so nothing is known of the difference.
 * @param running as `/sys/module/zfs/version` says it
 * @returns a sentence for the person; empty for the version of a release
 */
export function unknownRemark(running: string): string {
  return /_g[0-9a-f]{7,40}/.test(running)
    ? `The target runs ZFS ${inert(running, LONGEST)}, whose commit is not in the git repository of the source that is open: lines may be off. Fetch that commit to compare.`
    : '';
}

/**
 * What git says of the difference.
 * @param head HEAD as people call it; null when git has no name for it
 * @param changed C sources that differ from the running revision
 * @returns a sentence for the person; empty when none differs.
 */
export function changeRemark(running: string, head: string | null, changed: readonly string[]): string {
  if (changed.length === 0) {
    return '';
  }
  const [first = ''] = changed;
  const name = first.slice(first.lastIndexOf('/') + 1);
  const files =
    changed.length === 1 ? `${name} differs` : `${changed.length} C files differ, ${name} among them,`;
  const source = head === null ? 'the source that is open' : `the source that is open (${head})`;
  return `The target runs ZFS ${inert(running, LONGEST)}, and ${files} in ${source}: lines there may be off.`;
}

/**
 * From a path that a build or a log line names to a file of the workspace. Modules are built far
 * from the source that is open: `/var/lib/dkms/zfs/2.3.9/build/module/zfs/zil.c` (DKMS),
 * `/tmp/zfs-build-root-x1/BUILD/zfs-kmod-2.3.9/...` (packages), `fs/zfs/zil.c` (built into the
 * kernel by copy-builtin). What they share with the workspace is the end of the path.
 *
 * The answer is always one of the files that were put in, so no path from outside, however it is
 * written, leads out of the workspace.
 */

/** A file of the workspace. */
export interface SourceFile {
  /** Identifies the file; unique. */
  readonly key: string;
  /** Path below its workspace folder, with `/`. */
  readonly path: string;
  readonly kind: SourceKind;
}

export interface PathQuestion {
  /** Base name or longer path, absolute or not. Untrusted. */
  readonly path: string;
  /** Whether a file holds what the path is asked for, usually a function; null when unknown. */
  readonly defines: ((file: SourceFile) => boolean) | null;
}

/** Files by base name; finds the one a path means. */
export class SourcePaths {
  readonly #byName = new Map<string, Map<string, SourceFile>>();
  readonly #byKey = new Map<string, SourceFile>();

  get(key: string): SourceFile | undefined {
    return this.#byKey.get(key);
  }

  add(file: SourceFile): void {
    this.remove(file.key);
    const name = baseName(file.path);
    const files = this.#byName.get(name);
    if (files === undefined) {
      this.#byName.set(name, new Map([[file.key, file]]));
    } else {
      files.set(file.key, file);
    }
    this.#byKey.set(file.key, file);
  }

  remove(key: string): void {
    const file = this.#byKey.get(key);
    if (file === undefined) {
      return;
    }
    this.#byKey.delete(key);
    const name = baseName(file.path);
    const files = this.#byName.get(name);
    files?.delete(key);
    if (files?.size === 0) {
      this.#byName.delete(name);
    }
  }

  /**
   * Files that the path can mean, best first: those that share most of the path's end, among them
   * those that define what is asked for, then by {@link fileRank}. A path of several segments that
   * shares only its base name with a file means it only if that file defines what is asked for:
   * the kernel's `include/linux/list.h` is not ZFS's `include/sys/list.h`.
   */
  candidates(question: PathQuestion): SourceFile[] {
    const wanted = segments(question.path);
    const files = this.#byName.get(wanted.at(-1) ?? '');
    const isLong = wanted.length > 1;
    return [...(files?.values() ?? [])]
      .map((file) => ({
        file,
        shared: sharedSegments(wanted, segments(file.path)),
        defines: question.defines?.(file) ?? false,
      }))
      .filter((one) => !isLong || one.shared > 1 || one.defines || isWholePath(one.file, one.shared))
      .sort(
        (a, b) =>
          b.shared - a.shared ||
          Number(b.defines) - Number(a.defines) ||
          fileRank(a.file) - fileRank(b.file) ||
          compare(a.file.path, b.file.path),
      )
      .map((one) => one.file);
  }

  /** The best of {@link candidates}, or null. */
  find(question: PathQuestion): SourceFile | null {
    return this.candidates(question)[0] ?? null;
  }
}

/**
 * Where a person's mapping says that a build's path is; null when no mapping fits. The longest fits
 * best, and a prefix ends where a segment does.
 * @param path untrusted; `.` and `..` in it are resolved as text first
 */
export function mapPath(path: string, mappings: Readonly<Record<string, string>>): string | null {
  const wanted = segments(path);
  let best: { readonly to: string; readonly length: number } | null = null;
  for (const [from, to] of Object.entries(mappings)) {
    const prefix = segments(from);
    const fits = prefix.length <= wanted.length && prefix.every((segment, i) => segment === wanted[i]);
    if (fits && prefix.length > (best?.length ?? -1)) {
      best = { to, length: prefix.length };
    }
  }
  return best === null ? null : [best.to.replace(/[/\\]+$/, ''), ...wanted.slice(best.length)].join('/');
}

/** A file at the top of its folder shares one segment at most. */
function isWholePath(file: SourceFile, shared: number): boolean {
  return shared === 1 && !file.path.includes('/');
}

/** Segments of a path with `.` and `..` resolved as text; leading `..` are dropped. */
function segments(path: string): string[] {
  const result: string[] = [];
  for (const segment of path.slice(-4096).split(/[/\\]/)) {
    if (segment === '..') {
      result.pop();
    } else if (segment !== '' && segment !== '.') {
      result.push(segment);
    }
  }
  return result;
}

function sharedSegments(a: readonly string[], b: readonly string[]): number {
  let shared = 0;
  while (shared < a.length && shared < b.length && a.at(-1 - shared) === b.at(-1 - shared)) {
    shared++;
  }
  return shared;
}

function baseName(path: string): string {
  const last = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
  return last === '' || last === '.' || last === '..' ? (segments(path).at(-1) ?? '') : last;
}

/** What runs in a Linux kernel, what runs in processes, what belongs to another system. */
export type SourceKind = 'kernel' | 'user' | 'foreign';

/** The kind of a file by its path within an OpenZFS tree. */
export function sourceKind(pathInTree: string): SourceKind {
  if (/(?:^|\/)os\/(?:freebsd|windows|macos|illumos)(?:\/|$)/.test(pathInTree)) {
    return 'foreign';
  }
  return /^(?:cmd|lib|tests|contrib|udev|scripts)(?:\/|$)/.test(pathInTree) ? 'user' : 'kernel';
}

const kindRank: Readonly<Record<SourceKind, number>> = { kernel: 0, user: 2, foreign: 4 };

/** Smaller is likelier, all else equal: kernel before user before foreign, sources before headers. */
export function fileRank(file: SourceFile): number {
  return kindRank[file.kind] + (file.path.endsWith('.h') ? 1 : 0);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

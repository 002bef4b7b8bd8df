import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { zfsProgramOf } from '../../core/zfs/zfs-modules.ts';
import { stampOf } from './file-source.ts';
import { buildIdOf } from './open-debug-file.ts';

/** Folders that are looked into at most, and how deep below a workspace folder. */
const MAX_FOLDERS = 20_000;
const MAX_DEPTH = 8;
/** A build that was not there is looked for again after this time: when it is needed, and by the way. */
const AGAIN_AFTER_MS = { prepare: 3000, find: 60_000 } as const;

/** Folders that hold no build of a module, however large they are. */
const SKIPPED = new Set(['node_modules', 'tests', 'man', 'contrib', 'Documentation']);

/** Modules, kernels, and the debug info that was split off either. */
const NAME = /\.ko$|\.ko\.debug$|^vmlinux(\.debug)?$/;

/** Where libtool puts the programs and libraries that it builds; beside it is a script of the same name. */
const LIBTOOL = '.libs';

interface Known {
  readonly stamp: string;
  readonly buildId: string | null;
}

/**
 * Modules (`*.ko`, `*.ko.debug`), kernels (`vmlinux`), and ZFS's programs and libraries built in the workspace, by build-id. A file's build-id is read
 * again when its size, time or inode changed: so a rebuild is seen without being told of it.
 */
export class WorkspaceModules {
  #folders: readonly string[] = [];
  readonly #known = new Map<string, Known>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | null = null;

  setFolders(folders: readonly string[]): void {
    this.#folders = folders;
    this.#known.clear();
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  /**
   * The files of a build: the module, stripped or not, and what was split off it.
   * @param purpose how much it matters to know of a file that is new
   */
  async find(buildId: string, purpose: 'prepare' | 'find'): Promise<readonly string[]> {
    const found = await this.#among(buildId);
    if (found.length > 0 || performance.now() - this.#lookedAt < AGAIN_AFTER_MS[purpose]) {
      return found;
    }
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    await this.#looking;
    return this.#among(buildId);
  }

  /** Build-ids of the files that are a module by their name; of the kernel itself for null. */
  async named(module: string | null): Promise<string[]> {
    return this.#buildsOf((name) =>
      module === null ? name === 'vmlinux' : name.replaceAll('-', '_') === `${module}.ko`,
    );
  }

  /** Build-ids of the files that are a program or library of ZFS by their name; of a library in any version. */
  async programs(name: string): Promise<string[]> {
    const wanted = zfsProgramOf(name);
    return wanted === null ? [] : this.#buildsOf((other) => zfsProgramOf(other) === wanted);
  }

  /** Build-ids, each once, of files whose name fits. */
  async #buildsOf(isNamed: (name: string) => boolean): Promise<string[]> {
    if (performance.now() - this.#lookedAt >= AGAIN_AFTER_MS.find) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = null;
      });
      await this.#looking;
    }
    const builds = [...this.#known].flatMap(([file, { buildId }]) =>
      buildId !== null && isNamed(path.basename(file)) ? [buildId] : [],
    );
    return [...new Set(builds)];
  }

  async #among(buildId: string): Promise<string[]> {
    const found: string[] = [];
    for (const [file, known] of [...this.#known]) {
      if (known.buildId === buildId && (await this.#read(file)) === buildId) {
        found.push(file);
      }
    }
    return found;
  }

  async #look(): Promise<void> {
    let level = this.#folders.map((folder) => folder);
    let count = 0;
    const found = new Set<string>();
    for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth++) {
      const next: string[] = [];
      for (const folder of level) {
        count += 1;
        if (count > MAX_FOLDERS) {
          break;
        }
        const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
        for (const entry of entries) {
          const full = path.join(folder, entry.name);
          if (entry.isDirectory() && isLookedInto(entry.name)) {
            next.push(full);
          } else if (entry.isFile() && (NAME.test(entry.name) || zfsProgramOf(entry.name) !== null)) {
            found.add(full);
          }
        }
      }
      level = next;
    }
    for (const file of [...this.#known.keys()].filter((file) => !found.has(file))) {
      this.#known.delete(file);
    }
    for (const file of found) {
      await this.#read(file);
    }
    this.#lookedAt = performance.now();
  }

  /** The build-id that a file has now. */
  async #read(file: string): Promise<string | null> {
    try {
      const stamp = stampOf(await stat(file));
      const known = this.#known.get(file);
      if (known?.stamp === stamp) {
        return known.buildId;
      }
      const buildId = buildIdOf(file);
      this.#known.set(file, { stamp, buildId });
      return buildId;
    } catch {
      this.#known.delete(file);
      return null;
    }
  }
}

function isLookedInto(folder: string): boolean {
  return folder === LIBTOOL || !(folder.startsWith('.') || SKIPPED.has(folder));
}

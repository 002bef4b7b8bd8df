import { lstatSync } from 'node:fs';
import { isBelowAny } from './paths.ts';

/**
 * When a folder that was made is walked again, ms after it was told. Who watches a folder tells of it
 * before it watches what is inside (inotify(7), "race conditions"), so files that come meanwhile, and
 * whole folders below, are told by nobody: VS Code's watcher loses them nearly always. A checkout
 * fills a folder within seconds.
 */
const AGAIN_MS = [1000, 5000, 30_000];

/** Sees to it that what lies in a folder made while it is watched is found, told or not. */
export class NewFolders {
  readonly #timers = new Set<NodeJS.Timeout>();

  /** @param walk takes folders whose sources are to be looked for; false when none of them can have any */
  constructor(private readonly walk: (folders: readonly string[]) => boolean) {}

  /** @param paths absolute, of what was made: files, folders or what is gone again */
  made(paths: readonly string[]): void {
    const all = new Set(paths.filter(isFolder));
    // A walk comes to those below by itself.
    const folders = [...all].filter((folder) => !isBelowAny(folder, all));
    if (folders.length === 0 || !this.walk(folders)) {
      return;
    }
    for (const delay of AGAIN_MS) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.walk(folders);
      }, delay).unref();
      this.#timers.add(timer);
    }
  }

  /** Nothing is walked any more. */
  dispose(): void {
    for (const timer of this.#timers) {
      clearTimeout(timer);
    }
    this.#timers.clear();
  }
}

/** No link to one: walks follow none. */
function isFolder(file: string): boolean {
  try {
    return lstatSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false;
  }
}

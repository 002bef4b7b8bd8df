/** Where things lie that tests share: the repository, the cache, and programs. */
import { accessSync, constants } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository: also the extension's development folder. */
export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** `$XDG_CACHE_HOME/zscope`, or `~/.cache/zscope`. An XDG path that is not absolute is void (XDG base directory spec). */
export function cacheFolder(): string {
  const xdg = process.env['XDG_CACHE_HOME'];
  return path.join(xdg && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), '.cache'), 'zscope');
}

/**
 * The absolute path of the first of `names` that is an executable on PATH, or undefined. The folders
 * of root's programs count too: they are not on every user's PATH.
 */
export function findProgram(...names: readonly string[]): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/sbin'].filter(
    (folder) => path.isAbsolute(folder),
  );
  for (const name of names) {
    for (const folder of folders) {
      const file = path.join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not here: the next folder.
      }
    }
  }
  return undefined;
}

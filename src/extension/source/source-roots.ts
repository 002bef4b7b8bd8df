import { realpath } from 'node:fs/promises';
import path from 'node:path';

/**
 * Whether a file lies in one of the folders when all symbolic links are followed. A file that is not
 * there lies in none.
 */
export async function isInFolders(file: string, folders: readonly string[]): Promise<boolean> {
  const real = await realpath(file).catch(() => null);
  if (real === null) {
    return false;
  }
  const roots = await Promise.all(folders.map((folder) => realpath(folder).catch(() => null)));
  return roots.some((root) => {
    const relative = root === null ? '' : path.relative(root, real);
    return relative !== '' && !path.isAbsolute(relative) && relative.split(path.sep)[0] !== '..';
  });
}

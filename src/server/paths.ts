import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Whether a file lies in the folder. Both are absolute and normal: the text tells. */
export function isBelow(file: string, folder: string): boolean {
  return file.length > folder.length && file.startsWith(withSeparator(folder));
}

/** From a folder to what is below it, with `/` between the names. */
export function relativePath(folder: string, file: string): string {
  const relative = file.slice(withSeparator(folder).length);
  return path.sep === '/' ? relative : relative.replaceAll(path.sep, '/');
}

/** The folder with its separator behind it, as its files begin. */
export function withSeparator(folder: string): string {
  return folder.endsWith(path.sep) ? folder : folder + path.sep;
}

/** Whether it lies in one of the folders. */
export function isBelowAny(file: string, folders: ReadonlySet<string>): boolean {
  for (let parent = path.dirname(file); parent !== path.dirname(parent); parent = path.dirname(parent)) {
    if (folders.has(parent)) {
      return true;
    }
  }
  return false;
}

/** Absolute path of a `file:` URI as the index writes it; null for any other URI. */
export function pathOfUri(uri: string): string | null {
  if (!uri.startsWith('file:')) {
    return null;
  }
  try {
    return indexPath(fileURLToPath(uri));
  } catch {
    // A file URI of another machine or with an encoded slash: no file of the workspace.
    return null;
  }
}

/** An absolute path as the index writes it: with the system's separators, a drive's letter small. */
export function indexPath(file: string): string {
  const normal = path.normalize(file);
  return /^[A-Z]:/.test(normal) ? normal.slice(0, 1).toLowerCase() + normal.slice(1) : normal;
}

/** `file:` URI of an absolute path. */
export function uriOfPath(file: string): string {
  return pathToFileURL(file).toString();
}

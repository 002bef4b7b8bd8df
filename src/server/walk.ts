import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** Files of more bytes than this are generated tables; their functions are not indexed. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Folders that hold no source of the project, or another copy of it. */
const skippedFolders = new Set(['node_modules', 'build', 'dist', 'CMakeFiles', 'autom4te.cache']);

/** Sources by name: C, and the assembly that frames can lie in. `*.mod.c` is made by the kernel's build. */
export function isSourceName(name: string): boolean {
  return /\.[chS]$/.test(name) && !name.endsWith('.mod.c');
}

/** Whether a walk from a workspace folder comes to the file with this relative path. */
export function isWalked(relative: string): boolean {
  const parts = relative.split(path.sep);
  const name = parts.pop() ?? '';
  return isSourceName(name) && parts.every((part) => !isSkipped(part)) && !parts.includes('..');
}

function isSkipped(folder: string): boolean {
  return (folder.startsWith('.') && folder !== '..') || skippedFolders.has(folder);
}

/**
 * Absolute paths of the sources below a folder. Symbolic links are not followed: they lead out of
 * the folder, or to a file that is found anyway. What cannot be read is left out.
 */
export async function listSources(folder: string): Promise<string[]> {
  const found: string[] = [];
  let level = [folder];
  while (level.length > 0) {
    const entries = await Promise.all(
      level.map(async (parent) => ({
        parent,
        children: await readdir(parent, { withFileTypes: true }).catch(() => []),
      })),
    );
    level = [];
    for (const { parent, children } of entries) {
      for (const child of children) {
        if (child.isDirectory() && !isSkipped(child.name)) {
          level.push(path.join(parent, child.name));
        } else if (child.isFile() && isSourceName(child.name)) {
          found.push(path.join(parent, child.name));
        }
      }
    }
  }
  return found;
}

/** Text of a regular file, empty when it is too large; null when it is not there or no such file. */
export async function readSource(file: string): Promise<string | null> {
  try {
    const status = await lstat(file);
    if (!status.isFile()) {
      return null;
    }
    return status.size > MAX_FILE_BYTES ? '' : await readFile(file, 'utf8');
  } catch {
    return null;
  }
}

/** What a folder's META file says of the ZFS release in it. */
export interface ZfsRelease {
  /** `2.3.9-1`: Version and Release. */
  readonly version: string;
}

/** Reads META, the file from which ZFS's configure script takes its version (config/zfs-meta.m4). */
export async function readMeta(folder: string): Promise<ZfsRelease | null> {
  const text = await readFile(path.join(folder, 'META'), 'utf8').catch(() => '');
  return parseMeta(text.slice(0, 16_384));
}

/** The release a META file's text names; null when it is not ZFS's. */
export function parseMeta(text: string): ZfsRelease | null {
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(\\S+)`, 'm').exec(text)?.[1];
  const version = field('Version');
  if (field('Name')?.toLowerCase() !== 'zfs' || version === undefined) {
    return null;
  }
  const release = field('Release');
  return { version: release === undefined ? version : `${version}-${release}` };
}

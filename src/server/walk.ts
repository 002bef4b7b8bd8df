import { constants } from 'node:fs';
import { lstat, open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** Files of more bytes than this are generated tables; their functions are not indexed. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Sources of one workspace folder that are indexed: three times those of a Linux kernel. */
export const MAX_SOURCES = 200_000;

/** OpenZFS's META has some 300 bytes. */
const MAX_META_BYTES = 16 * 1024;

/** Folders that hold no source of the project, or another copy of it. */
const skippedFolders = new Set(['node_modules', 'build', 'dist', 'CMakeFiles', 'autom4te.cache']);

/** Sources by name: C, and the assembly that frames can lie in. `*.mod.c` is made by the kernel's build. */
function isSourceName(name: string): boolean {
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

/** What a walk found below a folder; absolute paths. */
export interface Listing {
  readonly sources: readonly string[];
  /** Folders that hold a file META, as an OpenZFS tree does at its top. */
  readonly metaFolders: readonly string[];
  /** There is more; the walk ended at its limit. */
  readonly isCut: boolean;
}

/**
 * Lists what is below a folder. Symbolic links are not followed: they lead out of the folder, or
 * to a file that is found anyway. What cannot be read is left out.
 *
 * @param limit the walk ends when it has found so many files
 */
export async function listSources(folder: string, limit = MAX_SOURCES): Promise<Listing> {
  const sources: string[] = [];
  const metaFolders: string[] = [];
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
        if (sources.length + metaFolders.length >= limit) {
          return { sources, metaFolders, isCut: true };
        }
        if (child.isDirectory() && !isSkipped(child.name)) {
          level.push(path.join(parent, child.name));
        } else if (child.isFile() && isSourceName(child.name)) {
          sources.push(path.join(parent, child.name));
        } else if (child.isFile() && child.name === 'META') {
          metaFolders.push(parent);
        }
      }
    }
  }
  return { sources, metaFolders, isCut: false };
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

/** An OpenZFS tree. */
export interface ZfsTree {
  /** Absolute path of its top. */
  readonly root: string;
  /** Version and Release of its META: `2.3.9-1`. */
  readonly version: string;
}

/** The OpenZFS tree whose top is `folder`, by its META; null when there is none. */
export async function readTree(folder: string): Promise<ZfsTree | null> {
  const text = await readStart(path.join(folder, 'META'), MAX_META_BYTES).catch(() => '');
  const version = parseMeta(text);
  return version === null ? null : { root: folder, version };
}

/** The first bytes of a regular file as text; empty for a link, a pipe or a device, which could have no end. */
async function readStart(file: string, bytes: number): Promise<string> {
  if (!(await lstat(file)).isFile()) {
    return '';
  }
  // Should a pipe have come in its place meanwhile, opening it does not wait for a writer.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/**
 * The version in the text of a META file, from which ZFS's configure script takes it
 * (config/zfs-meta.m4); null when it is not ZFS's.
 */
function parseMeta(text: string): string | null {
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(\\S+)`, 'm').exec(text)?.[1];
  const version = field('Version');
  if (field('Name')?.toLowerCase() !== 'zfs' || version === undefined) {
    return null;
  }
  const release = field('Release');
  return release === undefined ? version : `${version}-${release}`;
}

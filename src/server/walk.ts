import { closeSync, constants, lstatSync, openSync, readdirSync, readSync, realpathSync } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import path from 'node:path';
import { Slices } from './slices.ts';

/** Files of more bytes than this are generated tables; their functions are not indexed. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** The same for headers: ZFS's include/sys/u8_textprep_data.h, the registers of the kernel's drivers. */
const MAX_HEADER_BYTES = 1024 * 1024;

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
  let from = 0;
  for (let end = relative.indexOf(path.sep); end >= 0; end = relative.indexOf(path.sep, from)) {
    const folder = relative.slice(from, end);
    if (folder === '..' || isSkipped(folder)) {
      return false;
    }
    from = end + 1;
  }
  return isSourceName(relative.slice(from));
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
  const open = [folder];
  const slices = new Slices();
  for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
    for (const child of entriesOf(parent)) {
      if (sources.length + metaFolders.length >= limit) {
        return { sources, metaFolders, isCut: true };
      }
      if (child.isDirectory()) {
        if (!isSkipped(child.name)) {
          open.push(path.join(parent, child.name));
        }
      } else if (child.isFile() && isSourceName(child.name)) {
        sources.push(parent + path.sep + child.name);
      } else if (child.isFile() && child.name === 'META') {
        metaFolders.push(parent);
      }
    }
    if (slices.isOver) {
      await slices.next();
    }
  }
  return { sources, metaFolders, isCut: false };
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Tells one state of a file from another. */
export interface Stamp {
  readonly mtimeMs: number;
  /** Bytes. */
  readonly size: number;
}

/** Of a regular file; null when it is not there or no such file. */
export function stampOf(file: string): Stamp | null {
  try {
    const status = lstatSync(file, { throwIfNoEntry: false });
    return status?.isFile() ? { mtimeMs: status.mtimeMs, size: status.size } : null;
  } catch {
    return null;
  }
}

/** Holds one file while it is read; grows to the largest. */
let buffer = Buffer.alloc(256 * 1024);

/** Should a link or a pipe have come in a file's place: neither is followed or waited for. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Text of a regular file; empty when it is too large, null when it cannot be read. */
export function readSource(file: string): string | null {
  const stamp = stampOf(file);
  return stamp === null ? null : stamp.size > MAX_FILE_BYTES ? '' : readText(file, stamp, 'utf8');
}

/**
 * Text of a file with that stamp for the scanner: a character is a byte, which is one kind of string
 * for all files, and the same for what C is written in. Empty for tables, null when it cannot be read.
 */
export function readForScan(file: string, stamp: Stamp): string | null {
  const limit = file.endsWith('.h') ? MAX_HEADER_BYTES : MAX_FILE_BYTES;
  return stamp.size > limit ? '' : readText(file, stamp, 'latin1');
}

function readText(file: string, stamp: Stamp, encoding: 'utf8' | 'latin1'): string | null {
  if (buffer.length < stamp.size) {
    buffer = Buffer.alloc(stamp.size);
  }
  try {
    const handle = openSync(file, READ_FLAGS);
    try {
      let length = 0;
      let read = 0;
      do {
        read = readSync(handle, buffer, length, stamp.size - length, null);
        length += read;
      } while (read > 0 && length < stamp.size);
      return buffer.toString(encoding, 0, length);
    } finally {
      closeSync(handle);
    }
  } catch {
    return null;
  }
}

/** Whether a file lies in a folder when all links are followed; false when either is not there. */
export function isReallyBelow(file: string, folder: string): boolean {
  try {
    const relative = path.relative(realpathSync(folder), realpathSync(file));
    return relative !== '' && !path.isAbsolute(relative) && relative.split(path.sep)[0] !== '..';
  } catch {
    return false;
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

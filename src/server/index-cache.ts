/**
 * The function index of a set of folders on disk: one file, read at once when a window opens, so
 * that only files that changed since are scanned. What is in it counts as long as a source's time
 * and size are the same.
 *
 * Layout, in the machine's byte order: {@link HEAD} numbers; per file time and size as doubles; per
 * file the lengths of its parts; all integers of all files; then texts in UTF-8: names and paths by
 * line, and parameter lists one file after the other.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { FileEntry } from '../core/symbols/function-index.ts';
import type { Stamp } from './walk.ts';

/** A file of the index with the state of the source that it was scanned in. */
export interface CachedFile {
  readonly stamp: Stamp;
  readonly entry: FileEntry;
}

/** An index as it is on disk. */
export interface CachedIndex {
  /** What the integers of the entries count. */
  readonly names: string[];
  /** By path. */
  readonly files: ReadonlyMap<string, CachedFile>;
}

/** "ZSIX" and the layout's version; another version is another number. */
const MAGIC = 0x5a534902;

/** magic, files, names, integers, bytes of the names, of the paths, of the parameters, unused */
const HEAD = 8;

/** rows, calls, macros, bytes of parameters */
const PARTS = 4;

/** A Linux tree takes some 40 MB; more is no index. */
const MAX_BYTES = 512 * 1024 * 1024;

/** Sets of folders that are kept; the longest unused go. */
const MAX_CACHES = 8;

/** Where the index of some folders, as this build of the scanner makes it, is kept. */
export function cacheFile(folder: string, roots: readonly string[], build: string): string {
  const hash = createHash('sha256').update([build, ...roots].join('\0'));
  return path.join(folder, `${hash.digest('hex').slice(0, 32)}.index`);
}

/** Reads an index; null when there is none, or the file is damaged. */
export function readCache(file: string): CachedIndex | null {
  try {
    const bytes = readWhole(file);
    return bytes === null ? null : decode(bytes);
  } catch {
    return null;
  }
}

function readWhole(file: string): ArrayBuffer | null {
  const handle = openSync(file, 'r');
  try {
    const { size } = fstatSync(handle);
    if (size > MAX_BYTES) {
      return null;
    }
    const bytes = new Uint8Array(size);
    return readSync(handle, bytes) === size ? bytes.buffer : null;
  } finally {
    closeSync(handle);
  }
}

/** @throws RangeError when lengths do not add up. */
function decode(bytes: ArrayBuffer): CachedIndex | null {
  const [magic, files = 0, names = 0, integers = 0, nameBytes = 0, pathBytes = 0, parameterBytes = 0] =
    new Int32Array(bytes, 0, HEAD);
  let at = HEAD * 4;
  const take = (length: number) => {
    const from = at;
    at += length;
    return from;
  };
  if (magic !== MAGIC) {
    return null;
  }
  const stamps = new Float64Array(bytes, take(files * 16), files * 2);
  const parts = new Int32Array(bytes, take(files * PARTS * 4), files * PARTS);
  const numbers = new Int32Array(bytes, take(integers * 4), integers);
  const text = (length: number) => Buffer.from(bytes, take(length), length);
  const allNames = linesOf(text(nameBytes), names);
  const paths = linesOf(text(pathBytes), files);
  const parameters = text(parameterBytes);
  if (allNames === null || paths === null || at !== bytes.byteLength) {
    return null;
  }
  const found = new Map<string, CachedFile>();
  let number = 0;
  let parameter = 0;
  paths.forEach((file, i) => {
    const [rows = 0, calls = 0, macros = 0, length = 0] = parts.subarray(i * PARTS, (i + 1) * PARTS);
    const from = parameter;
    const some = (count: number) => {
      number += count;
      return numbers.subarray(number - count, number);
    };
    const entry: FileEntry = {
      file,
      rows: some(rows),
      calls: some(calls),
      macros: some(macros),
      parameters: () => parameters.toString('utf8', from, from + length),
    };
    parameter += length;
    found.set(file, { stamp: { mtimeMs: stamps[i * 2] ?? 0, size: stamps[i * 2 + 1] ?? 0 }, entry });
  });
  return number === integers && parameter === parameterBytes ? { names: allNames, files: found } : null;
}

function linesOf(text: Buffer, count: number): string[] | null {
  const lines = count === 0 ? [] : text.toString('utf8').split('\n');
  return lines.length === count ? lines : null;
}

/**
 * Writes an index, whole or not at all.
 * @throws Error when the disk refuses.
 */
export async function writeCache(
  file: string,
  names: readonly string[],
  files: readonly CachedFile[],
): Promise<void> {
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true });
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, encode(names, files));
  await rename(partial, file);
  await trim(folder);
}

function encode(names: readonly string[], files: readonly CachedFile[]): Buffer {
  const nameText = Buffer.from(names.join('\n'));
  const pathText = Buffer.from(files.map(({ entry }) => entry.file).join('\n'));
  const parameters = files.map(({ entry }) => Buffer.from(entry.parameters()));
  const parameterBytes = parameters.reduce((sum, { length }) => sum + length, 0);
  const numbers = files.flatMap(({ entry }) => [entry.rows, entry.calls, entry.macros]);
  const integers = numbers.reduce((sum, { length }) => sum + length, 0);
  const head = Int32Array.of(
    ...[MAGIC, files.length, names.length, integers],
    ...[nameText.length, pathText.length, parameterBytes, 0],
  );
  const stamps = Float64Array.from(files.flatMap(({ stamp }) => [stamp.mtimeMs, stamp.size]));
  const parts = files.flatMap(({ entry }, i) => [
    ...[entry.rows.length, entry.calls.length, entry.macros.length, parameters[i]?.length ?? 0],
  ]);
  const arrays = [head, stamps, Int32Array.from(parts), ...numbers].map((array) =>
    Buffer.from(array.buffer, array.byteOffset, array.byteLength),
  );
  return Buffer.concat([...arrays, nameText, pathText, ...parameters]);
}

/** Removes what another window or an older build left long ago. */
async function trim(folder: string): Promise<void> {
  const found = await readdir(folder);
  const dated = await Promise.all(
    found.map(async (name) => {
      const file = path.join(folder, name);
      return {
        file,
        at: await stat(file).then(
          ({ mtimeMs }) => mtimeMs,
          () => 0,
        ),
      };
    }),
  );
  dated.sort((a, b) => b.at - a.at);
  await Promise.all(dated.slice(MAX_CACHES).map(({ file }) => rm(file, { force: true })));
}

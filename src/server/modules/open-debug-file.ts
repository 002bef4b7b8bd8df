import { decompress } from 'fzstd';
import { type DebugFile, openDebugFile } from '../../core/symbols/debug-file.ts';
import { FileSource } from './file-source.ts';

/** Bytes of decoded debug info that a file may keep: the stacks of a hang need less than half. */
const MEMORY = 40 * 1024 ** 2;

/** A debug file that is open; disposing closes it, and it must not be asked any more. */
export interface OpenDebugFile {
  readonly file: DebugFile;
  readonly source: FileSource;
}

/** @throws Failure when it is no ELF file that can be read; Error as node:fs does */
export function openFile(path: string): OpenDebugFile {
  const source = new FileSource(path);
  try {
    return { source, file: openDebugFile(source, { decompress: unpackSection, memory: MEMORY }) };
  } catch (error) {
    source.dispose();
    throw error;
  }
}

/** What a file says about itself. */
export interface FileIdentity {
  readonly buildId: string | null;
  readonly hasLines: boolean;
  /** Name of the file with its debug info, where that is another one. */
  readonly debugLink: string | null;
}

/** @throws as {@link openFile} */
export function identityOf(path: string): FileIdentity {
  const { file, source } = openFile(path);
  try {
    // Read while the file is open: each is looked up when it is asked for.
    return { buildId: file.buildId, hasLines: file.hasLines, debugLink: file.debugLink?.name ?? null };
  } finally {
    source.dispose();
  }
}

/** The build-id that a file carries; null when it has none, or is no ELF file that can be read. */
export function buildIdOf(path: string): string | null {
  try {
    return identityOf(path).buildId;
  } catch {
    return null;
  }
}

function unpackSection(kind: 'zlib' | 'zstd', bytes: Uint8Array, size: number): Uint8Array {
  if (kind === 'zlib') {
    // Loaded when it is needed: few files have such sections, and a short process notices.
    return process.getBuiltinModule('node:zlib').inflateSync(bytes, { maxOutputLength: size });
  }
  return decompress(bytes, new Uint8Array(size));
}

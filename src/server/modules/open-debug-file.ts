import { inflateSync } from 'node:zlib';
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

/** The build-id that a file carries; null when it has none, or is no ELF file that can be read. */
export function buildIdOf(path: string): string | null {
  try {
    const { file, source } = openFile(path);
    source.dispose();
    return file.buildId;
  } catch {
    return null;
  }
}

function unpackSection(kind: 'zlib' | 'zstd', bytes: Uint8Array, size: number): Uint8Array {
  if (kind === 'zlib') {
    return inflateSync(bytes, { maxOutputLength: size });
  }
  return decompress(bytes, new Uint8Array(size));
}

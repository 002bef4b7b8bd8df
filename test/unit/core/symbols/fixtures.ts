/** Object files of real compilers; test/symbols/make-fixtures.ts made them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ByteSource } from '../../../../src/core/symbols/debug-file.ts';

const folder = path.join(import.meta.dirname, 'fixtures');

export const FIXTURES = ['gcc-kernel', 'clang-5', 'arm64-gcc-4', 'program-clang-5'] as const;

export function fixture(name: (typeof FIXTURES)[number]): Uint8Array {
  return new Uint8Array(readFileSync(path.join(folder, `${name}.bin`)));
}

export function inMemory(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (offset, length) => bytes.slice(offset, offset + length) };
}

/** What addr2line says: the same for all addresses from `start` to `end`. */
export interface Run {
  readonly section: string;
  readonly start: number;
  readonly end: number;
  /** `function path:line < function path:line`, innermost first; `?` for what is unknown. */
  readonly chain: string;
}

export function golden(name: string): Run[] {
  const text = readFileSync(path.join(folder, `${name}.golden`), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [section = '', start = '', end = '', ...chain] = line.split(' ');
      return { section, start: Number(start), end: Number(end), chain: chain.join(' ') };
    });
}

/**
 * Source files of ZFS made into one relocatable file as a module is, by several compilers. Those of zstd:
 * the only ones that need neither the kernel's headers nor a configured tree, and full of inlining.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Image } from '../lab/image.ts';
import { cacheFolder } from '../support/paths.ts';

const run = promisify(execFile);

const FILES = [
  ...['common/entropy_common', 'common/fse_decompress', 'common/zstd_common', 'compress/fse_compress'],
  ...['compress/hist', 'compress/huf_compress', 'compress/zstd_compress_literals', 'compress/zstd_fast'],
  ...['decompress/huf_decompress', 'decompress/zstd_ddict', 'decompress/zstd_decompress'],
];

/** What the kernel compiles with, as far as it decides how code is laid out. */
const KERNEL = ['-O2', '-mcmodel=kernel', '-fno-pic', '-fno-pie', '-mno-red-zone', '-fno-strict-aliasing'];

export const OBJECTS = {
  'gcc-4': ['gcc', '-gdwarf-4', '-fpatchable-function-entry=16,16'],
  'gcc-5-no-inline': ['gcc', '-gdwarf-5', '-fno-inline'],
  'clang-4': ['clang', '-gdwarf-4'],
  'clang-5': ['clang', '-gdwarf-5'],
} as const;

/** Path of such a file; compiled when it is not there yet. One set for each image of the lab. */
export async function zfsObject(image: Image, name: keyof typeof OBJECTS): Promise<string> {
  const folder = path.join(
    cacheFolder(),
    'symbols',
    path.basename(path.dirname(image.moduleFile)),
    'zstd-objects',
  );
  const file = path.join(folder, `${name}.ko`);
  if (existsSync(file)) {
    return file;
  }
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(path.join(folder, 'build-'));
  const [compiler, ...flags] = OBJECTS[name];
  try {
    const objects: string[] = [];
    for (const source of FILES) {
      const object = path.join(scratch, `${path.basename(source)}.o`);
      const input = path.join(image.sourceDir, 'module', 'zstd', 'lib', `${source}.c`);
      await run(compiler, [
        ...flags,
        ...KERNEL,
        ...['-w', '-include', 'stddef.h', '-c', input, '-o', object],
      ]);
      objects.push(object);
    }
    const linked = path.join(scratch, 'all.ko');
    await run('ld', ['-r', '--build-id', '-o', linked, ...objects]);
    await rename(linked, file);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return file;
}

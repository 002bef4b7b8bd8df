/** The lab's zfs.ko, unpacked: 107 MB with full debug info, built by GCC 14. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import type { Image } from '../lab/image.ts';
import { cacheFolder } from '../support/paths.ts';

/** Its path; unpacked when it is not there yet. One for each image of the lab. */
export function labModule(image: Image): string {
  const folder = path.join(cacheFolder(), 'symbols', path.basename(path.dirname(image.moduleFile)));
  const file = path.join(folder, 'zfs.ko');
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    const part = `${file}.${process.pid}`;
    // No shell: both names are arguments.
    execFileSync('cp', [image.moduleFile, `${part}.xz`]);
    execFileSync('xz', ['--decompress', `${part}.xz`]);
    renameSync(part, file);
  }
  return file;
}

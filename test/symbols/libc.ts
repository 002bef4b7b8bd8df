/** A library of userspace with debug info that every Debian has: the C library and its debug file. */
import { existsSync } from 'node:fs';
import { buildIdOf } from '../../src/server/modules/open-debug-file.ts';
import { installPackages } from '../support/debian.ts';
import type { Progress } from '../support/progress.ts';

const LIBRARIES = ['/lib/x86_64-linux-gnu/libc.so.6', '/lib64/libc.so.6'];

/** Paths of the library and of its debug file, which is found by build-id; installed when absent. */
export async function libc(progress: Progress): Promise<{ code: string; debug: string }> {
  const code = LIBRARIES.find((path) => existsSync(path));
  const id = code === undefined ? null : buildIdOf(code);
  if (code === undefined || id === null) {
    throw new Error('the C library of this machine was not found, or has no build-id');
  }
  const debug = `/usr/lib/debug/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`;
  if (!existsSync(debug)) {
    await installPackages(['libc6-dbg'], 'the comparison of a userspace library', progress);
  }
  return { code, debug };
}

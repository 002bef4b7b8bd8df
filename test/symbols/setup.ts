/** What the tests of debug info need: compilers, the tools to compare with, and the lab's zfs.ko. */
import { ensureImage } from '../lab/image.ts';
import { ensurePrograms } from '../support/debian.ts';
import { elapsedProgress } from '../support/progress.ts';
import { labModule } from './lab-module.ts';
import { buildVariants } from './variants.ts';

export const PROGRAMS: Readonly<Record<string, string>> = {
  gcc: 'gcc',
  clang: 'clang',
  'aarch64-linux-gnu-gcc': 'gcc-aarch64-linux-gnu',
  addr2line: 'binutils',
  'aarch64-linux-gnu-addr2line': 'binutils-aarch64-linux-gnu',
  'eu-addr2line': 'elfutils',
  gdb: 'gdb',
  'llvm-addr2line': 'llvm',
  xz: 'xz-utils',
};

export default async function setup(): Promise<void> {
  const progress = elapsedProgress();
  await ensurePrograms(PROGRAMS, 'the tests of debug info', progress);
  buildVariants();
  labModule(await ensureImage(progress));
}

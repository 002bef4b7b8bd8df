/** Debian packages that tests need, installed when absent and when we may. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { withLock } from './lock.ts';
import { cacheFolder, findProgram } from './paths.ts';
import { longStep, type Progress } from './progress.ts';

async function apt(...args: readonly string[]): Promise<void> {
  try {
    // A machine just set up may be updating itself: its lock is waited for, in seconds.
    await promisify(execFile)('apt-get', ['--quiet', '--option', 'DPkg::Lock::Timeout=300', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: 64 << 20,
    });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    const reason = said.trim().split('\n').slice(-3).join(' ');
    throw new Error(`apt-get ${args.join(' ')} failed (${reason}); run it by hand, then this again.`);
  }
}

/** Installs Debian packages, or says in one sentence why it cannot. `purpose` completes "... is needed for". */
export async function installPackages(
  packages: readonly string[],
  purpose: string,
  progress: Progress,
): Promise<void> {
  const list = packages.join(' ');
  if (!findProgram('apt-get')) {
    throw new Error(
      `${list} is needed for ${purpose} and this is no Debian system; install it with the system's own tools and run this again.`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new Error(
      `${list} is needed for ${purpose} and only root can install it; run: sudo apt-get install --no-install-recommends ${list}`,
    );
  }
  const step = `installing Debian packages for ${purpose}: ${list}`;
  // Stages run side by side, and apt does not wait for another that reads its lists.
  await withLock(path.join(cacheFolder(), 'apt.lock'), step, progress, () =>
    longStep(progress, step, async () => {
      await apt('update');
      await apt('install', '--yes', '--no-install-recommends', ...packages);
    }),
  );
}

/** Sees to it that programs are there. `needed` has the Debian package by the program's name. */
export async function ensurePrograms(
  needed: Readonly<Record<string, string>>,
  purpose: string,
  progress: Progress,
): Promise<void> {
  const missing = Object.entries(needed).filter(([program]) => findProgram(program) === undefined);
  if (missing.length > 0) {
    await installPackages([...new Set(missing.map(([, name]) => name))], purpose, progress);
  }
}

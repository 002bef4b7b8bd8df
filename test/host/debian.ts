/** Debian packages that the test host needs, installed when absent and when we may. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findProgram } from './paths.ts';

export type Report = (line: string) => void;

function apt(args: readonly string[], report: Report): void {
  report(`apt-get ${args.join(' ')}`);
  // A machine just set up may be updating itself: its lock is waited for, in seconds.
  const done = spawnSync('apt-get', ['--quiet', '--option', 'DPkg::Lock::Timeout=300', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 64 << 20,
  });
  if (done.status !== 0) {
    const reason = done.error?.message ?? done.stderr.trim().split('\n').slice(-3).join(' ');
    throw new Error(`apt-get ${args.join(' ')} failed (${reason}); run it by hand, then this again.`);
  }
}

/** Installs Debian packages, or says in one sentence why it cannot. `purpose` completes "... is needed for". */
export function installPackages(packages: readonly string[], purpose: string, report: Report): void {
  const list = packages.join(' ');
  const byHand = `apt-get install --no-install-recommends ${list}`;
  if (!findProgram('apt-get')) {
    throw new Error(
      `${list} is needed for ${purpose} and this is no Debian system; install it with the system's own tools and run this again.`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new Error(`${list} is needed for ${purpose} and only root can install it; run: sudo ${byHand}`);
  }
  apt(['update'], report);
  apt(['install', '--yes', '--no-install-recommends', ...packages], report);
}

/**
 * The path of a Chromium: $CHROMIUM, or one on PATH, or Debian's, installed now. A missing text
 * font comes with it: without one a screenshot shows boxes.
 */
export function ensureChromium(report: Report): string {
  const named = process.env['CHROMIUM'];
  if (named) {
    if (!existsSync(named)) {
      throw new Error(`CHROMIUM names ${named}, which does not exist; correct or unset it.`);
    }
    return named;
  }
  const find = () => findProgram('chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome');
  const missing = [
    ...(find() ? [] : ['chromium']),
    ...(existsSync('/usr/share/fonts') || process.platform !== 'linux' ? [] : ['fonts-dejavu-core']),
  ];
  if (missing.length > 0) {
    installPackages(missing, 'the window of the browser workbench', report);
  }
  const chromium = find();
  if (!chromium) {
    throw new Error('chromium was installed but is not on PATH; set CHROMIUM to its path.');
  }
  return chromium;
}

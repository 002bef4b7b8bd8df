/** What the lab needs of the machine it runs on. */
import { existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrograms } from '../support/debian.ts';
import type { Progress } from '../support/progress.ts';
import {
  type AptSource,
  type DebianMirrors,
  findDebianMirrors,
  parseListFile,
  parseSourcesFile,
} from './apt-sources.ts';
import { LabError, run } from './processes.ts';

/** Programs that running the VM takes, and the Debian packages that bring them. */
const toRun = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  ssh: 'openssh-client',
};
/** Programs that building its image takes as well. */
const toBuild = {
  mmdebstrap: 'mmdebstrap',
  mke2fs: 'e2fsprogs',
  'ssh-keygen': 'openssh-client',
  xz: 'xz-utils',
};
/** Without root the tree's owners are ids of a user namespace, which these programs set up. */
const toBuildUnprivileged = { newuidmap: 'uidmap', unshare: 'util-linux' };

/** Room that a build needs in the cache folder, in bytes: tree, tarball and disk at once. */
const buildSpaceBytes = 6 * 1024 ** 3;

export const isRoot = process.getuid?.() === 0;

/** Makes sure the programs for running the VM are there, installing them where that is possible. */
export async function ensureRunTools(progress: Progress): Promise<void> {
  requirePlatform();
  await ensure(toRun, progress);
}

/** The same for building an image; also checks the free space under `dir`. */
export async function ensureBuildTools(dir: string, progress: Progress): Promise<void> {
  requirePlatform();
  await ensure({ ...toRun, ...toBuild, ...(isRoot ? {} : toBuildUnprivileged) }, progress);
  const { bavail, bsize } = statfsSync(dir);
  if (bavail * bsize < buildSpaceBytes) {
    const free = Math.floor((bavail * bsize) / 1024 ** 3);
    throw new LabError(
      `Building the test VM takes ${buildSpaceBytes / 1024 ** 3} GiB under ${dir}, where only ` +
        `${free} GiB are free. Make room, or point XDG_CACHE_HOME at a larger disk.`,
    );
  }
}

function requirePlatform(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new LabError(
      `The test VM runs on Linux on x86-64 only, and this is ${process.platform} on ${process.arch}.`,
    );
  }
}

async function ensure(needed: Readonly<Record<string, string>>, progress: Progress): Promise<void> {
  await ensurePrograms(needed, 'the test VM', progress).catch((error: Error) => {
    throw new LabError(error.message);
  });
}

/** The Debian mirrors of the host, or those that ZSCOPE_LAB_MIRROR names. */
export function debianMirrors(): DebianMirrors {
  const named = process.env['ZSCOPE_LAB_MIRROR'];
  if (named !== undefined && named !== '') return { main: named };
  const release = osRelease();
  const mirrors =
    release['ID'] === 'debian'
      ? findDebianMirrors(hostSources('/etc/apt'), release['VERSION_CODENAME'] ?? '')
      : undefined;
  if (mirrors === undefined) {
    throw new LabError(
      'No Debian mirror was found in the apt configuration of this machine. Set ' +
        'ZSCOPE_LAB_MIRROR to the address of one.',
    );
  }
  return mirrors;
}

function hostSources(aptDir: string): AptSource[] {
  const partsDir = join(aptDir, 'sources.list.d');
  const parts = existsSync(partsDir) ? readdirSync(partsDir).sort() : [];
  const files = [join(aptDir, 'sources.list'), ...parts.map((name) => join(partsDir, name))];
  return files.filter(existsSync).flatMap((file) => {
    if (file.endsWith('.list')) return parseListFile(readFileSync(file, 'utf8'));
    return file.endsWith('.sources') ? parseSourcesFile(readFileSync(file, 'utf8')) : [];
  });
}

/**
 * Settings of the host's apt that decide how the mirror is reached (proxies) and whether its
 * dates are believed, in the notation of apt.conf(5).
 */
export async function aptTransportOptions(): Promise<string[]> {
  const { stdout } = await run('apt-config', ['dump']);
  return stdout
    .split('\n')
    .filter((line) => /^Acquire::(https?::|ftp::|Check-|Retries)\S* "[^"]+";$/.test(line));
}

function osRelease(): Record<string, string> {
  if (!existsSync('/etc/os-release')) return {};
  const pairs = readFileSync('/etc/os-release', 'utf8')
    .split('\n')
    .map((line) => /^(\w+)="?([^"]*)"?$/.exec(line))
    .flatMap((match) => (match === null ? [] : [[match[1] ?? '', match[2] ?? ''] as const]));
  return Object.fromEntries(pairs);
}

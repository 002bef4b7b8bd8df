/**
 * What the test VM consists of. Everything that decides what is in an image is here or in `guest/`
 * and enters a hash, so that a changed recipe builds a new image and an unchanged one never does.
 *
 * An image is made in two steps: the root file system (packages; minutes) and the disk (settings
 * and keys laid over it; seconds). A change to the settings leaves the packages alone.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Debian release of the VM: the first with ZFS 2.3, a 6.12 kernel and BTF in the modules. */
export const suite = 'trixie';

export const packages: readonly string[] = [
  // A system that boots.
  ...['systemd-sysv', 'udev', 'kmod', 'initramfs-tools', 'lz4', 'linux-image-amd64'],
  ...['iproute2', 'procps', 'psmisc', 'openssh-server', 'sudo', 'busybox', 'less'],
  // ZFS as DKMS builds it, and its test suite (zinject, zfs-tests.sh).
  ...['linux-headers-amd64', 'gcc', 'make', 'zfs-dkms', 'zfsutils-linux', 'zfs-test', 'dmsetup'],
  // What people debug it with.
  ...['bpftrace', 'bpfcc-tools', 'perf-tools-unstable', 'python3-drgn', 'binutils', 'xz-utils'],
];

/** Size of the VM's root disk and of the disk that the pool lives on, in bytes. */
export const rootDiskBytes = 6 * 1024 ** 3;
export const poolDiskBytes = 2 * 1024 ** 3;

/** The folder of the scripts that run in the VM or in its tree. */
export const guestDir = join(import.meta.dirname, 'guest');

/** Raise when the code that builds (not the data above) changes what comes out. */
const rootfsFormat = 2;
const diskFormat = 1;

/** Hex hash naming the root file system of this recipe. */
export function rootfsHash(): string {
  return digest([
    `format ${rootfsFormat}`,
    suite,
    ...packages,
    guestFile('rootfs-setup.sh'),
    guestFile('rootfs-finish.sh'),
  ]);
}

/** Hex hash naming the whole image of this recipe. */
export function imageHash(): string {
  return digest([`format ${diskFormat}`, rootfsHash(), `${rootDiskBytes}`, ...diskInputs()]);
}

function diskInputs(): string[] {
  const tree = join(guestDir, 'overlay');
  const files = readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return [
    guestFile('assemble.sh'),
    ...files.map((file) => `${file.slice(tree.length)}\n${readFileSync(file, 'utf8')}`),
  ];
}

function guestFile(name: string): string {
  return readFileSync(join(guestDir, name), 'utf8');
}

function digest(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}\n${part}\n`);
  return hash.digest('hex').slice(0, 16);
}

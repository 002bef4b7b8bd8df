/** The second step of an image: the disk that boots, and what belongs to it. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { longStep, type Progress } from '../support/progress.ts';
import { ensureBuildTools, isRoot } from './host.ts';
import { buildId, isIntact, manifestName, writeManifest } from './manifest.ts';
import { imagesDir } from './paths.ts';
import { runChecked, runLogged } from './processes.ts';
import { guestDir, imageHash, rootDiskBytes } from './recipe.ts';
import { ensureRootfs } from './rootfs.ts';

/** A finished image; all paths are absolute. */
export interface Image {
  /** Names this build; another build of the same recipe has another. */
  readonly id: string;
  readonly dir: string;
  /** Raw ext4 file system, never written: the VM runs on an overlay of it. */
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
  /** Release of that kernel, as `uname -r` says it. */
  readonly kernelRelease: string;
  /** The VM's ZFS module as it lies on its disk: xz-compressed ELF with DWARF. */
  readonly moduleFile: string;
  /** Root of the very source that the module was built from. */
  readonly sourceDir: string;
  /** Version of that source, such as `2.3.9`. */
  readonly zfsVersion: string;
  /** Private key of root, dev and plain. */
  readonly keyFile: string;
  /** The VM's host keys in known_hosts form, under the name `zscope-lab`. */
  readonly knownHosts: string;
}

const hostKeyTypes = ['ed25519', 'ecdsa', 'rsa'];
const summed = [
  ...['disk.img', 'vmlinuz', 'initrd.img', 'zfs.ko.xz', 'kernel-release'],
  ...['keys/id_ed25519', 'keys/known_hosts'],
];

/** The present recipe's image if it is there and whole. */
export async function findImage(): Promise<Image | undefined> {
  return openImage(join(imagesDir, imageHash()));
}

/** The image in that folder, or undefined when it is not there or damaged. */
export async function openImage(dir: string): Promise<Image | undefined> {
  return (await isIntact(dir)) ? describe(dir) : undefined;
}

/** The present recipe's image; built if need be, older ones removed. The caller holds the lock. */
export async function ensureImage(progress: Progress): Promise<Image> {
  const found = await findImage();
  if (found !== undefined) return found;
  mkdirSync(imagesDir, { recursive: true });
  await ensureBuildTools(imagesDir, progress);
  const rootfs = await ensureRootfs(progress);
  for (const name of readdirSync(imagesDir)) {
    rmSync(join(imagesDir, name), { recursive: true, force: true });
  }
  const hash = imageHash();
  const draft = join(imagesDir, `${hash}.building`);
  mkdirSync(draft);
  await longStep(progress, 'making the disk image', async (news) => {
    await makeKeys(join(draft, 'keys'));
    await assemble(rootfs, draft, news);
    news('checksumming');
    await writeManifest(draft, summed);
  });
  const dir = join(imagesDir, hash);
  renameSync(draft, dir);
  return describe(dir);
}

/**
 * Files of the ZFS source that were changed since the image was made, relative to its root: editors open that very folder, and
 * lines of a changed file are no longer those of the module. A file there is as old as in Debian's package.
 */
export function changedSources(image: Image): string[] {
  const madeAt = statSync(join(image.dir, manifestName)).mtimeMs;
  return readdirSync(image.sourceDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => statSync(file).mtimeMs > madeAt)
    .map((file) => relative(image.sourceDir, file));
}

async function makeKeys(dir: string): Promise<void> {
  mkdirSync(dir, { mode: 0o700 });
  const keygen = (type: string, file: string, comment: string): Promise<string> =>
    runChecked('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', comment, '-f', join(dir, file)]);
  await keygen('ed25519', 'id_ed25519', 'zscope-lab user');
  for (const type of hostKeyTypes) await keygen(type, `ssh_host_${type}_key`, 'zscope-lab');
  const lines = hostKeyTypes.map((type) => {
    const [algorithm, key] = readFileSync(join(dir, `ssh_host_${type}_key.pub`), 'utf8').split(' ');
    return `zscope-lab ${algorithm} ${key}\n`;
  });
  writeFileSync(join(dir, 'known_hosts'), lines.join(''));
}

async function assemble(rootfs: string, out: string, news: Progress): Promise<void> {
  const script = [
    join(guestDir, 'assemble.sh'),
    rootfs,
    join(guestDir, 'overlay'),
    join(out, 'keys'),
    out,
    String(rootDiskBytes),
  ];
  // Only root may give files to other owners; anyone else is root in a namespace of their own.
  const command = isRoot
    ? ['sh', ...script]
    : ['unshare', '--map-root-user', '--map-auto', '--', 'sh', ...script];
  const [program = 'sh', ...args] = command;
  const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  await runLogged(
    program,
    args,
    join(imagesDir, '..', 'assemble.log'),
    (line) => {
      if (line.startsWith('step ')) news(line.slice('step '.length));
    },
    env,
  );
}

function describe(dir: string): Image {
  const sourceName = readdirSync(join(dir, 'source')).find((name) => name.startsWith('zfs-'));
  if (sourceName === undefined) throw new Error(`no ZFS source in ${dir}`);
  return {
    id: buildId(dir),
    dir,
    disk: join(dir, 'disk.img'),
    kernel: join(dir, 'vmlinuz'),
    initrd: join(dir, 'initrd.img'),
    kernelRelease: readFileSync(join(dir, 'kernel-release'), 'utf8').trim(),
    moduleFile: join(dir, 'zfs.ko.xz'),
    sourceDir: join(dir, 'source', sourceName),
    zfsVersion: sourceName.slice('zfs-'.length),
    keyFile: join(dir, 'keys', 'id_ed25519'),
    knownHosts: join(dir, 'keys', 'known_hosts'),
  };
}

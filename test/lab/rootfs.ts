/** The first step of an image: a Debian root file system with ZFS built in it, as a tarball. */
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { longStep, type Progress } from '../support/progress.ts';
import { sourceLines } from './apt-sources.ts';
import { aptTransportOptions, debianMirrors, isRoot } from './host.ts';
import { isIntact, writeManifest } from './manifest.ts';
import { rootfsDir } from './paths.ts';
import { run, runChecked, runLogged } from './processes.ts';
import { guestDir, packages, rootfsHash, suite } from './recipe.ts';

/** The path of the recipe's tarball; built if it is not there. The caller holds the lock. */
export async function ensureRootfs(progress: Progress): Promise<string> {
  const hash = rootfsHash();
  const dir = join(rootfsDir, hash);
  const tarball = join(dir, 'rootfs.tar');
  if (await isIntact(dir)) return tarball;
  mkdirSync(rootfsDir, { recursive: true });
  // Older recipes and what an interrupted build left.
  for (const name of readdirSync(rootfsDir)) {
    await runChecked('rm', ['-rf', '--one-file-system', join(rootfsDir, name)]);
  }
  const draft = join(rootfsDir, `${hash}.building`);
  mkdirSync(draft);
  await longStep(
    progress,
    `installing Debian ${suite} and building ZFS with DKMS (once; about 10 minutes)`,
    (news) => build(join(draft, 'rootfs.tar'), join(rootfsDir, 'build.log'), draft, news),
  );
  await longStep(progress, 'checksumming the root file system', () => writeManifest(draft, ['rootfs.tar']));
  renameSync(draft, dir);
  return tarball;
}

/** Parts of the initrd that this VM does without: they were half of its boot time. */
const initrdParts = [
  ...['hooks/udev', 'scripts/init-top/udev', 'scripts/init-bottom/udev'],
  ...['hooks/mdadm', 'scripts/local-block/mdadm', 'scripts/local-bottom/mdadm', 'hooks/dmsetup'],
];

async function build(tarball: string, log: string, tmp: string, news: Progress): Promise<void> {
  const aptOptions = await aptTransportOptions();
  const hook = (name: string): string => `sh ${shellQuote(join(guestDir, name))} "$1"`;
  const args = [
    '--verbose',
    `--mode=${await buildMode()}`,
    '--variant=minbase',
    '--components=main,contrib',
    `--include=${packages.join(',')}`,
    ...aptOptions.map((option) => `--aptopt=${option.replace(/;$/, '')}`),
    // The setup hook's files are there before the packages that might bring their own.
    '--dpkgopt=force-confold',
    '--dpkgopt=path-exclude=/usr/share/man/*',
    '--dpkgopt=path-exclude=/usr/share/locale/*',
    '--dpkgopt=path-exclude=/usr/share/doc/*',
    ...initrdParts.map((part) => `--dpkgopt=path-exclude=/usr/share/initramfs-tools/${part}`),
    `--setup-hook=${hook('rootfs-setup.sh')}`,
    `--customize-hook=${hook('rootfs-finish.sh')}`,
    suite,
    tarball,
    ...sourceLines(debianMirrors(), suite),
  ];
  // mmdebstrap unpacks into TMPDIR, which may be a small tmpfs. Without root it is another user
  // id that works there, which a private cache folder would keep out.
  const env = isRoot ? { TMPDIR: tmp } : {};
  await runLogged('mmdebstrap', args, log, stageReporter(news), env);
}

/**
 * The mode of mmdebstrap: in a mount namespace of its own even for root. An interrupted build then leaves
 * no /proc or /dev/pts mounted in a folder that the next one deletes. Containers may forbid it.
 */
export async function buildMode(): Promise<'unshare' | 'auto'> {
  if (!isRoot) return 'unshare';
  const { code } = await run('unshare', ['--mount', '--propagation', 'unchanged', '--', 'true']);
  return code === 0 ? 'unshare' : 'auto';
}

/** Turns mmdebstrap's talkative log into the few lines that tell how far it is. */
function stageReporter(news: Progress): (line: string) => void {
  const stages: [RegExp, string][] = [
    [/^I: (downloading|installing|extracting|running|creating).*/, ''],
    [/^Setting up linux-image-\d.*/, 'kernel installed'],
    [/^Building module/, 'compiling the ZFS module'],
    [/^Setting up zfs-dkms/, 'configuring zfs-dkms'],
    [/update-initramfs: Generating/, 'making the initrd'],
  ];
  const told = new Set<string>();
  return (line) => {
    const stage = stages.find(([pattern]) => pattern.test(line));
    if (stage === undefined) return;
    const text = stage[1] === '' ? line.slice('I: '.length) : stage[1];
    if (told.has(text)) return;
    told.add(text);
    news(text);
  };
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

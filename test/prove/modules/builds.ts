/** Builds of zfs.ko other than the lab's: another release and compiler, other ways to compile, kept in the cache. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { sourceLines } from '../../lab/apt-sources.ts';
import { aptTransportOptions, debianMirrors } from '../../lab/host.ts';
import { runLogged } from '../../lab/processes.ts';
import { buildMode } from '../../lab/rootfs.ts';
import { ensurePrograms } from '../../support/debian.ts';
import { withLock } from '../../support/lock.ts';
import { cacheFolder } from '../../support/paths.ts';
import { longStep, type Progress } from '../../support/progress.ts';

type Peer = 'addr2line' | 'eu-addr2line' | 'llvm-addr2line';

export interface ModuleBuild {
  /** As build.sh knows it. */
  readonly name: string;
  readonly what: string;
  /** Debian release whose kernel headers, compiler and zfs-dkms it is made of. */
  readonly suite: 'bookworm' | 'trixie';
  /** The tools that read it. */
  readonly peers: readonly Peer[];
  /** Whether they read it linked: they do not relocate what clang writes (docs/symbols.md). */
  readonly linked?: boolean;
}

export const BUILDS: readonly ModuleBuild[] = [
  {
    name: 'debian-12',
    what: "Debian 12's zfs-dkms for its kernel by its GCC 12, as DKMS builds it",
    suite: 'bookworm',
    peers: ['addr2line', 'eu-addr2line'],
  },
  {
    name: 'clang',
    what: "Debian 13's by its clang, DWARF 5",
    suite: 'trixie',
    peers: ['llvm-addr2line'],
    linked: true,
  },
  {
    name: 'dwarf-4',
    what: "Debian 13's by its GCC 14, DWARF 4",
    suite: 'trixie',
    peers: ['addr2line', 'eu-addr2line'],
  },
  {
    name: 'no-inline',
    what: "Debian 13's by its GCC 14, -fno-inline -fno-ipa-sra, as ZFS_DKMS_ENABLE_DEBUGINFO has it",
    suite: 'trixie',
    peers: ['addr2line', 'eu-addr2line'],
  },
];

/** Beside the smallest Debian there is. */
const PACKAGES = {
  bookworm: ['linux-headers-amd64', 'gcc', 'make', 'libc6-dev', 'file', 'perl'],
  trixie: ['linux-headers-amd64', 'gcc', 'make', 'libc6-dev', 'file', 'perl', 'clang'],
} as const;

const script = path.join(import.meta.dirname, 'build.sh');

/** Its zfs.ko, unpacked, with debug info. All that are missing of a release are built together: some ten minutes each. */
export async function moduleOf({ name, suite }: ModuleBuild, progress: Progress): Promise<string> {
  const recipe = [readFileSync(script, 'utf8'), suite, ...PACKAGES[suite]].join('\n');
  const hash = createHash('sha256').update(recipe).digest('hex').slice(0, 16);
  const folder = path.join(cacheFolder(), 'symbols', 'builds', `${suite}-${hash}`);
  const file = path.join(folder, `${name}.ko`);
  if (!existsSync(file)) {
    await withLock(`${folder}.lock`, `builds of zfs.ko for ${suite}`, progress, async () => {
      const missing = BUILDS.filter(
        (one) => one.suite === suite && !existsSync(path.join(folder, `${one.name}.ko`)),
      ).map((one) => one.name);
      if (missing.length > 0) {
        await longStep(progress, `building zfs.ko in Debian ${suite}: ${missing.join(', ')}`, (news) =>
          build(suite, missing, folder, news),
        );
      }
    });
  }
  return file;
}

async function build(
  suite: ModuleBuild['suite'],
  names: readonly string[],
  folder: string,
  news: Progress,
): Promise<void> {
  await ensurePrograms({ mmdebstrap: 'mmdebstrap' }, 'builds of zfs.ko', news);
  mkdirSync(folder, { recursive: true });
  const inTree = '/root/modules';
  const part = (name: string) => path.join(folder, `${name}.part`);
  const args = [
    `--mode=${await buildMode()}`,
    '--variant=minbase',
    '--components=main,contrib',
    `--include=${PACKAGES[suite].join(',')}`,
    ...(await aptTransportOptions()).map((option) => `--aptopt=${option.replace(/;$/, '')}`),
    '--dpkgopt=force-unsafe-io',
    '--dpkgopt=path-exclude=/usr/share/man/*',
    '--dpkgopt=path-exclude=/usr/share/doc/*',
    `--customize-hook=copy-in ${script} /root`,
    ...names.flatMap((name) => [
      `--customize-hook=nice -n 19 chroot "$1" sh /root/build.sh ${inTree} ${name}`,
      `--customize-hook=download ${inTree}/${name}.ko ${part(name)}`,
      `--customize-hook=echo "done ${name}"`,
    ]),
    suite,
    '/dev/null',
    ...sourceLines(debianMirrors(), suite),
  ];
  await runLogged('mmdebstrap', args, path.join(folder, 'build.log'), (line) => {
    const [, word, rest = ''] = /^(step|done) (.*)/.exec(line) ?? [];
    if (word === 'step') news(rest);
    // Kept also when a later one fails.
    if (word === 'done') renameSync(part(rest), path.join(folder, `${rest}.ko`));
  });
}

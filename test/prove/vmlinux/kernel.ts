/** A distribution's kernel with debug info, kept in the cache. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sourceLines } from '../../lab/apt-sources.ts';
import { aptTransportOptions, debianMirrors } from '../../lab/host.ts';
import { runChecked } from '../../lab/processes.ts';
import { withLock } from '../../support/lock.ts';
import { cacheFolder } from '../../support/paths.ts';
import { longStep, type Progress } from '../../support/progress.ts';

/** The release of the lab's VM. */
const SUITE = 'trixie';
/** Depends on the package of the newest kernel: 1 GB, most of which is debug info of modules. */
const PACKAGE = 'linux-image-amd64-dbg';

/** Path of the vmlinux of Debian's kernel, some 360 MB; read from its package when there is none yet. */
export async function distributionKernel(progress: Progress): Promise<string> {
  const folder = path.join(cacheFolder(), 'symbols', 'kernels');
  const kept = () => readdirSync(folder).find((name) => name.startsWith('vmlinux-'));
  mkdirSync(folder, { recursive: true });
  if (kept() === undefined) {
    await withLock(`${folder}.lock`, 'the kernel with debug info', progress, async () => {
      if (kept() === undefined) {
        await longStep(progress, "reading Debian's kernel with debug info", () => download(folder));
      }
    });
  }
  return path.join(folder, kept() ?? '');
}

/** Nothing is installed: apt works in a folder of its own, which goes afterwards. */
async function download(folder: string): Promise<void> {
  const work = mkdtempSync(path.join(folder, 'apt-'));
  try {
    for (const name of ['state/lists/partial', 'cache/archives/partial']) {
      mkdirSync(path.join(work, name), { recursive: true });
    }
    writeFileSync(path.join(work, 'sources.list'), `${sourceLines(debianMirrors(), SUITE).join('\n')}\n`);
    const options = [
      `Dir::State=${work}/state`,
      `Dir::Cache=${work}/cache`,
      `Dir::Etc::SourceList=${work}/sources.list`,
      'Dir::Etc::SourceParts=-',
      'Dir::State::Status=/dev/null',
      'APT::Sandbox::User=root',
      ...(await aptTransportOptions()).map((option) => option.replace(/^(\S+) "(.*)";$/, '$1=$2')),
    ].flatMap((option) => ['--option', option]);
    await runChecked('apt-get', [...options, '--quiet', 'update']);
    const depends = await runChecked('apt-cache', [...options, 'depends', PACKAGE]);
    const name = /Depends: (linux-image-\S+-dbg)/.exec(depends)?.[1];
    if (name === undefined) {
      throw new Error(`${PACKAGE} of Debian ${SUITE} names no kernel`);
    }
    // It is written to the folder where apt-get runs.
    await runChecked('sh', [
      '-c',
      'cd "$1" && shift && exec "$@"',
      'sh',
      work,
      'apt-get',
      ...options,
      'download',
      name,
    ]);
    const archive = readdirSync(work).find((file) => file.endsWith('.deb')) ?? '';
    const wanted = './usr/lib/debug/boot/vmlinux-*';
    await runChecked('sh', [
      ...['-c', 'dpkg-deb --fsys-tarfile "$1" | tar --extract --directory "$2" --wildcards "$3"', 'sh'],
      ...[path.join(work, archive), work, wanted],
    ]);
    const boot = path.join(work, 'usr/lib/debug/boot');
    const [kernel = ''] = readdirSync(boot);
    if (!existsSync(path.join(boot, kernel))) {
      throw new Error(`${name} has no vmlinux`);
    }
    renameSync(path.join(boot, kernel), path.join(folder, kernel));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { zfsProgramOf } from '../../core/zfs/zfs-modules.ts';
import { stampOf } from './file-source.ts';
import { buildIdOf } from './open-debug-file.ts';

/** Programs or libraries of one name that are looked at: several versions may be installed beside each other. */
const MAX_FILES = 16;

/** Where programs are that a person seldom has in PATH (hier(7), and the default prefix of OpenZFS's configure). */
const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Where libraries are; below some of them a folder for each architecture (Debian's multiarch). */
const LIB = ['/usr/local/lib', '/usr/local/lib64', '/usr/lib64', '/lib64', '/usr/lib', '/lib'];
const MULTIARCH = /^[a-z0-9_]+-linux-gnu[a-z0-9]*$/;

interface Known {
  readonly stamp: string;
  readonly buildId: string | null;
}

/** ZFS's programs and libraries that are installed on this machine, by build-id. */
export class InstalledPrograms {
  readonly #known = new Map<string, Known>();

  /** @param search the folders of PATH */
  constructor(
    private readonly search: readonly string[] = (process.env['PATH'] ?? '').split(path.delimiter),
  ) {}

  /** Build-ids of what is installed under a name, as {@link zfsProgramOf} has it; of a library in any version. */
  async builds(name: string): Promise<string[]> {
    const wanted = zfsProgramOf(name);
    if (wanted === null) {
      return [];
    }
    const files = wanted.startsWith('lib') ? await librariesOf(wanted) : this.#programsOf(wanted);
    const builds = new Set<string>();
    for (const file of files.slice(0, MAX_FILES)) {
      const buildId = await this.#read(file);
      if (buildId !== null) {
        builds.add(buildId);
      }
    }
    return [...builds];
  }

  /** The files of a build, of those that {@link builds} saw. */
  files(buildId: string): string[] {
    return [...this.#known].flatMap(([file, known]) => (known.buildId === buildId ? [file] : []));
  }

  #programsOf(name: string): string[] {
    const folders = [...this.search, ...SBIN].filter((folder) => path.isAbsolute(folder));
    return [...new Set(folders)].map((folder) => path.join(folder, name));
  }

  async #read(link: string): Promise<string | null> {
    try {
      const file = await realpath(link);
      const stats = await stat(file);
      const stamp = stampOf(stats);
      const known = this.#known.get(file);
      if (known?.stamp === stamp) {
        return known.buildId;
      }
      const buildId = stats.isFile() ? buildIdOf(file) : null;
      this.#known.set(file, { stamp, buildId });
      return buildId;
    } catch {
      return null; // It is not installed there.
    }
  }
}

async function librariesOf(name: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of LIB) {
    const entries = await readdir(folder).catch(() => []);
    const below = entries.filter((entry) => MULTIARCH.test(entry)).map((entry) => path.join(folder, entry));
    for (const one of [folder, ...below]) {
      const names = one === folder ? entries : await readdir(one).catch(() => []);
      found.push(
        ...names.filter((entry) => zfsProgramOf(entry) === name).map((entry) => path.join(one, entry)),
      );
    }
  }
  return found;
}

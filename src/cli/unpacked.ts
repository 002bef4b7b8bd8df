/** Modules that came packed, kept unpacked for the next run. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, realpathSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { isRunning } from '../server/modules/is-running.ts';
import { unpackFile } from '../server/modules/unpack.ts';

/** Files that are kept, of some 100 MB each; all of a run that needs more. */
const KEPT = 3;

export class UnpackedFiles {
  readonly #used = new Set<string>();

  constructor(private readonly folder: string) {}

  /**
   * The unpacked file.
   * @throws Failure when it cannot be unpacked; Error as node:fs does
   */
  async get(file: string): Promise<string> {
    const { size, mtimeMs } = statSync(file);
    const stamp = `${realpathSync(file)} ${size} ${mtimeMs}`;
    const name = `${createHash('sha256').update(stamp).digest('hex').slice(0, 32)}.elf`;
    const unpacked = path.join(this.folder, name);
    this.#used.add(name);
    try {
      // The time of the last use, by which files are kept.
      utimesSync(unpacked, new Date(), new Date());
      return unpacked;
    } catch {
      // It is not there, and is made.
    }
    mkdirSync(this.folder, { recursive: true });
    const partial = `${unpacked}.${process.pid}`;
    try {
      await unpackFile(file, partial);
      renameSync(partial, unpacked);
    } finally {
      rmSync(partial, { force: true });
    }
    this.#trim();
    return unpacked;
  }

  /** Removes what was not used for the longest time, and what runs that were killed left. */
  #trim(): void {
    const kept: { readonly name: string; readonly used: number }[] = [];
    for (const name of readdirSync(this.folder)) {
      const owner = /\.elf\.(\d+)$/.exec(name)?.[1];
      if (owner !== undefined && !isRunning(Number(owner))) {
        this.#remove(name);
      } else if (name.endsWith('.elf')) {
        const status = statSync(path.join(this.folder, name), { throwIfNoEntry: false });
        kept.push({ name, used: this.#used.has(name) ? Number.POSITIVE_INFINITY : (status?.mtimeMs ?? 0) });
      }
    }
    kept.sort((a, b) => (a.used < b.used ? 1 : a.used > b.used ? -1 : 0));
    for (const { name } of kept.slice(Math.max(KEPT, this.#used.size))) {
      this.#remove(name);
    }
  }

  #remove(name: string): void {
    try {
      rmSync(path.join(this.folder, name), { force: true });
    } catch {
      // On Windows a file that another run reads stays until the next time.
    }
  }
}

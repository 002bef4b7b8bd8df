import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { isRunning } from './is-running.ts';

/** Parts that nobody went on with for so long are given up, in milliseconds. */
const PART_KEPT_MS = 7 * 24 * 3600 * 1000;
/** How exactly it is known when a file was last used, in milliseconds. */
const USED_MS = 60_000;
const MEGABYTE = 1024 ** 2;

const BUILD_ID = /^[0-9a-f]{8,128}$/;
const PART = /^([0-9a-f]{8,128}(?:\.debuginfod)?)(?:\.(\d+))?\.part$/;
/** What the owner of a part makes of it. */
const MADE = /^[0-9a-f]{8,128}(?:\.debuginfod)?\.(\d+)\.part\.unpacked$/;

/**
 * Files with debug info by build-id, in one folder that all windows share. Nothing is trusted for its
 * name: whoever opens a file of it compares the build-id. The access time of a file is when it was last
 * used; the time of its change stays, since an open file is known by it.
 *
 * A part belongs to the process whose id is in its name; one that was left behind is taken over, so
 * that a transfer goes on where a lost link or a closed window ended it.
 */
export class ModuleCache {
  constructor(
    private readonly folder: string,
    /** Megabytes that the folder may hold. */
    private readonly limit: () => Promise<number>,
  ) {}

  /** The file of a build; null when there is none. */
  async find(buildId: string): Promise<string | null> {
    if (!BUILD_ID.test(buildId)) {
      return null;
    }
    const file = this.#file(buildId);
    try {
      const { atimeMs, mtimeMs } = await stat(file);
      if (Date.now() - atimeMs > USED_MS) {
        await utimes(file, new Date(), mtimeMs / 1000);
      }
      return file;
    } catch (error) {
      // Without the right to change its time it can still be read.
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? null : file;
    }
  }

  /**
   * A file for the bytes of a build as they come, with what an earlier attempt left in it.
   * @param from where they come from: what came from elsewhere is not touched
   * @throws RangeError when this is no build-id; Error as node:fs does
   */
  async claimPart(buildId: string, from: 'target' | 'debuginfod'): Promise<string> {
    if (!BUILD_ID.test(buildId)) {
      throw new RangeError('no build-id');
    }
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const wanted = from === 'target' ? buildId : `${buildId}.debuginfod`;
    const mine = path.join(this.folder, `${wanted}.${process.pid}.part`);
    for (const name of await readdir(this.folder)) {
      const [, id, owner] = PART.exec(name) ?? [];
      if (
        id !== wanted ||
        (owner !== undefined && Number(owner) !== process.pid && isRunning(Number(owner)))
      ) {
        continue;
      }
      try {
        const left = path.join(this.folder, name);
        if (left !== mine) {
          // Before its bytes come: they never stand under another one's record.
          await rm(`${mine}.json`, { force: true });
        }
        await rename(left, mine);
        await rename(`${left}.json`, `${mine}.json`);
        break;
      } catch {
        // Another process was quicker, or the part has no record: it is written anew.
      }
    }
    return mine;
  }

  /** Leaves a part for the next attempt, whoever makes it. */
  async leavePart(part: string): Promise<void> {
    const left = part.replace(/\.\d+\.part$/, '.part');
    try {
      await stat(part);
      await rm(`${left}.json`, { force: true });
      await rename(part, left);
      await rename(`${part}.json`, `${left}.json`);
    } catch {
      // There is nothing to leave.
    }
  }

  async removePart(part: string): Promise<void> {
    await Promise.all([rm(part, { force: true }), rm(`${part}.json`, { force: true })]);
  }

  /** Takes a file in as that of a build; the caller has compared the build-id. Returns where it is now. */
  async put(buildId: string, file: string): Promise<string> {
    const kept = this.#file(buildId);
    try {
      await rename(file, kept);
    } catch (error) {
      // On Windows a file cannot take the place of one that another window reads: the same build.
      await stat(kept).catch(() => {
        throw error;
      });
      await rm(file, { force: true });
    }
    await this.trim(buildId);
    return kept;
  }

  async remove(buildId: string): Promise<void> {
    await rm(this.#file(buildId), { force: true });
  }

  /** Removes what was not used for the longest time until the rest fits; the kept build stays. */
  async trim(kept: string): Promise<void> {
    const limit = (await this.limit()) * MEGABYTE;
    const names = await readdir(this.folder);
    const files = [];
    for (const name of names) {
      try {
        const { size, atimeMs, mtimeMs } = await stat(path.join(this.folder, name));
        files.push({ name, size, mtimeMs, used: Math.max(atimeMs, mtimeMs) });
      } catch {
        // Another process removed it.
      }
    }
    files.sort((a, b) => b.used - a.used);
    let total = 0;
    for (const { name, size, mtimeMs } of files) {
      const [, id, partOwner] = PART.exec(name) ?? [];
      const maker = MADE.exec(name)?.[1];
      const owner = partOwner ?? maker;
      const isBusy = owner !== undefined && isRunning(Number(owner));
      const isOld = maker !== undefined || (id !== undefined && Date.now() - mtimeMs > PART_KEPT_MS);
      total += size;
      const mustStay = isBusy || name.endsWith('.json') || name === path.basename(this.#file(kept));
      if (!mustStay && (total > limit || isOld)) {
        total -= size;
        // On Windows a file that another window reads stays until the next time.
        await rm(path.join(this.folder, name), { force: true }).catch(() => {});
        if (id !== undefined) {
          await rm(path.join(this.folder, `${name}.json`), { force: true }).catch(() => {});
        }
      }
    }
  }

  #file(buildId: string): string {
    return path.join(this.folder, `${buildId}.debug`);
  }
}

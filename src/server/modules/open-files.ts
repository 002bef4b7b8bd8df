import { stat } from 'node:fs/promises';
import type { Disposable } from '../../core/lifetime.ts';
import type { DebugFile } from '../../core/symbols/debug-file.ts';
import { stampOf } from './file-source.ts';
import { type OpenDebugFile, openFile } from './open-debug-file.ts';

/** Files that are kept open; a stack goes through zfs and spl, seldom through more that have lines. */
const MAX_OPEN = 4;
/** What was not asked for so long gives its memory back, in milliseconds. */
const IDLE_MS = 120_000;

/** Debug files that are open, the last used ones. A file that changed on disk is opened anew. */
export class OpenFiles implements Disposable {
  /** By path, the least recently used first. */
  readonly #open = new Map<string, OpenDebugFile>();
  #idle: NodeJS.Timeout | null = null;

  /** @throws Failure when it is no ELF file that can be read; Error as node:fs does */
  async get(path: string): Promise<DebugFile> {
    const stamp = stampOf(await stat(path));
    let one = this.#open.get(path);
    if (one !== undefined && one.source.stamp !== stamp) {
      this.close(path);
      one = undefined;
    }
    one ??= openFile(path);
    this.#open.delete(path);
    this.#open.set(path, one);
    for (const oldest of [...this.#open.keys()].slice(0, -MAX_OPEN)) {
      this.close(oldest);
    }
    this.#wait();
    return one.file;
  }

  close(path: string): void {
    this.#open.get(path)?.source.dispose();
    this.#open.delete(path);
  }

  dispose(): void {
    if (this.#idle !== null) {
      clearTimeout(this.#idle);
      this.#idle = null;
    }
    for (const path of [...this.#open.keys()]) {
      this.close(path);
    }
  }

  #wait(): void {
    if (this.#idle !== null) {
      this.#idle.refresh();
      return;
    }
    this.#idle = setTimeout(() => {
      this.dispose();
      // What nobody holds any more is given back only by a collection, and an idle process makes none.
      globalThis.gc?.();
    }, IDLE_MS);
    this.#idle.unref();
  }
}

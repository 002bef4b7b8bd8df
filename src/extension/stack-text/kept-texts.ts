import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Texts that are kept; the oldest go first. */
const MAX_TEXTS = 32;

/** Bytes of the longest text that is kept. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Keeps the texts of documents on disk from one window to the next, each by a name of its own. */
export class KeptTexts {
  readonly #folder: string | null;

  /** @param storage folder of the workspace's own, which may not be there yet; nothing is kept without one */
  constructor(storage: string | undefined) {
    this.#folder = storage === undefined ? null : path.join(storage, 'texts');
  }

  /** Keeps these, as far as the disk takes them; at once, for a window that closes waits for nobody. */
  keep(texts: ReadonlyMap<string, Uint8Array>): void {
    try {
      if (this.#folder !== null && texts.size > 0) {
        this.#write(this.#folder, texts);
      }
    } catch {
      // Nobody is there any more to be told; who looks for them reads that they are not there.
    }
  }

  #write(folder: string, texts: ReadonlyMap<string, Uint8Array>): void {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const [name, bytes] of texts) {
      const file = this.#file(folder, name);
      if (bytes.length <= MAX_BYTES) {
        writeFileSync(file, bytes, { mode: 0o600 });
      } else {
        // One of an earlier window would be taken for it.
        rmSync(file, { force: true });
      }
    }
    const files = readdirSync(folder).map((file) => path.join(folder, file));
    const newest = files.map((file) => ({ file, at: statSync(file).mtimeMs })).sort((a, b) => b.at - a.at);
    for (const { file } of newest.slice(MAX_TEXTS)) {
      rmSync(file, { force: true });
    }
  }

  /** Null for what was not kept. */
  read(name: string): Uint8Array | null {
    try {
      return this.#folder === null ? null : readFileSync(this.#file(this.#folder, name));
    } catch {
      return null;
    }
  }

  forget(name: string): void {
    try {
      if (this.#folder !== null) {
        rmSync(this.#file(this.#folder, name), { force: true });
      }
    } catch {
      // It goes when others come.
    }
  }

  #file(folder: string, name: string): string {
    return path.join(folder, createHash('sha256').update(name).digest('hex'));
  }
}

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Disposable } from '../../core/lifetime.ts';
import type { ByteSource } from '../../core/symbols/debug-file.ts';

/** The bytes of a file on disk, which stays open until it is disposed. */
export class FileSource implements ByteSource, Disposable {
  readonly size: number;
  /** Tells one state of the file from another: size and time, not the content. */
  readonly stamp: string;
  #fd: number | null;

  /** @throws Error as node:fs does */
  constructor(path: string) {
    const fd = openSync(path, 'r');
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) {
        throw new Error(`${path} is no file`);
      }
      this.size = stat.size;
      this.stamp = stampOf(stat);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.#fd = fd;
  }

  read(offset: number, length: number, into?: Uint8Array): Uint8Array {
    if (this.#fd === null) {
      throw new Error('the file was closed');
    }
    const bytes = into ?? new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const got = readSync(this.#fd, bytes, at, length - at, offset + at);
      if (got === 0) {
        break; // It became shorter.
      }
      at += got;
    }
    return at === length ? bytes : bytes.subarray(0, at);
  }

  dispose(): void {
    if (this.#fd !== null) {
      closeSync(this.#fd);
      this.#fd = null;
    }
  }
}

/** See {@link FileSource.stamp}. */
export function stampOf(stat: { readonly size: number; readonly mtimeMs: number; readonly ino: number }) {
  // Whole milliseconds: whoever sets the other time of a file rounds this one.
  return `${stat.size} ${Math.round(stat.mtimeMs)} ${stat.ino}`;
}

import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Failure } from '../../core/failure.ts';
import { readHeader, readSession } from '../../core/tracing/sessions/read.ts';
import type { KeptSession, SessionHeader } from '../../core/tracing/sessions/session.ts';
import { EXTENSION, keepsSessions } from './kept-files.ts';

/** What is kept: the newest sessions, within both limits. */
const MOST_FILES = 100;
const MOST_BYTES = 512 * 1024 ** 2;

/** A larger file is not opened: no session that is kept here grows so long. */
export const MOST_FILE_BYTES = 64 * 1024 ** 2;
const MOST_OPENED_BYTES = 4 * MOST_FILE_BYTES;

/** A first line is rarely longer, and never longer, in bytes. */
const HEAD = 8 * 1024;
const MOST_HEAD = 512 * 1024;

/** A session that is kept. */
export interface KeptFile {
  readonly path: string;
  readonly header: SessionHeader;
  /** In bytes. */
  readonly size: number;
}

/** The folder where sessions are kept, a file each. */
export class SessionStore {
  constructor(readonly folder: string) {}

  /** Whether there may be any; costs less than to list them. */
  hasAny(): Promise<boolean> {
    return keepsSessions(this.folder);
  }

  /** The newest first; files that are no sessions are left out. */
  async list(): Promise<KeptFile[]> {
    const names = await readdir(this.folder).catch(() => []);
    const found = await Promise.all(
      names
        .filter((name) => name.endsWith(EXTENSION))
        .map((name) => this.#look(path.join(this.folder, name))),
    );
    return found
      .filter((file) => file !== null)
      .sort((a, b) => b.header.startedAt - a.header.startedAt || (a.path < b.path ? 1 : -1));
  }

  /** A path for a new session; makes room for it. */
  async claim(header: SessionHeader): Promise<string> {
    await mkdir(this.folder, { recursive: true });
    await this.#makeRoom();
    const time = new Date(header.startedAt).toISOString().replace(/[:.]/g, '-').slice(0, 19);
    const symbol = (header.functions[0]?.symbol ?? 'trace').replace(/\W/g, '_').slice(0, 60);
    return path.join(this.folder, `${time}-${symbol}-${randomBytes(3).toString('hex')}${EXTENSION}`);
  }

  /** @throws Failure for what is not of this folder */
  async remove(file: string): Promise<void> {
    if (path.dirname(path.resolve(file)) !== path.resolve(this.folder)) {
      throw new Failure('bad-request', 'Only sessions that ZScope keeps itself can be deleted here.');
    }
    await rm(file, { force: true });
  }

  async #look(file: string): Promise<KeptFile | null> {
    try {
      const handle = await open(file);
      try {
        const { size } = await handle.stat();
        for (const length of [HEAD, MOST_HEAD]) {
          const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.min(size, length)), 0, null, 0);
          const newline = buffer.subarray(0, bytesRead).indexOf('\n');
          if (newline >= 0) {
            return { path: file, size, header: readHeader(buffer.toString('utf8', 0, newline)) };
          }
        }
        return null;
      } finally {
        await handle.close();
      }
    } catch {
      return null; // Another window removed it, or it is none.
    }
  }

  async #makeRoom(): Promise<void> {
    const names = (await readdir(this.folder))
      .filter((name) => name.endsWith(EXTENSION))
      .sort()
      .reverse();
    let bytes = 0;
    for (const [i, name] of names.entries()) {
      const file = path.join(this.folder, name);
      bytes += (await stat(file).catch(() => null))?.size ?? 0;
      if (i >= MOST_FILES - 1 || bytes > MOST_BYTES - MOST_FILE_BYTES) {
        await rm(file, { force: true });
      }
    }
  }
}

/** @throws Failure when it cannot be read or is no session */
export async function readSessionFile(file: string): Promise<KeptSession> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > MOST_OPENED_BYTES) {
      throw new Failure('bad-request', 'This trace session is larger than any that ZScope keeps.');
    }
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Failure) {
      throw error;
    }
    throw new Failure(
      'bad-request',
      'The file of this trace session cannot be read.',
      'It may have been removed.',
    );
  }
  return readSession(text);
}

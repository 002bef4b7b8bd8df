import { type FileHandle, open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { Failure } from '../core/failure.ts';
import {
  type ModuleFileHeader,
  type ModuleFileParams,
  moduleFile,
  type NoModuleFile,
  type Packing,
  type RemoteFile,
} from './collectors/module-file.ts';
import type { Connection } from './connection.ts';

export interface ModuleDownload extends Omit<ModuleFileParams, 'resume'> {
  /** Where the bytes go, as they come: still packed. What is there of the same file is kept. */
  readonly part: string;
}

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  /**
   * @param total bytes that come; null when that is not known: the target packs the file
   * @param size bytes of the file on the target
   */
  readonly progress?: (done: number, total: number | null, size: number) => void;
}

/**
 * Reads the file of a loaded module into `part`. After a break the next call for the same part goes on
 * where this one ended, if the file on the target is the same by path, size and time.
 * @returns which file it was, or that the target has none (more)
 * @throws Failure as Connection.download, or what writing the part threw
 */
export async function downloadModule(
  connection: Connection,
  { part, ...wanted }: ModuleDownload,
  options: DownloadOptions = {},
): Promise<RemoteFile | NoModuleFile> {
  const resume = await readPart(part);
  const writer = new PartWriter(part, options.progress ?? (() => {}));
  try {
    await connection.download(
      moduleFile,
      { ...wanted, resume },
      writer,
      options.signal === undefined ? {} : { signal: options.signal },
    );
    return writer.file;
  } finally {
    await writer.close();
  }
}

/** What gzip adds to a file that it cannot make smaller, beside a hundredth; bytes. */
const GZIP_MORE = 4096;

/** Writes bytes behind one another; the record beside the part says of which file they are. */
class PartWriter {
  file: RemoteFile | NoModuleFile = 'none';
  #handle: FileHandle | null = null;
  #at = 0;
  #total: number | null = null;
  #size = 0;
  #most = 0;

  constructor(
    private readonly part: string,
    private readonly progress: NonNullable<DownloadOptions['progress']>,
  ) {}

  async header(header: ModuleFileHeader | NoModuleFile): Promise<void> {
    if (typeof header === 'string') {
      this.file = header;
      return;
    }
    this.file = header.file;
    this.#total = header.total;
    this.#size = header.file.size;
    this.#most = header.total ?? header.file.size + header.file.size / 100 + GZIP_MORE;
    this.#at = header.offset;
    // Emptied before the record changes, so that bytes never stand under another file's record.
    this.#handle = await open(this.part, header.offset === 0 ? 'w' : 'r+', 0o600);
    await this.#handle.truncate(header.offset);
    const record = recordOf(this.part);
    await writeFile(`${record}.new`, JSON.stringify(header.file), { mode: 0o600 });
    await rename(`${record}.new`, record);
    this.progress(this.#at, this.#total, this.#size);
  }

  async bytes(piece: Buffer): Promise<void> {
    if (this.#handle === null) {
      return; // What follows the word that there is no file.
    }
    if (this.#at + piece.length > this.#most) {
      throw new Failure(
        'bad-output',
        'The target sends more than the file of the module holds.',
        'Try again: the file may just be written.',
      );
    }
    for (let from = 0; from < piece.length; ) {
      const { bytesWritten } = await this.#handle.write(piece, from, piece.length - from, this.#at);
      from += bytesWritten;
      this.#at += bytesWritten;
    }
    this.progress(this.#at, this.#total, this.#size);
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }
}

/** The file beside a part that says what it is a part of. */
function recordOf(part: string): string {
  return `${part}.json`;
}

async function readPart(part: string): Promise<ModuleFileParams['resume']> {
  try {
    const [{ size }, text] = await Promise.all([stat(part), readFile(recordOf(part), 'utf8')]);
    const file = recorded(JSON.parse(text));
    return file === null || size === 0 ? null : { file, offset: size };
  } catch {
    return null; // Nothing there, or cut short by a crash: from the beginning.
  }
}

function recorded(value: unknown): RemoteFile | null {
  if (
    typeof value === 'object' &&
    value !== null &&
    'path' in value &&
    'size' in value &&
    'mtime' in value &&
    'packing' in value
  ) {
    const { path, size, mtime, packing } = value;
    if (
      typeof path === 'string' &&
      !path.includes('\0') &&
      typeof size === 'number' &&
      typeof mtime === 'number' &&
      isPacking(packing)
    ) {
      return { path, size, mtime, packing };
    }
  }
  return null;
}

function isPacking(value: unknown): value is Packing {
  return value === 'none' || value === 'gz' || value === 'xz' || value === 'zst';
}

import { appendFile, mkdir, readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Disposable } from '../../core/lifetime.ts';
import type { ActivityRecord } from '../../target/activity.ts';

/** When the file is this large it becomes the older one, in place of that before; bytes. */
const LARGEST = 4 * 1024 * 1024;
/** Records are written together, so that polling costs a write now and then; ms. */
const DELAY_MS = 1000;

/**
 * The file with all that ran on targets: JSON Lines, one record a line, the newest last. It and the one
 * before it take at most 8 MiB. Several windows write to the same one, each whole lines.
 */
export class ActivityFile implements Disposable {
  readonly file: string;
  readonly older: string;
  #lines: string[] = [];
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly folder: string,
    private readonly log: { warn(line: string): void },
    private readonly largest = LARGEST,
  ) {
    this.file = path.join(folder, 'activity.jsonl');
    this.older = path.join(folder, 'activity.1.jsonl');
  }

  write(record: ActivityRecord): void {
    this.#lines.push(`${JSON.stringify(record)}\n`);
    this.#timer ??= setTimeout(() => void this.flush(), DELAY_MS);
  }

  /** Resolves when all records are in the file; never rejects. */
  flush(): Promise<void> {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    const text = this.#lines.join('');
    this.#lines = [];
    if (text !== '') {
      this.#writing = this.#writing.then(async () => {
        try {
          await this.#append(text);
        } catch (error) {
          this.log.warn(`${this.file} cannot be written: ${String(error)}`);
        }
      });
    }
    return this.#writing;
  }

  async #append(text: string): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const size = await stat(this.file).then(
      (found) => found.size,
      () => 0,
    );
    if (size > 0 && size + text.length > this.largest) {
      await rename(this.file, this.older);
    }
    await appendFile(this.file, text, { mode: 0o600 });
  }

  /** The records of both files, oldest first; at most so many of the newest. */
  async read(most: number): Promise<ActivityRecord[]> {
    await this.flush();
    const texts = await Promise.all(
      [this.older, this.file].map((file) => readFile(file, 'utf8').catch(() => '')),
    );
    const lines = texts.join('').split('\n');
    return lines.slice(-most - 1).flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line) as ActivityRecord]; // our own, of this shape
      } catch {
        return []; // A line that a crash cut short.
      }
    });
  }

  dispose(): void {
    void this.flush();
  }
}

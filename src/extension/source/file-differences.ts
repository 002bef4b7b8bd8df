import { stat } from 'node:fs/promises';
import path from 'node:path';
import { BoundedMap } from '../../core/bounded-map.ts';
import { changedSources } from './git.ts';
import type { FileRevision } from './revision-uri.ts';

/** Files that are remembered; of a hang one looks at a dozen. */
const MAX_FILES = 512;

interface Known {
  /** Of the file when git was asked. */
  readonly sign: string;
  readonly differs: Promise<boolean | null>;
}

/** Knows which files on disk are others than in a commit: git is asked once as long as a file stays what it is. */
export class FileDifferences {
  readonly #known = new BoundedMap<string, Known>(MAX_FILES);

  constructor(private readonly ask: typeof changedSources = changedSources) {}

  /** Whether a file is another than it was; null when git cannot say. */
  async of({ folder, commit, path: file }: FileRevision): Promise<boolean | null> {
    // A commit stays what it is, whatever HEAD is: only the file can change.
    const sign = await signOf(path.join(folder, file));
    const key = [folder, commit, file].join('\0');
    const known = this.#known.get(key);
    if (known?.sign === sign) {
      return known.differs;
    }
    const differs = this.ask(folder, commit).then((changed) => changed?.includes(file) ?? null);
    const mine = { sign, differs };
    this.#known.set(key, mine);
    const answer = await differs;
    if (answer === null && this.#known.get(key) === mine) {
      this.#known.delete(key);
    }
    return answer;
  }
}

/** What a file has that another one under its name, or another text in it, hardly has. */
async function signOf(file: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(' ');
  } catch {
    return '';
  }
}

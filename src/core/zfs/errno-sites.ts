import { errnoName } from './errno.ts';
import { isExpectedError } from './errno-expected.ts';
import type { RaisedError } from './errno-lines.ts';

/** Places with an error that are told apart; what comes from further ones is only counted. */
const MOST_SITES = 5000;

/** The last occurrences of a place that are kept. */
const RECENT = 20;

/** Tasks of a place that are told apart. */
const MOST_TASKS = 100;

/** One error at one line. */
export interface ErrorSite {
  /** Tells it from all others. */
  readonly key: string;
  readonly file: string;
  readonly function: string;
  readonly line: number;
  readonly errno: number;
  /** `ENOENT`, or the number where it has no name. */
  readonly name: string;
  /** An answer rather than a failure; see {@link isExpectedError}. */
  readonly expected: boolean;
  readonly count: number;
  /** When it came last, by the caller's clock in milliseconds. */
  readonly lastAt: number;
  /** The last occurrences, newest first. */
  readonly recent: readonly RaisedError[];
  /** How often each task raised it, by its name. */
  readonly tasks: ReadonlyMap<string, number>;
}

interface MutableSite extends ErrorSite {
  count: number;
  lastAt: number;
  recent: RaisedError[];
  tasks: Map<string, number>;
}

/** Counts errors by the line that raised them. */
export class ErrorSites {
  readonly #sites = new Map<string, MutableSite>();
  #count = 0;
  #uncounted = 0;
  /** The last error: its time with the shift, and when it came. */
  #last: { readonly time: number; readonly now: number } | null = null;
  /** Added to each time, in seconds. */
  #shift = 0;
  #isAnew = false;

  /** All errors that came. */
  get count(): number {
    return this.#count;
  }

  /** Those among them whose place is not listed, because there are too many. */
  get uncounted(): number {
    return this.#uncounted;
  }

  /** In the order in which they first came. */
  get all(): ErrorSite[] {
    return [...this.#sites.values()];
  }

  at(key: string): ErrorSite | undefined {
    return this.#sites.get(key);
  }

  /** @param now milliseconds, of any clock that goes on evenly */
  add(raised: RaisedError, now: number): void {
    this.#count += 1;
    if (this.#isAnew && this.#last !== null) {
      this.#shift = this.#last.time + (now - this.#last.now) / 1000 - raised.time;
    }
    this.#isAnew = false;
    const error = this.#shift === 0 ? raised : { ...raised, time: raised.time + this.#shift };
    this.#last = { time: error.time, now };
    const key = `${error.file}:${error.line}:${error.function}:${error.errno}`;
    let site = this.#sites.get(key);
    if (site === undefined) {
      if (this.#sites.size >= MOST_SITES) {
        this.#uncounted += 1;
        return;
      }
      site = {
        key,
        file: error.file,
        function: error.function,
        line: error.line,
        errno: error.errno,
        name: errnoName(error.errno) ?? `${error.errno}`,
        expected: isExpectedError(error),
        count: 0,
        lastAt: now,
        recent: [],
        tasks: new Map(),
      };
      this.#sites.set(key, site);
    }
    site.count += 1;
    site.lastAt = now;
    site.recent.unshift(error);
    site.recent.length = Math.min(site.recent.length, RECENT);
    if (site.tasks.has(error.comm) || site.tasks.size < MOST_TASKS) {
      site.tasks.set(error.comm, (site.tasks.get(error.comm) ?? 0) + 1);
    }
  }

  /** The times of errors that come from now on are those of another boot: they follow on the ones before. */
  clockBeginsAnew(): void {
    this.#isAnew = true;
  }

  clear(): void {
    this.#sites.clear();
    this.#count = 0;
    this.#uncounted = 0;
  }
}

/** The file's own name. */
export function baseName(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1);
}

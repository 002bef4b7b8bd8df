import { createHash } from 'node:crypto';
import type { Grade } from './collector.ts';
import type { JobResult, JobSpec } from './remote-job.ts';

/** One line of the record of all that ran on targets. */
export interface ActivityRecord {
  /** ISO 8601, UTC: when it began, by this machine's clock. */
  readonly at: string;
  readonly target: string;
  /** boot_id of the target; null before it was asked. */
  readonly boot: string | null;
  /** `root` when it ran as root, else the account. */
  readonly user: string;
  /** The collector. */
  readonly name: string;
  readonly title: string;
  readonly grade: Grade;
  /** The first 16 hex digits of the SHA-256 of what was given to the shell. */
  readonly script: string;
  /** `started`: a stream has begun, and its end is a record of its own. */
  readonly end: 'started' | 'finished' | 'stopped' | 'lost' | 'failed';
  /** Exit status; null when unknown. */
  readonly status: number | null;
  /** From the beginning, milliseconds. */
  readonly ms: number;
  /** Received from the script. */
  readonly bytes: number;
}

/** Writes the records of one script: at most one `started`, exactly one of the others. */
export class ActivityEntry {
  readonly #at = new Date().toISOString();
  readonly #startedAt = performance.now();
  readonly #script: string;
  #over = false;

  constructor(
    private readonly about: Pick<ActivityRecord, 'target' | 'boot' | 'user' | 'name' | 'title' | 'grade'>,
    spec: JobSpec,
    private readonly sink: (record: ActivityRecord) => void,
  ) {
    const text = `${spec.preamble}${spec.script ?? spec.ahead ?? ''}\n${spec.cleanup}`;
    this.#script = createHash('sha256').update(text).digest('hex').slice(0, 16);
  }

  started(): void {
    this.#write('started', null, 0);
  }

  /** It did what it was to do. */
  done(): void {
    this.#last('finished', 0, 0);
  }

  /** It ended by itself, or was stopped, or was lost. */
  ended(result: JobResult, bytes: number): void {
    const { end } = result;
    if (end === null) this.#last(result.unanswered ? 'stopped' : 'lost', null, bytes);
    else if (end.why === 'finished') this.#last(end.status === 0 ? 'finished' : 'failed', end.status, bytes);
    else this.#last(end.why === 'stopped' ? 'stopped' : 'lost', null, bytes);
  }

  /** It was not waited for any longer, or never began. Nothing where its end is known already. */
  failed(why: 'stopped' | 'lost' | 'failed', bytes: number): void {
    this.#last(why, null, bytes);
  }

  #last(end: ActivityRecord['end'], status: number | null, bytes: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#write(end, status, bytes);
  }

  #write(end: ActivityRecord['end'], status: number | null, bytes: number): void {
    const ms = Math.round(performance.now() - this.#startedAt);
    this.sink({ at: this.#at, ...this.about, script: this.#script, end, status, ms, bytes });
  }
}

import { isFailure } from '../core/failure.ts';
import { inert } from '../core/text/inert.ts';
import type { ActivityEntry } from './activity.ts';
import { account, describe } from './job-outcome.ts';
import type { JobResult } from './remote-job.ts';

/** What one script comes to, for the Log and for the record of activity. */
export class RunReport {
  readonly #startedAt = performance.now();
  #stderr = '';
  #bytes = 0;

  constructor(
    private readonly name: string,
    private readonly log: (line: string) => void,
    private readonly entry: ActivityEntry,
  ) {}

  /** Bytes came from the script. */
  received(count: number): void {
    this.#bytes += count;
  }

  started(): void {
    this.#line('started');
    this.entry.started();
  }

  /** It was told, and nothing more is heard of it. */
  done(how: string): void {
    this.#line(how);
    this.entry.done();
  }

  ended(result: JobResult): void {
    this.#stderr = result.stderr;
    this.entry.ended(result, this.#bytes);
    this.#line(`${this.#bytes} bytes, ${describe(result)}`);
  }

  /** What the target said on stderr, whatever came of it. */
  account(): void {
    for (const line of account(this.#stderr, [])) this.log(`${this.name}: ${line}`);
  }

  /**
   * It ended in an error for whoever asked. What the target said is told where the failure itself says
   * that the Log has it.
   */
  failed(error: unknown, output: readonly Buffer[]): void {
    this.entry.failed(endOf(error), this.#bytes);
    if (!isFailure(error)) return;
    this.#line(`${error.code}: ${inert(error.message, 500)}`);
    if (error.code !== 'script-failed' && error.code !== 'bad-output') return;
    for (const line of account(this.#stderr, output)) this.log(`${this.name}: ${line}`);
  }

  #line(how: string): void {
    this.log(`${this.name}: ${Math.round(performance.now() - this.#startedAt)} ms, ${how}`);
  }
}

/** What it means for a script that it was not waited for. */
export function endOf(error: unknown): 'stopped' | 'lost' | 'failed' {
  const code = isFailure(error) ? error.code : null;
  return code === 'cancelled' || code === 'timeout' ? 'stopped' : code === 'lost' ? 'lost' : 'failed';
}

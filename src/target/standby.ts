import type { JobHandlers, JobSpec, RemoteJob } from './remote-job.ts';

/** A job that waits on the target for its script, or is on its way there. */
export class Standby {
  /** The job once it waits; null when it could not be had. Never rejects. */
  readonly waiting: Promise<RemoteJob | null>;
  #sink: JobHandlers['payload'] = () => {};
  #hasBegun = false;

  /** @param open opens the job with these handlers */
  constructor(
    private readonly spec: JobSpec,
    open: (handlers: JobHandlers) => Promise<RemoteJob>,
  ) {
    this.waiting = new Promise((resolve) => {
      let job: RemoteJob | null = null;
      let isReady = false;
      const settle = (): void => {
        if (job !== null && isReady) resolve(job);
      };
      const handlers: JobHandlers = {
        ready: () => {
          isReady = true;
          settle();
        },
        payload: (bytes) => this.#sink(bytes),
      };
      open(handlers).then(
        (opened) => {
          job = opened;
          settle();
          void opened.ended.then(() => resolve(null));
        },
        () => resolve(null),
      );
    });
  }

  /** Whether a job of this kind is what waits here. */
  fits({ root, preamble, cleanup }: JobSpec): boolean {
    return this.spec.root === root && this.spec.preamble === preamble && this.spec.cleanup === cleanup;
  }

  /**
   * Has it run a script; what that prints goes to the sink. Null when it is gone meanwhile, or nobody
   * waits for it any more; then it is stopped.
   */
  async begin(script: string, sink: JobHandlers['payload'], signal: AbortSignal): Promise<RemoteJob | null> {
    const job = await this.waiting;
    if (job === null || job.isOver) return null;
    signal.addEventListener('abort', () => job.stop(), { once: true });
    if (signal.aborted) {
      job.stop();
      return null;
    }
    this.#sink = sink;
    this.#hasBegun = true;
    job.begin(script);
    return job;
  }

  /** Has it do what it can ahead of its script. */
  async goAhead(): Promise<void> {
    const job = await this.waiting;
    if (job !== null && !job.isOver && !this.#hasBegun) job.goAhead();
  }

  /** Ends it; resolves when its channel is free again. */
  async drop(): Promise<void> {
    const job = await this.waiting;
    job?.stop();
    await job?.left;
  }
}

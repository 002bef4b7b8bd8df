import { Failure } from '../core/failure.ts';
import type { DownloadCollector } from './collector.ts';
import type { ByteSink } from './connection.ts';

const LINE_FEED = 0x0a;
/** Longer than any path (PATH_MAX, include/uapi/linux/limits.h) with what stands beside it. */
const LONGEST_HEADER = 8192;

/** Takes a download's payload apart: the header's line, then bytes, one piece after the other. */
export class Download<P, H> {
  #header: Buffer | null = Buffer.alloc(0);
  #last: Promise<void> = Promise.resolve();
  #failed = false;

  constructor(
    private readonly collector: DownloadCollector<P, H>,
    private readonly params: P,
    private readonly sink: ByteSink<H>,
    /** Called once, with what the header's decoder or the sink threw. */
    private readonly fail: (error: unknown) => void,
  ) {}

  /** Settles when the piece was taken in; never rejects. */
  push(piece: Buffer): Promise<void> {
    this.#last = this.#last.then(async () => {
      if (this.#failed) return;
      try {
        await this.#take(piece);
      } catch (error) {
        this.#failed = true;
        this.fail(error);
      }
    });
    return this.#last;
  }

  /** Settles when all is in the sink. @throws Failure when there was not even a header */
  async end(): Promise<void> {
    await this.#last;
    if (this.#header !== null && !this.#failed) throw noHeader(this.collector.title);
  }

  async #take(piece: Buffer): Promise<void> {
    if (this.#header === null) {
      await this.sink.bytes(piece);
      return;
    }
    const begun = Buffer.concat([this.#header, piece]);
    const lineEnd = begun.indexOf(LINE_FEED);
    if (lineEnd < 0) {
      if (begun.length > LONGEST_HEADER) throw noHeader(this.collector.title);
      this.#header = begun;
      return;
    }
    this.#header = null;
    await this.sink.header(this.collector.header(begun.toString('utf8', 0, lineEnd), this.params));
    if (lineEnd + 1 < begun.length) await this.sink.bytes(begun.subarray(lineEnd + 1));
  }
}

function noHeader(title: string): Failure {
  return new Failure(
    'bad-output',
    `${title}: the target answered something else than it was asked.`,
    'Show Log has what it said.',
  );
}

/** How a supervised job ended, as its supervisor said it. */
export interface JobEnd {
  /** `finished` by itself, `stopped` because stdin ended or a signal came, `silent` because no beat came. */
  readonly why: 'finished' | 'stopped' | 'silent';
  /** Exit status of the job; for an ended job what the shell made of the signal. */
  readonly status: number;
  /**
   * What is left of the job: nothing, a process that could not be ended, not even by SIGKILL (`stuck`), or
   * what its clean-up says on stderr that it could not remove (`rests`).
   */
  readonly left: 'none' | 'stuck' | 'rests';
}

export interface FrameSink {
  ready(): void;
  /** A piece of the job's output. Only valid during the call. */
  payload(bytes: Buffer): void;
  end(end: JobEnd): void;
}

const LINE_FEED = 0x0a;
/** A mark's longest line after its nonce; longer is not a mark of ours. */
const LONGEST_MARK = 64;
const NOTHING = Buffer.alloc(0);

/**
 * Takes a channel's stdout apart: whatever a login shell printed before the ready mark is dropped,
 * then comes payload, then the end mark; what follows that is dropped too. Gives the same calls
 * (but for where payload is cut) however the bytes are cut. Payload is held back only when its last
 * bytes may be the beginning of a mark.
 */
export class FrameReader {
  readonly #mark: Buffer;
  readonly #sink: FrameSink;
  #state: 'before' | 'payload' | 'after' = 'before';
  #held: Buffer = NOTHING;

  constructor(nonce: string, sink: FrameSink) {
    this.#mark = Buffer.from(`\x1e${nonce} `, 'latin1');
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    if (this.#state === 'after') return;
    let data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = NOTHING;
    while (data.length > 0 && !this.#isOver()) {
      const at = data.indexOf(this.#mark);
      if (at < 0) {
        const keep = partialMark(data, this.#mark);
        this.#pass(data.subarray(0, data.length - keep));
        this.#held = Buffer.from(data.subarray(data.length - keep));
        return;
      }
      this.#pass(data.subarray(0, at));
      const from = at + this.#mark.length;
      const lineEnd = data.indexOf(LINE_FEED, from);
      if (lineEnd < 0 && data.length - from <= LONGEST_MARK) {
        this.#held = Buffer.from(data.subarray(at));
        return;
      }
      const known = lineEnd >= 0 && this.#take(data.toString('latin1', from, lineEnd));
      if (known) {
        data = data.subarray(lineEnd + 1);
      } else {
        // The nonce without a word of ours: somebody prints it back. It is payload like any other.
        this.#pass(data.subarray(at, from));
        data = data.subarray(from);
      }
    }
  }

  #isOver(): boolean {
    return this.#state === 'after';
  }

  #pass(bytes: Buffer): void {
    if (this.#state === 'payload' && bytes.length > 0) this.#sink.payload(bytes);
  }

  #take(line: string): boolean {
    if (this.#state === 'before') {
      if (line !== 'ready') return false;
      this.#state = 'payload';
      this.#sink.ready();
      return true;
    }
    const end = /^end (finished|stopped|silent) (\d{1,3}) (none|stuck|rests)$/.exec(line);
    const why = end?.[1];
    const left = end?.[3];
    if (why !== 'finished' && why !== 'stopped' && why !== 'silent') return false;
    if (left !== 'none' && left !== 'stuck' && left !== 'rests') return false;
    this.#state = 'after';
    this.#sink.end({ why, status: Number(end?.[2]), left });
    return true;
  }
}

/** How many bytes at the end of `data` are a beginning of `mark`. */
function partialMark(data: Buffer, mark: Buffer): number {
  const first = mark[0] ?? 0;
  let at = data.indexOf(first, Math.max(0, data.length - mark.length + 1));
  while (at >= 0) {
    const length = data.length - at;
    if (data.compare(mark, 0, length, at) === 0) return length;
    at = data.indexOf(first, at + 1);
  }
  return 0;
}

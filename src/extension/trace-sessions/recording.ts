import { createWriteStream, type WriteStream } from 'node:fs';
import type { Disposable } from '../../core/lifetime.ts';
import type { TraceCounters, TraceEvent, TraceTally } from '../../core/tracing/events.ts';
import type { SessionHeader } from '../../core/tracing/sessions/session.ts';
import { SessionLines } from '../../core/tracing/sessions/write.ts';
import { MOST_FILE_BYTES, type SessionStore } from './session-store.ts';

/** What the disk has not taken yet may grow so large, in bytes; what comes then is dropped and counted. */
const MOST_WAITING = 16 * 1024 ** 2;

/** So long the first call is waited for before the target is asked anything: its answer would delay that. Milliseconds. */
const FIRST_CALL_MS = 1000;

/** A session as far as it is recorded. */
export interface RecordedSession {
  readonly started: object | null;
  readonly tallies: readonly TraceTally[];
  readonly counters: TraceCounters | null;
  /** Whether what was recorded last may be missing, should it have ended. */
  readonly isCut: boolean;
  listen(listener: (batch: readonly TraceEvent[]) => void): Disposable;
}

/** Writes a session to its file as it goes on; begins when the first probe is set. */
export class Recording implements Disposable {
  readonly #lines = new SessionLines();
  readonly #listener: Disposable;
  #file: Promise<WriteStream | null> | null = null;
  #stream: WriteStream | null = null;
  /** Text that waits for the file to be open. */
  #waiting: string[] = [];
  #bytes = 0;
  #dropped = 0;
  /** As the file's first line has them. */
  #known: Pick<SessionHeader, 'functions' | 'program'> = { functions: [], program: '' };
  #ended = false;
  /** Ends the wait for the first call. */
  #proceed: () => void = () => {};
  #ending: Promise<void> | null = null;

  /**
   * @param header what the session is; asked for when it starts, and when it ends for functions that joined
   * @param completed the header of the start with what has to be asked for first
   * @param begun called when the file is there
   */
  constructor(
    private readonly store: SessionStore,
    private readonly session: RecordedSession,
    private readonly header: () => SessionHeader,
    private readonly completed: (header: SessionHeader) => Promise<SessionHeader>,
    private readonly begun: () => void,
  ) {
    this.#listener = session.listen((batch) => this.#take(batch));
  }

  #take(batch: readonly TraceEvent[]): void {
    if (this.session.started === null || this.#ended) {
      return;
    }
    this.#file ??= this.#open();
    if (batch.length > 0) {
      this.#proceed();
    }
    let text = '';
    for (const event of batch) {
      if (this.#bytes + text.length > MOST_FILE_BYTES || (this.#stream?.writableLength ?? 0) > MOST_WAITING) {
        this.#dropped += 1;
      } else {
        text += this.#lines.event(event);
      }
    }
    this.#write(text);
  }

  async #open(): Promise<WriteStream | null> {
    const begun = this.header();
    this.#known = begun;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, FIRST_CALL_MS);
      this.#proceed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    try {
      const header = await this.completed(begun);
      const file = await this.store.claim(header);
      const stream = createWriteStream(file, { flags: 'wx', mode: 0o600 });
      // A full disk ends the recording, not the trace.
      stream.on('error', () => {
        this.#ended = true;
      });
      stream.write(this.#lines.header(header));
      for (const text of this.#waiting) {
        stream.write(text);
      }
      this.#waiting = [];
      this.#stream = stream;
      stream.once('open', () => this.begun());
      return stream;
    } catch {
      this.#ended = true;
      this.#waiting = [];
      return null;
    }
  }

  #write(text: string): void {
    if (text === '') {
      return;
    }
    this.#bytes += text.length;
    if (this.#stream === null) {
      this.#waiting.push(text);
    } else {
      this.#stream.write(text);
    }
  }

  /** Writes how it ended, the first time; resolves when the file is whole. */
  end(reason: string): Promise<void> {
    this.#listener.dispose();
    this.#proceed();
    this.#ending ??= this.#end(reason);
    return this.#ending;
  }

  async #end(reason: string): Promise<void> {
    if (this.#ended) {
      return;
    }
    if (this.#file !== null) {
      // Without a pause where the file is open: the window may be closing.
      const stream = this.#stream ?? (await this.#file);
      const { tallies, counters, isCut } = this.session;
      this.#write(
        this.#joined() +
          tallies.map((tally) => this.#lines.tally(tally)).join('') +
          this.#lines.end({
            endedAt: Date.now(),
            reason,
            calls: counters?.calls ?? null,
            overrun: counters?.overrun ?? 0,
            missed: counters?.missed ?? 0,
            dropped: this.#dropped,
            isCut,
          }),
      );
      this.#ended = true;
      await new Promise<void>((resolve) => {
        if (stream === null) {
          resolve();
        } else {
          stream.once('error', () => resolve());
          stream.end(() => resolve());
        }
      });
    }
    this.#ended = true;
  }

  /** What joined since the first line was written. */
  #joined(): string {
    const { functions, program } = this.header();
    const joined = functions.filter((one) => !this.#known.functions.includes(one));
    return (
      joined.map((one) => this.#lines.joined(one)).join('') +
      (program === this.#known.program ? '' : this.#lines.program(program))
    );
  }

  dispose(): void {
    void this.end('stopped');
  }
}

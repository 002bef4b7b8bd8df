import { inertBlock } from '../core/text/inert.ts';
import { LineSplitter } from '../core/text/lines.ts';
import type { Asking, ByteTaker, LineDecoder } from './collector.ts';
import type { StreamSink } from './connection.ts';

const LINE_FEED = 0x0a;

/** Makes events of a stream's bytes, and gives them to whoever wants them, once per piece. */
export class EventDelivery<E> {
  readonly #text = new TextDecoder('utf-8', { ignoreBOM: true });
  readonly #lines: LineSplitter;
  #bug: unknown = null;
  /** What the target is being asked for. */
  #waiting: Promise<void> | null = null;

  constructor(
    private readonly decoder: LineDecoder<E>,
    private readonly sink: StreamSink<E>,
    /** Called once when the decoder or the sink broke, with what to say in the Log. Nothing is delivered after that. */
    private readonly broke: (what: string) => void,
    /** Asks the target of the stream. */
    private readonly ask: Asking = () => Promise.reject(new Error('nobody is there to be asked')),
  ) {
    this.#lines = new LineSplitter(decoder.longestLine);
  }

  /** What broke; null for nothing. */
  get bug(): unknown {
    return this.#bug;
  }

  push(piece: Buffer): void {
    const { bytes } = this.decoder;
    this.#deliver(() => (bytes === undefined ? this.#read(piece) : this.#readMixed(piece, bytes)));
    if (this.#bug !== null) return;
    const followUp = this.decoder.followUp?.(this.ask) ?? null;
    if (followUp !== null) this.#waiting = followUp.then((events) => this.#deliver(() => events));
  }

  /** Lines, among which are bytes that are no text. */
  #readMixed(piece: Uint8Array, bytes: ByteTaker): E[] {
    const events: E[] = [];
    let rest = piece;
    while (rest.length > 0) {
      if (bytes.isOpen) {
        rest = bytes.push(rest);
        continue;
      }
      const end = rest.indexOf(LINE_FEED) + 1 || rest.length;
      for (const event of this.#read(rest.subarray(0, end))) events.push(event);
      rest = rest.subarray(end);
    }
    return events;
  }

  #read(piece: Uint8Array): E[] {
    return this.#lines
      .push(this.#text.decode(piece, { stream: true }))
      .flatMap((line) => this.decoder.line(line));
  }

  /** Resolves when all is delivered. */
  async end(): Promise<void> {
    await this.#waiting;
    this.#deliver(() => [
      ...[...this.#lines.push(this.#text.decode()), ...this.#lines.end()].flatMap((line) =>
        this.decoder.line(line),
      ),
      ...this.decoder.end(),
    ]);
  }

  #deliver(batch: () => readonly E[]): void {
    if (this.#bug !== null) return;
    try {
      const events = batch();
      if (events.length > 0) this.sink.events(events);
    } catch (error) {
      // A fault of ours must not leave the stream running unseen, nor break the connection.
      this.#bug = error;
      this.broke(inertBlock(error instanceof Error ? (error.stack ?? error.message) : String(error)));
    }
  }
}

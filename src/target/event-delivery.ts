import { inertBlock } from '../core/text/inert.ts';
import { LineSplitter } from '../core/text/lines.ts';
import type { LineDecoder } from './collector.ts';
import type { StreamSink } from './connection.ts';

/** Makes events of a stream's bytes, and gives them to whoever wants them, once per piece. */
export class EventDelivery<E> {
  readonly #text = new TextDecoder('utf-8', { ignoreBOM: true });
  readonly #lines: LineSplitter;
  #bug: unknown = null;

  constructor(
    private readonly decoder: LineDecoder<E>,
    private readonly sink: StreamSink<E>,
    /** Called once when the decoder or the sink broke, with what to say in the Log. Nothing is delivered after that. */
    private readonly broke: (what: string) => void,
  ) {
    this.#lines = new LineSplitter(decoder.longestLine);
  }

  /** What broke; null for nothing. */
  get bug(): unknown {
    return this.#bug;
  }

  push(piece: Buffer): void {
    this.#deliver(() =>
      this.#lines.push(this.#text.decode(piece, { stream: true })).flatMap((line) => this.decoder.line(line)),
    );
  }

  end(): void {
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

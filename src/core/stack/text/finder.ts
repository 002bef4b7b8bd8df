import { StackTextReader } from './reader.ts';

/**
 * Tells whether a text holds a frame, or a place with its function, as ZFS names them and compilers do not. The text
 * comes in pieces.
 */
export class FrameFinder {
  #isFound = false;
  readonly #reader = new StackTextReader((item) => {
    this.#isFound ||= item.kind === 'source' ? item.function !== null : item.kind !== 'heading';
  });

  /** Whether what came so far holds one: nothing more need come then. */
  push(text: string): boolean {
    this.#reader.push(text);
    return this.#isFound;
  }

  end(): boolean {
    this.#reader.end();
    return this.#isFound;
  }
}

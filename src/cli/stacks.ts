import type { Frame } from '../core/stack/frame.ts';
import { type FrameItem, frameOf, type StackItem } from '../core/stack/text/items.ts';
import { type TextTrace, TraceReader } from '../core/stack/traces.ts';

/** A frame of the text in its stack. */
export interface StackedFrame {
  readonly item: FrameItem;
  readonly frame: Frame;
  /** The frame that it called; null for the innermost of a stack and for a guess. */
  readonly inner: Frame | null;
}

/** Lines that are remembered: what tells whose a stack is may stand so far above it. */
const LINES = 12_000;

/** Parts the frames of a text into stacks, as they come. */
export class Stacks {
  /** The last lines of the text; the first of them has the number {@link #base}. */
  #lines: string[] = [];
  #base = 0;
  readonly #reader = new TraceReader((line) => this.#lines[line - this.#base] ?? '');

  /** Takes the next lines of the text, which all come before their items do; the last may have no newline. */
  push(text: string): void {
    if (text === '') {
      return;
    }
    for (const line of text.endsWith('\n') ? text.slice(0, -1).split('\n') : text.split('\n')) {
      this.#lines.push(line);
    }
    if (this.#lines.length > 2 * LINES) {
      this.#base += this.#lines.length - LINES;
      this.#lines = this.#lines.slice(-LINES);
    }
  }

  /** Null for what is no frame. */
  take(item: StackItem): StackedFrame | null {
    this.#reader.take(item, item.line - 1);
    if (item.kind !== 'frame') {
      return null;
    }
    const frames = this.#reader.openFrames;
    // A report names a function where it happened; that is none of its stack.
    const isLast = frames.at(-1)?.line === item.line - 1 && frames.at(-1)?.start === item.start;
    const inner = isLast && item.reliable ? innerOf(frames) : null;
    return { item, frame: frameOf(item), inner };
  }

  /** The stacks that are whole, each once. */
  takeWhole(): readonly TextTrace[] {
    return this.#reader.takeClosed();
  }

  /** Those that were left when the text ended. */
  end(): readonly TextTrace[] {
    this.#reader.end();
    return this.#reader.takeClosed();
  }
}

/** The reliable frame before the last. */
function innerOf(frames: readonly { readonly frame: Frame }[]): Frame | null {
  for (let at = frames.length - 2; at >= 0; at--) {
    const frame = frames[at]?.frame;
    if (frame?.reliable === true) {
      return frame;
    }
  }
  return null;
}

import type { Frame } from '../core/stack/frame.ts';
import { endsStack, MAX_GAP } from '../core/stack/parting.ts';
import type { FrameItem, HeadingItem, StackItem } from '../core/stack/text/items.ts';

/** A frame of the text in its stack. */
export interface StackedFrame {
  readonly item: FrameItem;
  readonly frame: Frame;
  /** The frame that it called; null for the innermost of a stack and for a guess. */
  readonly inner: Frame | null;
  /** The stack that it is of; the same for all frames of one. */
  readonly stack: TextStack;
}

/** A stack of the text. */
export interface TextStack {
  /** What was said of its task before it; null when nothing was. */
  readonly task: HeadingItem | null;
}

/** Parts the frames of a text into stacks, as they come. */
export class Stacks {
  #stack: TextStack = { task: null };
  #task: HeadingItem | null = null;
  #inner: Frame | null = null;
  #lastLine = Number.NEGATIVE_INFINITY;
  #isNew = true;

  /** Takes the lines that stood before the next item. */
  skip(lines: string): void {
    if (lines !== '' && !this.#isNew) {
      const rest = lines.split('\n', MAX_GAP);
      this.#isNew = rest.some((line, i) => (i < rest.length - 1 || line !== '') && endsStack(line));
    }
  }

  /** Null for what is no frame. */
  take(item: StackItem): StackedFrame | null {
    if (item.kind === 'heading') {
      this.#isNew = true;
      if (item.what !== 'stack') {
        this.#task = item.comm === null && item.pid === null ? null : item;
      }
      return null;
    }
    if (item.kind !== 'frame') {
      return null;
    }
    if (this.#isNew || item.line - this.#lastLine > MAX_GAP) {
      this.#stack = { task: this.#task };
      this.#inner = null;
      // What is said of a task counts for the stack that follows it.
      this.#task = null;
      this.#isNew = false;
    }
    this.#lastLine = item.line;
    const frame: Frame = {
      symbol: item.function,
      offset: item.offset ?? -1,
      size: item.size,
      module: item.module,
      reliable: item.reliable,
    };
    const inner = item.reliable ? this.#inner : null;
    if (item.reliable) {
      this.#inner = frame;
    }
    return { item, frame, inner, stack: this.#stack };
  }
}

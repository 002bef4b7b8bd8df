import type { Frame, Trace } from '../stack/frame.ts';
import { parseFrame } from '../stack/proc-stack.ts';

/** A traced function is called from few places: what is beyond this is not worth remembering. */
const LIMIT = 4096;

/**
 * Gives one object for equal frames and one for equal stacks, so that many calls of a function
 * cost little more than their differences. At `limit` different frames or stacks it forgets those
 * that it knows and starts anew; what it gave out stays as it is.
 */
export class StackPool {
  readonly #limit: number;
  /** By the text of the line. */
  readonly #frames = new Map<string, Frame>();
  /** By the numbers of their frames. */
  readonly #stacks = new Map<string, Trace>();
  /** Numbers are never given twice: those of frames that were forgotten say nothing about new ones. */
  readonly #numbers = new WeakMap<Frame, number>();
  #count = 0;

  constructor(limit: number = LIMIT) {
    this.#limit = limit;
  }

  /** What {@link parseFrame} reads from `text`. */
  frame(text: string): Frame | null {
    const known = this.#frames.get(text);
    if (known !== undefined) {
      return known;
    }
    const own = detached(text);
    const frame = parseFrame(own);
    if (frame !== null) {
      makeRoom(this.#frames, this.#limit);
      this.#frames.set(own, frame);
      this.#numbers.set(frame, this.#count++);
    }
    return frame;
  }

  /** The stack of these frames, which are of this pool. */
  stack(frames: Trace): Trace {
    const key = frames.map((frame) => this.#numbers.get(frame)).join();
    const known = this.#stacks.get(key);
    if (known !== undefined) {
      return known;
    }
    makeRoom(this.#stacks, this.#limit);
    this.#stacks.set(key, frames);
    return frames;
  }
}

function makeRoom(map: Map<string, unknown>, limit: number): void {
  if (map.size >= limit) {
    map.clear();
  }
}

/**
 * The same text in memory of its own. A part cut out of a string keeps all of that string in
 * memory (V8 copies only parts below 13 units); what is received comes in pieces of many KiB. Joining and
 * cutting once more makes the engine copy the part.
 */
export function detached(text: string): string {
  return ` ${text}`.slice(1);
}

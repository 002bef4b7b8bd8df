import type { CallEvent } from './events.ts';

/** A call whose return is waited for. */
interface Entered {
  readonly call: CallEvent;
  /** Low half of the stack pointer at the entry. */
  readonly pointer: number;
}

/** Stacks with open calls that are remembered: a task has one, and each CPU some for interrupts. */
const MOST_STACKS = 20_000;
/** Calls within each other on one stack. */
const MOST_WITHIN = 64;
/** Stacks are aligned to their size, 16 KiB at least on x86-64 and arm64 (THREAD_SIZE). */
const STACK_BITS = 14;

/**
 * Pairs entries and returns of one function by the stack that the call is on and where on it, which is
 * the same at both ends. So a missed return, or one that a filter held back, never gives its entry to another.
 */
export class CallPairs {
  readonly #stacks = new Map<string, Entered[]>();
  /** Returns whose entry is not known. */
  unpaired = 0;

  /**
   * @param shift stack pointer at the return less that at the entry, in bytes
   */
  constructor(private readonly shift: number) {}

  /** @param pointer stack pointer as the kernel prints it, `0xffffc900011b3a48` */
  enter(call: CallEvent, pointer: string): void {
    const low = lowHalf(pointer);
    const key = stackKey(call.pid, pointer, low);
    const open = this.#stacks.get(key);
    if (open === undefined) {
      if (this.#stacks.size >= MOST_STACKS) {
        const [oldest] = this.#stacks.keys();
        this.#stacks.delete(oldest ?? '');
      }
      this.#stacks.set(key, [{ call, pointer: low }]);
      return;
    }
    // Stacks grow down: what is not above the new call has returned unseen.
    while ((open.at(-1)?.pointer ?? Number.POSITIVE_INFINITY) <= low) {
      open.pop();
    }
    if (open.length >= MOST_WITHIN) {
      open.shift();
    }
    open.push({ call, pointer: low });
  }

  /** The call that returns here; null when its entry is not known. */
  leave(pid: number, pointer: string): CallEvent | null {
    const low = lowHalf(pointer) - this.shift;
    const key = stackKey(pid, pointer, low);
    const open = this.#stacks.get(key);
    while (open !== undefined && (open.at(-1)?.pointer ?? Number.POSITIVE_INFINITY) < low) {
      open.pop();
    }
    const last = open?.at(-1);
    if (open === undefined || last === undefined || last.pointer !== low) {
      this.unpaired += 1;
      return null;
    }
    open.pop();
    if (open.length === 0) {
      this.#stacks.delete(key);
    }
    return last.call;
  }

  /** The calls that have not returned, in the order of their entries. */
  open(): CallEvent[] {
    return [...this.#stacks.values()]
      .flatMap((entered) => entered.map(({ call }) => call))
      .sort((a, b) => a.time - b.time);
  }
}

function lowHalf(pointer: string): number {
  return Number.parseInt(pointer.slice(-8), 16);
}

function stackKey(pid: number, pointer: string, low: number): string {
  return `${pid} ${pointer.slice(0, -8)} ${low >>> STACK_BITS}`;
}

/** A place for one channel; giving it back twice does nothing. */
export interface Slot {
  release(): void;
}

/**
 * How many channels may be open at a time: six, since sshd allows ten sessions a connection by
 * default (MaxSessions) and ended commands hold theirs for a while. A server that allows fewer is
 * learnt by {@link shrink}. Streams stay for long, so they leave the last slot to questions.
 */
export class ChannelSlots {
  #limit: number;
  #taken = 0;
  readonly #waiting: Array<() => void> = [];

  constructor(limit = 6) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Whether a question would have to wait for one. */
  get isFull(): boolean {
    return this.#taken >= this.#limit;
  }

  /** Whether somebody waits for one. */
  get isWanted(): boolean {
    return this.#waiting.length > 0;
  }

  /** A slot at once, or null when a stream would take the last one. */
  tryForStream(): Slot | null {
    return this.#taken < Math.max(1, this.#limit - 1) ? this.#take() : null;
  }

  /** A slot for what is only kept ready, or null when work could want for it. */
  tryForStandby(): Slot | null {
    return this.#taken < this.#limit - 2 ? this.#take() : null;
  }

  /** Waits for a slot, first come first served. @throws signal.reason when aborted before. */
  async wait(signal: AbortSignal): Promise<Slot> {
    while (this.isFull) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          signal.removeEventListener('abort', wake);
          const at = this.#waiting.indexOf(wake);
          if (at >= 0) this.#waiting.splice(at, 1);
          resolve();
        };
        this.#waiting.push(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    }
    signal.throwIfAborted();
    return this.#take();
  }

  /** The server refused a channel while this many others were open: it allows no more. */
  shrink(open: number): void {
    this.#limit = Math.max(1, Math.min(this.#limit, open));
  }

  #take(): Slot {
    this.#taken += 1;
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        this.#taken -= 1;
        this.#waiting[0]?.();
      },
    };
  }
}

import type { Disposable } from '../core/lifetime.ts';

const TICK_MS = 250;
/**
 * Nothing received for so long: the machine is said to be silent. Keepalives ask every 2 s. With a tick
 * before it begins to count and one until it ends, a person hears of it within 5 s.
 */
const SILENT_MS = 4500;

/**
 * Watches how long nothing has been received. Time during which this process itself did not run (a
 * laptop asleep, a blocked event loop) does not count against the other side.
 */
export class Liveness implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #lastBytes: number;
  #quietMs = 0;
  #lastTick = performance.now();
  #silent = false;

  /**
   * @param received total of bytes received so far
   * @param deadMs called `dead` after so long without a byte
   */
  constructor(
    private readonly received: () => number,
    private readonly deadMs: number,
    private readonly on: { silent(): void; back(): void; dead(): void },
  ) {
    this.#lastBytes = received();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  #tick(): void {
    const now = performance.now();
    const passed = Math.min(now - this.#lastTick, 4 * TICK_MS);
    this.#lastTick = now;
    const bytes = this.received();
    if (bytes !== this.#lastBytes) {
      this.#lastBytes = bytes;
      this.#quietMs = 0;
      if (this.#silent) {
        this.#silent = false;
        this.on.back();
      }
      return;
    }
    this.#quietMs += passed;
    if (!this.#silent && this.#quietMs >= SILENT_MS) {
      this.#silent = true;
      this.on.silent();
    }
    if (this.#quietMs >= this.deadMs) {
      this.dispose();
      this.on.dead();
    }
  }

  dispose(): void {
    clearInterval(this.#timer);
  }
}

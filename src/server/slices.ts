/** Time that work may take before other requests get their turn, ms. */
const SLICE_MS = 10;

/**
 * Parts long synchronous work: the file calls that block cost a fifth of those that do not, but a
 * server has to answer in between.
 */
export class Slices {
  #started = performance.now();

  /** Whether it is time to `await` {@link next}. */
  get isOver(): boolean {
    return performance.now() - this.#started > SLICE_MS;
  }

  /** Lets everything else that waits run. */
  async next(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#started = performance.now();
  }
}

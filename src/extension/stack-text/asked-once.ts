import { isFailure } from '../../core/failure.ts';

/** What was asked for, each name once; again when asking failed for a reason that may pass. */
export class AskedOnce {
  readonly #names = new Set<string>();

  /**
   * @param ask is called with those of the names that were not asked for; not at all when there are none
   * @throws what `ask` throws; unless the person cancelled it, the same names are asked for the next time
   */
  async of(names: readonly string[], ask: (fresh: readonly string[]) => Promise<void>): Promise<void> {
    const fresh = names.filter((name) => !this.#names.has(name));
    if (fresh.length === 0) {
      return;
    }
    for (const name of fresh) {
      this.#names.add(name);
    }
    try {
      await ask(fresh);
    } catch (error) {
      if (!(isFailure(error) && error.code === 'cancelled')) {
        for (const name of fresh) {
          this.#names.delete(name);
        }
      }
      throw error;
    }
  }
}

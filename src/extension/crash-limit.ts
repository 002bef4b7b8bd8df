/** Decides whether a process that ended by itself is started again: not when it does so again and again. */
export class CrashLimit {
  #crashes: number[] = [];

  /**
   * @param most that many crashes within the time are one too many
   * @param withinMs the time, in milliseconds
   */
  constructor(
    private readonly most: number,
    private readonly withinMs: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** Notes a crash. @returns whether to start again */
  crashed(): boolean {
    const now = this.now();
    this.#crashes = [...this.#crashes.filter((time) => now - time <= this.withinMs), now];
    return this.#crashes.length < this.most;
  }
}

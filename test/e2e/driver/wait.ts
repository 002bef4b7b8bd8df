/** Waiting for what locators cannot express, and text as VS Code's renderer writes it. */
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a step may take before it counts as failed, ms. */
export const STEP_LIMIT = 30_000;

/**
 * Repeats `probe` until it gives something other than undefined, and returns that.
 * @throws Error "`what` did not happen within N s" with the last error of `probe`, if it threw.
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  limit = STEP_LIMIT,
): Promise<T> {
  const deadline = Date.now() + limit;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined) {
        return value;
      }
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what}: did not happen within ${limit / 1000} s`, { cause: last });
    }
    await sleep(100);
  }
}

/** Text with plain blanks: the editor renders them as no-break spaces. */
export function plain(text: string | null): string {
  return (text ?? '').replaceAll('\u00a0', ' ');
}

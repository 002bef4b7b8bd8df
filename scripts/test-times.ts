/** How long `npm test` took, cold and warm: kept in the cache folder for the benchmarks' table. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../test/support/paths.ts';

export interface TestTime {
  /** The image of the VM was built in that run. */
  readonly cold: boolean;
  readonly seconds: number;
  readonly passed: boolean;
}

const file = () => path.join(cacheFolder(), 'test-times.json');

/** The last cold and the last warm run on this machine; those that there were. */
export function recordedTimes(): readonly (TestTime & { readonly date: string })[] {
  try {
    return JSON.parse(readFileSync(file(), 'utf8'));
  } catch {
    return [];
  }
}

/** Keeps the time of a whole run in place of the last one of its kind. */
export function recordTime(time: TestTime): void {
  const others = recordedTimes().filter(({ cold }) => cold !== time.cold);
  mkdirSync(cacheFolder(), { recursive: true });
  writeFileSync(file(), JSON.stringify([...others, { ...time, date: new Date().toISOString() }]));
}

/** A VM that is stopped in its tracks, as by a debugger or a panic. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Connection } from '../../src/target/connection.ts';
import * as lab from '../lab/lab.ts';
import { connectToLab } from './connect.ts';

let connection: Connection;
beforeAll(async () => {
  connection = await connectToLab(await lab.ensureUp());
});
afterAll(async () => {
  await lab.thaw();
  connection?.dispose();
});

test('a frozen VM is said to be silent within seconds, and heard again when it goes on', async () => {
  const states: { readonly state: string; readonly after: number }[] = [];
  let started = performance.now();
  const changed = (wanted: string) =>
    new Promise<number>((resolve) => {
      const listener = connection.onState((state) => {
        states.push({ state, after: performance.now() - started });
        if (state === wanted) {
          listener.dispose();
          resolve(performance.now() - started);
        }
      });
    });
  const silent = changed('silent');
  await lab.freeze();
  expect(await silent).toBeLessThan(8000);
  const back = changed('connected');
  started = performance.now();
  await lab.thaw();
  expect(await back).toBeLessThan(10_000);
  expect(states.map(({ state }) => state)).toEqual(['silent', 'connected']);
});

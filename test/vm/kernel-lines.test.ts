/** The kernel's own log, as it comes over a connection. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kernelLines } from '../../src/target/collectors/kernel-lines.ts';
import type { Connection } from '../../src/target/connection.ts';
import * as lab from '../lab/lab.ts';
import { connectToLab } from './connect.ts';
import { ask } from './target.ts';

let connection: Connection;
beforeAll(async () => {
  connection = await connectToLab(await lab.requireUp());
});
afterAll(() => connection?.dispose());

test('what the kernel says comes once, in its order and with its time', async () => {
  const word = `zscope-test-${randomBytes(6).toString('hex')}`;
  const before = await connection.run(kernelLines, { after: -1 });
  expect(before.length).toBeGreaterThan(10);
  const last = before.at(-1)?.sequence ?? -1;
  expect(before.map(({ sequence }) => sequence)).toEqual(
    before.map(({ sequence }) => sequence).sort((a, b) => a - b),
  );
  await ask(connection, `for n in 1 2 3; do echo "${word} $n" >/dev/kmsg; done`);
  const after = await connection.run(kernelLines, { after: last });
  expect(after.every(({ sequence }) => sequence > last)).toBe(true);
  const mine = after.filter(({ text }) => text.startsWith(word));
  expect(mine.map(({ text }) => text)).toEqual([1, 2, 3].map((n) => `${word} ${n}`));
  const uptime = Number((await ask(connection, 'cat /proc/uptime')).split(' ')[0]);
  // The kernel's log has a clock of its own, which may lag a little behind.
  expect(Math.abs(uptime - (mine[0]?.time ?? 0))).toBeLessThan(60);
  const newest = after.at(-1)?.sequence ?? -1;
  expect((await connection.run(kernelLines, { after: newest })).some(({ text }) => text.includes(word))).toBe(
    false,
  );
});

/** Everything that runs on a target is recorded, however it ends. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ActivityRecord } from '../../src/target/activity.ts';
import { failureOf } from '../support/failure-of.ts';
import { lines, Person, question, reach } from './client.ts';
import { forever, serverStarter, word } from './fixtures.ts';
import { isRunning, until } from './server.ts';
import { USER } from './setup.ts';

const start = serverStarter();

test('questions and streams, by their ends', async () => {
  const server = await start({ user: USER.sudo });
  const records: ActivityRecord[] = [];
  const connection = await reach(server, new Person(), { activity: (record) => records.push(record) });
  expect(records).toMatchObject([
    {
      target: 'box',
      boot: null,
      user: USER.sudo,
      name: 'facts',
      grade: 'observe',
      end: 'finished',
      status: 0,
    },
  ]);
  expect(Date.parse(records[0]?.at ?? '')).toBeGreaterThan(Date.now() - 60_000);
  const next = async (action: () => Promise<unknown>): Promise<unknown[]> => {
    const from = records.length;
    await action();
    return records.slice(from).map(({ user, end, status, bytes }) => [user, end, status, bytes]);
  };
  expect(await next(() => connection.run(question('echo hello'), null))).toEqual([
    [USER.sudo, 'finished', 0, 6],
  ]);
  expect(await next(() => failureOf(connection.run(question('exit 3'), null)))).toEqual([
    [USER.sudo, 'failed', 3, 0],
  ]);
  expect(
    await next(() => failureOf(connection.run(question('sleep 60', { timeoutMs: 1000 }), null))),
  ).toEqual([[USER.sudo, 'stopped', null, 0]]);
  const name = word();
  const stopped = await next(async () => {
    const stream = await connection.stream(lines(forever(name), '', true), null, { events: () => {} });
    await until('it runs', 20_000, () => isRunning(name));
    stream.dispose();
    await stream.ended;
  });
  expect(stopped).toEqual([
    ['root', 'started', null, 0],
    ['root', 'stopped', null, 0],
  ]);
  const lost = await next(async () => {
    const stream = await connection.stream(lines('echo up; sleep 60'), null, { events: () => {} });
    await server.stop();
    await stream.ended;
  });
  expect(lost).toMatchObject([
    [USER.sudo, 'started', null, expect.any(Number)],
    [USER.sudo, 'lost', null, expect.any(Number)],
  ]);
  // The same script has the same sum, another one has another.
  const sums = records.filter((record) => record.name === 'test').map(({ script }) => script);
  expect(new Set(sums).size).toBe(3);
  for (const sum of sums) expect(sum).toMatch(/^[0-9a-f]{16}$/);
});

test('reading is never asked about; what does more runs only when it is allowed', async () => {
  const server = await start();
  const asked: string[] = [];
  const records: ActivityRecord[] = [];
  let allows = false;
  const connection = await reach(server, new Person(), {
    activity: (record) => records.push(record),
    consent: async ({ name, grade }) => {
      asked.push(`${name} ${grade}`);
      return allows;
    },
  });
  await connection.run(question('true'), null);
  expect(asked).toEqual([]);
  const mark = server.path('mark');
  const change = { ...question(`echo > ${mark}`), grade: 'change' as const };
  const trace = () => connection.stream(lines(`echo > ${mark}`), null, { events: () => {} });
  expect((await failureOf(connection.run(change, null))).code).toBe('not-allowed');
  expect((await failureOf(trace())).code).toBe('not-allowed');
  expect(asked).toEqual(['test change', 'test-stream trace']);
  expect(existsSync(mark)).toBe(false);
  expect(records.every(({ grade }) => grade === 'observe')).toBe(true);
  allows = true;
  await connection.run(change, null);
  expect(existsSync(mark)).toBe(true);
  expect(asked).toHaveLength(3);
  connection.dispose();
});

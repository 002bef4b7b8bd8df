/** A target whose clock is set, as it happens to machines that are restored from a snapshot. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CallEvent, TraceStreamEvent } from '../../src/core/tracing/events.ts';
import { taskSnapshot } from '../../src/target/collectors/task-snapshot.ts';
import { type SessionParams, traceFunction } from '../../src/target/collectors/trace-function.ts';
import type { Connection } from '../../src/target/connection.ts';
import * as lab from '../lab/lab.ts';
import { zfsGetattrFast } from '../support/zfs-functions.ts';
import { connectToLab } from './connect.ts';
import { POOL } from './setup.ts';
import { ask, background, until, Watched } from './target.ts';

const isCall = (event: TraceStreamEvent): event is CallEvent => event.kind === 'call';

let connection: Connection;
let observer: Connection;
beforeAll(async () => {
  const vm = await lab.requireUp();
  [connection, observer] = await Promise.all([connectToLab(vm), connectToLab(vm)]);
});
afterAll(() => {
  connection?.dispose();
  observer?.dispose();
});

test('a clock that is set back ends nothing, and calls keep their order', { timeout: 180_000 }, async () => {
  const calls = await background(`while :; do [ -d /${POOL} ]; sleep 0.05; done`);
  const turn = (seconds: number) => ask(observer, `date -s @$(($(date +%s) + ${seconds})) >/dev/null`);
  const params: SessionParams = {
    ...zfsGetattrFast,
    module: 'zfs',
    machine: connection.facts.machine,
    maxEvents: 100_000,
    maxSeconds: 600,
    sessionId: randomBytes(4).toString('hex'),
  };
  try {
    const watched = await Watched.start(connection, traceFunction, params);
    await watched.first('a call', 60_000, isCall);
    await turn(-86_400);
    try {
      const seen = watched.events.filter(isCall).length;
      await until('calls after it', 60_000, () =>
        watched.events.filter(isCall).length > seen + 5 ? true : undefined,
      );
      expect((await connection.run(taskSnapshot, null)).groups.length).toBeGreaterThan(0);
    } finally {
      await turn(86_400);
    }
    expect(connection.state).not.toBe('closed');
    // The trace's own clock is none of those that are set.
    for (const cpu of [0, 1]) {
      const times = watched.events
        .filter(isCall)
        .filter((call) => call.cpu === cpu)
        .map(({ time }) => time);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    expect(await watched.stop()).toMatchObject({ reason: 'stopped', cleanUp: 'confirmed' });
  } finally {
    await calls.end();
  }
});

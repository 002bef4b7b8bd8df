/** Every kind of trace against one workload whose calls are known, counted by the kernel on its own as well. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { treeOfCallers } from '../../src/core/tracing/call-tree.ts';
import type {
  CallEvent,
  TraceLimit,
  TraceStarted,
  TraceStreamEvent,
  TraceTally,
} from '../../src/core/tracing/events.ts';
import { ftraceProgram } from '../../src/core/tracing/ftrace-program.ts';
import type { TraceKind } from '../../src/core/tracing/kinds.ts';
import { Programs } from '../../src/core/tracing/program/programs.ts';
import {
  joinTrace,
  type SessionParams,
  type TraceParams,
  traceFunction,
} from '../../src/target/collectors/trace-function.ts';
import type { Connection } from '../../src/target/connection.ts';
import * as lab from '../lab/lab.ts';
import { zfsLookup } from '../support/zfs-functions.ts';
import { connectToLab } from './connect.ts';
import { COMM, counted, lookUp } from './lookups.ts';
import { POOL } from './setup.ts';
import { ask, background, goAhead, until, Watched } from './target.ts';

const LIMIT_MS = 60_000;
/** Lookups of names that are not there, each of another name. */
const CALLS = 40;

const isCall = (event: TraceStreamEvent): event is CallEvent => event.kind === 'call';
const isTally = (event: TraceStreamEvent): event is TraceTally => event.kind === 'tally';
const isStarted = (event: TraceStreamEvent): event is TraceStarted => event.kind === 'started';
const isLimit = (event: TraceStreamEvent): event is TraceLimit => event.kind === 'limit';

let vm: lab.LabInfo;
let connection: Connection;
let observer: Connection;
/** A connection runs a few sessions only. */
let second: Connection;

beforeAll(async () => {
  vm = await lab.requireUp();
  [connection, observer, second] = await Promise.all(
    [1, 2, 3].map(() => connectToLab(vm, { allows: () => true })) as [
      Promise<Connection>,
      Promise<Connection>,
      Promise<Connection>,
    ],
  );
});

afterAll(() => {
  connection?.dispose();
  observer?.dispose();
  second?.dispose();
});

function lookup(kind: TraceKind, more: Partial<SessionParams> = {}): SessionParams {
  return {
    ...zfsLookup,
    module: null,
    machine: connection.facts.machine,
    kind,
    condition: `comm == "${COMM}"`,
    maxEvents: 10_000,
    maxSeconds: 300,
    sessionId: randomBytes(4).toString('hex'),
    ...more,
  };
}

const start = async (params: SessionParams, via = connection) => {
  const watched = await Watched.start(via, traceFunction, params);
  await watched.first('the start', LIMIT_MS, isStarted);
  return watched;
};

const work = () => lookUp(observer, `/${POOL}`, CALLS);

/** All that is left of these sessions in tracefs, a line each. */
const rests = (...ids: readonly string[]) =>
  ask(
    observer,
    `cd /sys/kernel/tracing; ls instances | cat - kprobe_events synthetic_events | grep -E '_(${ids.join('|')})' || true`,
  );

describe('kinds of traces', () => {
  it('agree with each other and with the kernel on a known number of calls', {
    timeout: 240_000,
  }, async () => {
    const paired = `comm == "${COMM}" && ret == ENOENT && (duration >= 0ns || nm == "x")`;
    const wanted: readonly SessionParams[] = [
      lookup('returns'),
      lookup('returns', { condition: paired }),
      lookup('returns', { condition: `comm == "${COMM}" && ret == EIO` }),
      lookup('errors'),
      lookup('calls', { condition: `comm == "${COMM}" && nm ~ "zt_*_7"` }),
      lookup('count'),
      lookup('latency'),
      lookup('stacks'),
      lookup('callers'),
    ];
    const sessions = [];
    for (const [i, params] of wanted.entries()) {
      const via = i < 4 ? connection : second;
      // What is made ahead is for plain calls: one that reads lines, and one that reads nothing.
      if (i === 0 || params.kind === 'count') {
        await goAhead(via, observer, params);
      }
      sessions.push(await start(params, via));
    }
    let prefix = '';
    const byKernel = await counted(observer, async () => {
      prefix = await work();
    });
    expect(byKernel).toBe(CALLS);

    const [returns, ours, none, errors, one, ...sums] = sessions;
    const calls = (watched = returns) => watched?.events.filter(isCall) ?? [];
    for (const watched of [returns, ours, errors]) {
      await until('all calls', LIMIT_MS, () => (calls(watched).length >= CALLS ? true : undefined));
    }
    for (const watched of sums) {
      await until('all sums', LIMIT_MS, () =>
        watched.events.some((event) => isTally(event) && event.hits >= CALLS) ? true : undefined,
      );
    }
    await until('the one call', LIMIT_MS, () => (calls(one).length > 0 ? true : undefined));
    const ends = await Promise.all(sessions.map((watched) => watched.stop()));
    expect(ends.map(({ cleanUp, stderr }) => [cleanUp, stderr])).toEqual(
      sessions.map(() => ['confirmed', '']),
    );

    for (const watched of [returns, ours]) {
      const found = calls(watched);
      expect(found.map(({ arguments: args }) => args[1]?.value)).toEqual(
        Array.from({ length: CALLS }, (_, i) => `"${prefix}${i}"`),
      );
      for (const call of found) {
        expect(call).toMatchObject({ comm: COMM, returned: { value: '2', errno: 'ENOENT' } });
        expect(call.durationNs).toBeGreaterThanOrEqual(0);
        expect(call.stack[0]).toMatchObject({ symbol: 'zfs_lookup', module: 'zfs' });
      }
      expect(new Set(found.map(({ pid }) => pid)).size).toBe(1);
    }
    expect(calls(none)).toEqual([]);
    expect(calls(errors)).toHaveLength(CALLS);
    expect(calls(errors)[0]).toMatchObject({ returned: { value: '2', errno: 'ENOENT' } });
    expect(calls(one).map(({ arguments: args }) => args[1]?.value)).toEqual([`"${prefix}7"`]);

    const [count, latency, stacks, callers] = sums.map((watched) => watched.events.filter(isTally).at(-1));
    expect(count).toMatchObject({ of: 'count', hits: CALLS, rows: [{ comm: COMM, count: CALLS }] });
    expect(latency).toMatchObject({ of: 'latency', hits: CALLS, dropped: 0 });
    const buckets = latency?.of === 'latency' ? latency.rows : [];
    expect(buckets.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(CALLS);
    for (const { log2, count, sumNs } of buckets) {
      expect(sumNs / count).toBeGreaterThan(2 ** (log2 - 1));
      expect(sumNs / count).toBeLessThanOrEqual(2 ** log2);
    }
    const rows = stacks?.of === 'stacks' ? stacks.rows : [];
    expect(rows.reduce((sum, row) => sum + row.count, 0)).toBe(CALLS);
    expect(rows[0]?.stack.map(({ symbol }) => symbol)).toContain('zpl_lookup');
    const tree = treeOfCallers('zfs_lookup', callers?.of === 'stacks' ? callers.rows : []);
    expect(tree).toMatchObject({
      calls: CALLS,
      children: [{ calls: CALLS, frame: { symbol: 'zpl_lookup' } }],
    });

    expect(await rests(...wanted.map(({ sessionId }) => sessionId))).toBe('');
  });

  it('have the call graph of each call, whatever others call meanwhile, and give its columns back', {
    timeout: 240_000,
  }, async () => {
    const columns = () =>
      ask(observer, 'cd /sys/kernel/tracing/options && grep -H . funcgraph-* && cat ../current_tracer');
    const before = await columns();
    // What reads a directory calls some of these too.
    const others = await background(`while :; do ls /${POOL} >/dev/null; done`);
    const callees = [
      'zfs_dirlook',
      'zfs_dirent_lock',
      'zap_lookup',
      'zap_lockdir',
      'dbuf_hold',
      'no_such_function',
    ];
    const [params, tardy] = [lookup('graph', { callees }), lookup('graph', { callees })];
    try {
      // What is made ahead is for plain calls.
      await goAhead(connection, observer, params);
      const [watched, another] = await Promise.all([start(params), start(tardy, second)]);
      const prefix = await work();
      const calls = () => watched.events.filter(isCall);
      await until('all calls', LIMIT_MS, () => (calls().length >= CALLS ? true : undefined));
      // The columns are still needed by the other one.
      expect(await another.stop()).toMatchObject({ cleanUp: 'confirmed', stderr: '' });
      await work();
      await until('more calls', LIMIT_MS, () => (calls().length >= 2 * CALLS ? true : undefined));
      expect(await watched.stop()).toMatchObject({ cleanUp: 'confirmed', stderr: '' });
      expect(
        calls()
          .slice(0, CALLS)
          .map(({ arguments: args }) => args[1]?.value),
      ).toEqual(Array.from({ length: CALLS }, (_, i) => `"${prefix}${i}"`));
      expect(calls()).toHaveLength(2 * CALLS);
      for (const call of calls()) {
        const below = call.below ?? [];
        expect(call.comm).toBe(COMM);
        expect(call.stack[0]).toMatchObject({ symbol: 'zfs_lookup', module: 'zfs' });
        expect(below.slice(0, 4).map(({ depth, frame }) => `${depth} ${frame.symbol}`)).toEqual([
          '1 zfs_dirlook',
          '2 zfs_dirent_lock',
          '3 zap_lookup',
          '4 zap_lockdir',
        ]);
        for (const one of below) {
          expect(one.durationNs).toBeGreaterThan(0);
          expect(one.durationNs).toBeLessThan(call.durationNs ?? 0);
        }
      }
    } finally {
      await others.end();
    }
    expect(await rests(params.sessionId, tardy.sessionId)).toBe('');
    expect(await columns()).toBe(before);
  });

  it('take one more function into a running session, and end with it', async () => {
    const programs = new Programs();
    const params = lookup('returns', { programs });
    const watched = await start(params);
    const more = {
      ...params,
      symbol: 'zfs_getattr_fast',
      parameters: null,
      condition: '',
      index: 1,
    };
    programs.add(ftraceProgram(more));
    const join = async (one: TraceParams) => {
      const { sessionId } = params;
      return (await connection.run(joinTrace, { sessionId, functions: [one] }))[0];
    };
    expect(await join(more)).toEqual({ kind: 'started', withArguments: true });
    const calls = await background(`while :; do [ -d /${POOL} ]; sleep 0.05; done`);
    try {
      await work();
      for (const symbol of ['zfs_lookup', 'zfs_getattr_fast']) {
        const call = await watched.first(`a call of ${symbol}`, LIMIT_MS, (event): event is CallEvent => {
          return isCall(event) && event.symbol === symbol;
        });
        expect(call.returned).toBeDefined();
      }
      expect(await join({ ...more, symbol: 'zfs_no_such_function', index: 2 })).toMatchObject({
        kind: 'refused',
        reason: 'no-probe',
      });
    } finally {
      await calls.end();
    }
    expect(await watched.stop()).toMatchObject({ reason: 'stopped', cleanUp: 'confirmed', stderr: '' });
    expect(await join({ ...more, index: 3 })).toMatchObject({
      reason: 'no-instance',
      why: 'The session that it was to join is over.',
    });
    expect(await rests(params.sessionId)).toBe('');
  });

  it('end when more calls are recorded a second than wanted, and say how many', async () => {
    const calls = await background(`while :; do [ -d /${POOL} ]; sleep 0.05; done`);
    try {
      const params = lookup('calls', { symbol: 'zfs_getattr_fast', condition: '', maxRate: 1 });
      const watched = await start(params);
      const limit = await watched.first('the limit', LIMIT_MS, isLimit);
      expect(limit.of).toBe('rate');
      expect(limit.rate).toBeGreaterThan(1);
      expect((await watched.ended).cleanUp).toBe('confirmed');
    } finally {
      await calls.end();
    }
  });

  it('leave nothing when the connection ends while the kernel sums up', async () => {
    const client = await connectToLab(vm);
    const params = lookup('latency', { condition: '' });
    await start(params, client);
    expect(await rests(params.sessionId)).toContain('u64 ns');
    client.dispose();
    await until('nothing is left', LIMIT_MS, async () =>
      (await rests(params.sessionId)) === '' ? true : undefined,
    );
  });
});

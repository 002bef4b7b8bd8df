import { expect, test } from 'vitest';
import { Failure } from '../../../src/core/failure.ts';
import type { TraceRefused, TraceStarted, TraceStreamEvent } from '../../../src/core/tracing/events.ts';
import { TraceSession } from '../../../src/extension/tracing/trace-session.ts';
import { droppedText } from '../../../src/extension/tracing/trace-texts.ts';
import type { JoinParams, TraceParams } from '../../../src/target/collectors/trace-function.ts';
import type { Connection, StreamEnd, StreamSink } from '../../../src/target/connection.ts';
import { ftrace } from '../../../src/target/tracer.ts';

const params: TraceParams = {
  sessionId: '11111111',
  symbol: 'zil_commit',
  module: 'zfs',
  parameters: null,
  typed: null,
  machine: 'x86_64',
  maxEvents: 1000,
  maxSeconds: 60,
};

const call = (time: number): TraceStreamEvent => ({
  kind: 'call',
  time,
  comm: 'sync',
  pid: 7,
  cpu: 0,
  symbol: 'zil_commit',
  arguments: [],
  stack: [],
});

const counters = (calls: number): TraceStreamEvent => ({
  kind: 'counters',
  calls,
  overrun: calls * 10,
  missed: calls * 100,
});

/** A connection whose one stream tells these events and ends so. */
function over(bootId: string, events: readonly TraceStreamEvent[], reason: StreamEnd['reason']) {
  const asked: TraceParams[] = [];
  /** Sessions that were stopped. */
  const stopped: string[] = [];
  const connection = {
    facts: { bootId },
    stream: async (_collector: unknown, what: TraceParams, sink: StreamSink<TraceStreamEvent>) => {
      asked.push(what);
      // Its end comes after the answer to what joins, as on a target.
      const ended = new Promise<StreamEnd>((resolve) => {
        setImmediate(() => {
          sink.events([{ kind: 'started', withArguments: true }, ...events]);
          setImmediate(() => resolve({ reason, status: null, cleanUp: 'unknown', stderr: '' }));
        });
      });
      return { ended, dispose: () => stopped.push(what.sessionId) };
    },
    run: async (_collector: unknown, { functions }: JoinParams) => {
      asked.push(...functions);
      return functions.map(() => ({ kind: 'started', withArguments: true }));
    },
  };
  // What a session uses of a connection.
  return { asked, stopped, connection: connection as unknown as Connection };
}

test.each([
  ['a', 'connection'],
  ['b', 'reboot'],
] as const)('a lost session goes on over the next connection (boot %s) after a gap', async (boot, gap) => {
  const first = over('a', [call(1), call(2), counters(2)], 'lost');
  const session = new TraceSession(first.connection, ftrace, params);
  const ended = session.run();
  await session.join({ ...params, symbol: 'zil_close' });
  expect((await ended).reason).toBe('lost');
  expect(session.isRunning).toBe(false);

  const told: string[] = [];
  session.listen((batch) => told.push(...batch.map(({ kind }) => kind)));
  const second = over(boot, [call(0.5), counters(1)], 'stopped');
  const end = await session.resume(
    second.connection,
    { ...params, sessionId: '22222222' },
    async (joined) => ({ ...joined, maxEvents: 500 }),
  );
  expect(end.reason).toBe('stopped');
  expect(told).toEqual(['loss', 'call']);
  expect(session.events.items.map((event) => (event.kind === 'loss' ? event.gap : event.time))).toEqual([
    1,
    2,
    gap,
    0.5,
  ]);
  // Its stacks are of what ran then.
  expect([1, 3].map((index) => session.connectionOf(index))).toEqual([first.connection, second.connection]);
  expect(session.lost).toBe(0);
  // What was lost before the gap stays lost.
  expect(session.counters).toEqual(counters(3));
  // The function that had joined is traced again, in the new session.
  expect(second.asked.map(({ symbol, sessionId }) => `${symbol} ${sessionId}`)).toEqual([
    'zil_commit 22222222',
    'zil_close 22222222',
  ]);
  // By what runs there now.
  expect(second.asked.map(({ maxEvents }) => maxEvents)).toEqual([1000, 500]);
  expect(session.symbols).toEqual(['zil_commit', 'zil_close']);
  // And its program is of both, each once.
  expect(session.program.match(/echo 'p:\S+ \S+/g)).toEqual([
    "echo 'p:zscope_own/zil_commit_22222222 zfs:zil_commit",
    expect.stringMatching(/^echo 'p:zscope_own\/zil_close_\d+_22222222 zfs:zil_close$/),
  ]);
});

test('a function that had joined is there again also when the connection is lost again at once', async () => {
  const first = over('a', [call(1)], 'lost');
  const session = new TraceSession(first.connection, ftrace, params);
  const ended = session.run();
  await session.join({ ...params, symbol: 'zil_close' });
  await ended;
  const gone = over('a', [], 'lost');
  gone.connection.stream = async () => {
    throw new Failure('lost', 'It is gone.');
  };
  await expect(session.resume(gone.connection, params, async (joined) => joined)).rejects.toThrow(/gone/);
  const last = over('a', [call(2)], 'stopped');
  await session.resume(last.connection, params, async (joined) => joined);
  expect(last.asked.map(({ symbol }) => symbol)).toEqual(['zil_commit', 'zil_close']);
  // One gap, however often it was tried.
  expect(session.events.items.map(({ kind }) => kind)).toEqual(['call', 'loss', 'call']);
});

test('a session that ends without the word that all was told is cut, unless it goes on', async () => {
  const run = async (...events: readonly TraceStreamEvent[]) => {
    const session = new TraceSession(over('a', events, 'stopped').connection, ftrace, params);
    await session.run();
    return session;
  };
  const cut = await run(call(1), counters(0));
  expect([cut.isCut, cut.isIncomplete]).toEqual([true, true]);
  const whole = await run(call(1), counters(0), { kind: 'complete' });
  expect([whole.isCut, whole.isIncomplete]).toEqual([false, false]);
  const lossy = await run(call(1), counters(1), { kind: 'complete' });
  expect([lossy.isCut, lossy.isIncomplete]).toEqual([false, true]);
  // The word is of one run: what comes over the next connection has its own.
  await whole.resume(over('a', [call(2)], 'stopped').connection, params, async (joined) => joined);
  expect(whole.isCut).toBe(true);
});

test('a function that was joining when the connection was lost joins when the session goes on, and that is said', async () => {
  const first = over('a', [], 'lost');
  first.connection.run = () =>
    new Promise((_, reject) => setTimeout(() => reject(new Failure('lost', 'It is gone.')), 20));
  const session = new TraceSession(first.connection, ftrace, params);
  const ended = session.run();
  const joining = session.join({ ...params, symbol: 'zil_close' });
  const said = expect(joining).rejects.toMatchObject({
    code: 'lost',
    message: expect.stringContaining('before zil_close joined'),
    remedy: expect.stringContaining('asked for again'),
  });
  await ended;
  // The answer may come later than the next connection.
  const second = over('a', [call(1)], 'stopped');
  await session.resume(second.connection, params, async (joined) => joined);
  await said;
  expect(second.asked.map(({ symbol }) => symbol)).toEqual(['zil_commit', 'zil_close']);
  expect(session.symbols).toEqual(['zil_commit', 'zil_close']);
});

test.each([true, false])(
  'a session at its limit is stopped unless it ends by itself (%s)',
  async (endsAtLimits) => {
    const target = over('a', [call(1), { kind: 'limit', of: 'rate', rate: 9000 }], 'stopped');
    const session = new TraceSession(target.connection, { ...ftrace, endsAtLimits }, params);
    await session.run();
    expect(session.limit).toMatchObject({ of: 'rate' });
    expect(target.stopped).toEqual(endsAtLimits ? [] : [params.sessionId]);
  },
);

/** A session lost with zil_close and zil_sync joined, which goes on where answers to what joins are `answer`'s. */
async function resumed(
  answer: (asked: JoinParams, turn: number) => readonly (TraceStarted | TraceRefused)[],
) {
  const first = over('a', [], 'lost');
  const session = new TraceSession(first.connection, ftrace, params);
  const ended = session.run();
  await session.join({ ...params, symbol: 'zil_close' }, { ...params, symbol: 'zil_sync' });
  await ended;
  const joins: JoinParams[] = [];
  const second = over('a', [], 'stopped');
  second.connection.run = async (_collector: unknown, asked: unknown) => {
    joins.push(asked as JoinParams);
    return answer(asked as JoinParams, joins.length) as never;
  };
  await session.resume(second.connection, params, async (joined) => joined);
  return { session, joins };
}

const isThere: TraceStarted = { kind: 'started', withArguments: true };

test('a function whose answer does not come in time after a lost connection is asked for again, as the same', async () => {
  const { session, joins } = await resumed(({ functions }, turn) => {
    if (turn < 3) {
      throw new Failure('timeout', 'No answer.');
    }
    return functions.map(() => isThere);
  });
  await expect.poll(() => session.symbols).toEqual(['zil_commit', 'zil_close', 'zil_sync']);
  expect(joins.map(({ functions }) => functions.map(({ symbol, index }) => `${symbol} ${index}`))).toEqual(
    new Array(3).fill(['zil_close 1', 'zil_sync 2']),
  );
  expect(session.dropped).toEqual([]);
});

test('what is not traced any more after a lost connection is said', async () => {
  const late = await resumed(() => {
    throw new Failure('timeout', 'No answer.');
  });
  await expect
    .poll(() => late.session.dropped.map(({ symbol }) => symbol))
    .toEqual(['zil_close', 'zil_sync']);
  expect(late.joins.length).toBe(3);
  expect(late.session.symbols).toEqual(['zil_commit']);
  expect(droppedText(late.session.dropped)).toBe(
    '; zil_close and 1 more are not traced any more: No answer.',
  );
  const refused = await resumed(() => [
    { kind: 'refused', reason: 'no-probe', why: 'The kernel takes no probe at this function.' },
    isThere,
  ]);
  await expect.poll(() => refused.session.symbols).toEqual(['zil_commit', 'zil_sync']);
  expect(droppedText(refused.session.dropped)).toBe(
    '; zil_close is not traced any more: The kernel takes no probe at this function.',
  );
});

test('what still joins when its session is lost again joins the next one, each under an index of its own', async () => {
  const first = over('a', [], 'lost');
  const session = new TraceSession(first.connection, ftrace, params);
  const ended = session.run();
  await session.join({ ...params, symbol: 'zil_close' }, { ...params, symbol: 'zil_sync' });
  await ended;
  // What is known of zil_sync is late, and the stream breaks off meanwhile over a connection that stands.
  const second = over('a', [], 'lost');
  let known: () => void = () => {};
  const waiting = new Promise<void>((resolve) => {
    known = resolve;
  });
  let turn = 0;
  await session.resume(second.connection, { ...params, sessionId: '22222222' }, async (joined) => {
    if (joined.symbol === 'zil_sync') {
      turn += 1;
      if (turn === 1) {
        throw new Failure('timeout', 'No answer.');
      }
      await waiting;
    }
    return joined;
  });
  const third = over('a', [], 'stopped');
  const goesOn = session.resume(
    third.connection,
    { ...params, sessionId: '33333333' },
    async (joined) => joined,
  );
  known();
  await goesOn;
  await expect.poll(() => session.symbols).toEqual(['zil_commit', 'zil_close', 'zil_sync']);
  await session.join({ ...params, symbol: 'zil_open' });
  expect(third.asked.map(({ symbol, index = 0 }) => `${symbol} ${index}`)).toEqual([
    'zil_commit 0',
    'zil_close 1',
    'zil_sync 2',
    'zil_open 3',
  ]);
});

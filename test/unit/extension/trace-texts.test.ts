import { expect, it } from 'vitest';
import type { CallEvent, TraceTally } from '../../../src/core/tracing/events.ts';
import { SessionStats } from '../../../src/core/tracing/function-stats.ts';
import { firstCallText, lensText } from '../../../src/extension/tracing/lens-text.ts';
import {
  conditionsText,
  endReason,
  endText,
  hiddenText,
  lossText,
  returnedText,
} from '../../../src/extension/tracing/trace-texts.ts';

const call: CallEvent = {
  kind: 'call',
  time: 10,
  comm: 'dd',
  pid: 634,
  cpu: 0,
  symbol: 'zil_commit',
  arguments: [
    { name: 'zilog', value: '0xffff888000000000' },
    { name: 'foid', value: '34' },
  ],
  stack: [],
  returned: { value: '5', errno: 'EIO' },
  durationNs: 12_000,
};

it('says that there are places which no number of traced ones has', () => {
  expect([0, 1, 12].map(hiddenText)).toEqual([
    '',
    '; 1 more place cannot be told apart by the kernel',
    '; 12 more places cannot be told apart by the kernel',
  ]);
});

it('writes above a function what its calls come to', () => {
  const stats = new SessionStats();
  const session = { stats, isRunning: true, started: {}, isIncomplete: false };
  expect(lensText({ ...session, started: null }, 'zil_commit', 0)).toBe('');
  expect(lensText(session, 'zil_commit', 0)).toBe('0 calls');
  stats.add(
    Array.from({ length: 1204 }, (_, i) => ({ ...call, time: 10 + i / 100 })),
    0,
  );
  expect(lensText(session, 'zil_commit', 0)).toBe(
    '1,204 calls, 100/s, p50 ≈ 12 µs, p99 ≈ 12 µs, last: dd(634) foid=34 -> 5 EIO',
  );
  expect(lensText({ ...session, isRunning: false }, 'zil_commit', 0)).not.toContain('/s');
  expect(lensText({ ...session, isIncomplete: true }, 'zil_commit', 0)).toMatch(/^at least 1,204 calls,/);
});

it('writes behind a function who called it first, with what, and by which way', () => {
  const frame = (symbol: string, reliable = true) => ({
    symbol,
    offset: 16,
    size: 64,
    module: 'zfs',
    reliable,
  });
  const stack = ['zil_commit', 'zfs_fsync', 'zpl_fsync.isra.0', 'vfs_fsync_range', 'do_fsync'].map((symbol) =>
    frame(symbol),
  );
  const text = 'first call: dd(634) foid=34 -> 5 EIO';
  expect(firstCallText(call)).toBe(text);
  expect(firstCallText({ ...call, stack })).toBe(`${text} <- zfs_fsync <- zpl_fsync <- vfs_fsync_range`);
  // One that was seen at its return only has its caller innermost.
  expect(firstCallText({ ...call, stack: stack.slice(1) })).toContain(' <- zfs_fsync <- zpl_fsync');
  // What is only found on the stack is no caller.
  expect(firstCallText({ ...call, stack: [frame('stale', false), frame('zfs_fsync')] })).toBe(
    `${text} <- zfs_fsync`,
  );
  const inlined = {
    ...call,
    symbol: 'list_del (inlined in zil_clean, zil.c:10)',
    stack: [frame('zil_clean')],
  };
  expect(firstCallText(inlined)).toBe(`${text} <- zil_clean`);
  expect(firstCallText({ ...call, comm: 'x\u202e\nforged' })).not.toMatch(/[\u202e\n]/);
});

it('does not keep a name for each call of a target that makes names up', () => {
  const stats = new SessionStats();
  stats.add([call], 0);
  stats.add(
    Array.from({ length: 10_000 }, (_, i) => ({ ...call, symbol: `made_up_${i}` })),
    0,
  );
  stats.add([call], 0);
  expect([stats.of('zil_commit').calls, stats.of('made_up_1').calls]).toEqual([2, 1]);
  expect(stats.of('made_up_9999').calls).toBe(0);
});

it('takes no rate over a gap, after which clocks and sums begin anew', () => {
  const stats = new SessionStats();
  const session = { stats, isRunning: true, started: {}, isIncomplete: false };
  const sums = (hits: number): TraceTally => ({
    ...{ kind: 'tally', symbol: 'zil_commit', of: 'count', rows: [] },
    ...{ hits, dropped: 0, isCut: false },
  });
  stats.of('zil_commit').tally(sums(900), 1);
  stats.of('zil_commit').tally(sums(1000), 2);
  expect(lensText(session, 'zil_commit', 0)).toContain('100/s');
  stats.add([{ kind: 'loss', cpu: null, count: null, gap: 'reboot' }], 0);
  stats.of('zil_commit').tally(sums(10), 10);
  stats.of('zil_commit').tally(sums(30), 11);
  expect(lensText(session, 'zil_commit', 0)).toContain('20/s');
  stats.add(
    [...Array(30).keys()].map((i) => ({ ...call, symbol: 'spa_sync', time: 500 + i / 10 })),
    0,
  );
  stats.add([{ kind: 'loss', cpu: null, count: null, gap: 'reboot' }], 0);
  stats.add(
    [...Array(80).keys()].map((i) => ({ ...call, symbol: 'spa_sync', time: 5 + i / 20 })),
    0,
  );
  expect(lensText(session, 'spa_sync', 0)).toContain('20/s');
});

it('says which calls are traced, of each function its own', () => {
  const one = { symbol: 'zil_commit', module: 'zfs', kind: 'calls', condition: 'foid == 34' };
  const other = { ...one, symbol: 'spa_sync', condition: '' };
  expect(conditionsText([one])).toBe('Only calls with foid == 34.');
  expect(conditionsText([other, one])).toBe('Only calls of zil_commit with foid == 34.');
  expect(conditionsText([other])).toBe('');
});

it('keeps how a session ended', () => {
  const limit = { kind: 'limit', of: 'rate' } as const;
  expect(endReason({ reason: 'finished' }, limit)).toBe('limit of rate');
  expect(endReason({ reason: 'finished' }, null)).toBe('finished');
  expect(endReason({ reason: 'stopped' }, null)).toBe('stopped');
  expect(endReason({ reason: 'lost' }, limit)).toBe('lost');
});

it('says what a call returned, and that it was not seen to', () => {
  expect(returnedText(call)).toBe('5 EIO');
  expect(returnedText({ ...call, returned: { value: '0', errno: null } })).toBe('0');
  expect(returnedText({ ...call, returned: null })).toBe('not seen to return');
  const { returned: _, ...plain } = call;
  expect(returnedText(plain)).toBe('');
});

it('says what was lost, the larger number of two', () => {
  const counters = { kind: 'counters', calls: 10_000, overrun: 1200, missed: 3 } as const;
  expect(lossText({ counters: null, lost: 0 })).toEqual({ text: '', title: '' });
  expect(lossText({ counters, lost: 7 }).text).toBe('Lost: 1,200 events overwritten, 3 returns missed');
  expect(lossText({ counters: null, lost: 7 }).text).toBe('Lost: 7 events overwritten');
});

it('says why a session ended by itself', () => {
  const end = { reason: 'finished', status: 0, cleanUp: 'confirmed', stderr: '' } as const;
  const limits = { maxEvents: 10, maxSeconds: 20, maxRate: 20_000 };
  expect(endText(end, { kind: 'limit', of: 'rate', rate: 45_000 }, limits, null)).toBe(
    'Ended: 45,000 calls a second are more than the 20000 that are traced without asking (zscope.trace.maxRate).',
  );
});

it('says that a limit ended a session, also where the target had to be told', () => {
  const limits = { maxEvents: 1000, maxSeconds: 60, maxRate: 500 };
  const end = { reason: 'stopped', status: null, cleanUp: 'confirmed', stderr: '' } as const;
  expect(endText(end, { kind: 'limit', of: 'rate', rate: 9000 }, limits, null)).toMatch(
    /^Ended: 9,000 calls a second/,
  );
  expect(endText(end, { kind: 'limit', of: 'events' }, limits, null)).toContain('1000 events was');
  const graph = { ...limits, kind: 'graph' } as const;
  expect(endText(end, { kind: 'limit', of: 'events' }, graph, null)).toContain(
    'with all that is below calls',
  );
  expect(endText(end, null, limits, null)).toBe('Stopped; nothing is left on the target.');
  const unsure = { ...end, cleanUp: 'unknown' } as const;
  expect(endText(unsure, { kind: 'limit', of: 'events' }, limits, null)).toMatch(/did not confirm/);
  // What is missing at the end is said of a session that nobody goes on with.
  expect(endText(end, null, limits, 'bcc')).toBe(
    'Stopped; nothing is left on the target. What was recorded last may be missing: bcc did not say that this is all.',
  );
  expect(endText({ ...end, reason: 'lost' }, null, limits, 'bcc')).not.toMatch(/missing/);
});

import { expect, it } from 'vitest';
import { compareSessions } from '../../../../../src/core/tracing/sessions/compare.ts';
import type { KeptSession } from '../../../../../src/core/tracing/sessions/session.ts';
import { call, END, frame, HEADER, session } from './sample.ts';

const many = (count: number, more: Parameters<typeof call>[0] = {}) =>
  Array.from({ length: count }, (_, i) => call({ time: 12 + i / 100, ...more }));
const first = (before: KeptSession, after: KeptSession) => compareSessions(before, after).split('\n')[0];

const PORT = 'zfs_putpage_commit_cb';
const header = {
  ...HEADER,
  functions: [PORT, 'zil_commit'].map((symbol) => ({ symbol, module: 'zfs', kind: 'calls', condition: '' })),
};

it('says first what is called in one and not in the other, with its stack', () => {
  const stack = [frame(PORT), frame('zil_itx_assign'), frame('zfs_putpage')];
  const before = session([...many(20), ...many(3, { symbol: PORT, stack })], { header });
  // Much else differs, and weighs less.
  const after = session(many(400, { durationNs: 9_000_000, returned: { value: '28', errno: 'ENOSPC' } }), {
    header,
  });
  const text = compareSessions(before, after);
  expect(text).toMatch(/^zfs_putpage_commit_cb is called 3 times in before and never in after\.\n/);
  expect(text).toContain(
    'zfs_putpage_commit_cb: only in before, 3 times\n  zfs_putpage_commit_cb+0x5/0x100 [zfs]\n  zil_itx_assign+0x5/0x100 [zfs]\n',
  );
  expect(first(after, before)).toBe('zfs_putpage_commit_cb is called 3 times in after and never in before.');
});

it('says in its second line that other builds of a module ran', () => {
  const ran = (buildId: string) =>
    session(many(20), { header: { ...header, modules: [{ module: 'zfs', buildId }] } });
  const [one, two] = [ran('0123456789abcdef'), ran('fedcba9876543210')];
  expect(compareSessions(one, two).split('\n')[1]).toBe(
    'The builds of zfs differ: 0123456789ab in before, fedcba987654 in after.',
  );
  expect(compareSessions(one, ran('0123456789abcdef')).split('\n')[1]).toBe('');
  expect(compareSessions(one, session(many(20), { header: { ...header, modules: [] } })).split('\n')[1]).toBe(
    '',
  );
});

it('then errors, then counts, then latency, then stacks', () => {
  const base = session(many(100));
  expect(first(base, session(many(100, { returned: { value: '28', errno: 'ENOSPC' } })))).toBe(
    'zil_commit returns EIO 100 times in before and never in after.',
  );
  expect(first(base, session(many(30)))).toBe(
    'zil_commit is called 100 times (10/s) in before and 30 times (3.0/s) in after.',
  );
  expect(first(base, session(many(100, { durationNs: 2_500_000 })))).toBe(
    'zil_commit takes 12 us in before and 2.5 ms in after (p50).',
  );
  const other = [frame('zil_commit'), frame('zfs_write')];
  expect(first(base, session([...many(99), call({ stack: other })]))).toBe(
    'zil_commit is reached by 1 way in after that before does not have.',
  );
});

it('finds none between sessions that are alike, whatever the build calls its clones', () => {
  const clone = [frame('zil_commit.isra.0', 'zfs', 99), frame('zfs_fsync'), frame('do_fsync', null)];
  const after = session(many(102, { symbol: 'zil_commit.isra.0', stack: clone, durationNs: 13_000 }));
  expect(first(session(many(100)), after)).toBe('No difference in what was traced: zil_commit.');
});

it('takes the sums of the kernel where it did not ship the calls', () => {
  const tally = (hits: number, log2: number) =>
    session([], {
      tallies: [
        {
          kind: 'tally',
          of: 'latency',
          symbol: 'zil_commit',
          hits,
          dropped: 0,
          isCut: false,
          rows: [{ log2, count: hits, sumNs: hits * 2 ** log2 }],
        },
      ],
    });
  expect(first(tally(1000, 14), tally(1000, 20))).toBe(
    'zil_commit takes ≈ 12 us in before and ≈ 786 us in after (p50).',
  );
});

it('says when what it compares is not whole, and what was traced in one only', () => {
  const cut = session(many(5), { end: null });
  expect(compareSessions(cut, session(many(5)))).toContain('Not whole: it was cut off');
  expect(compareSessions(session(many(5), { end: { ...END, overrun: 7 } }), cut)).toContain(
    'events were lost',
  );
  // Of a tracer that does not say whether all was told, stopped by a person.
  expect(compareSessions(session(many(5), { end: { ...END, isCut: true } }), cut)).toContain(
    'what came last may be missing',
  );
  expect(first(session(many(5)), session(many(5), { header }))).toBe(
    'zfs_putpage_commit_cb was traced in after only.',
  );
});

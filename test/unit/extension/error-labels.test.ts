import { expect, it } from 'vitest';
import type { RaisedError } from '../../../src/core/zfs/errno-lines.ts';
import { ErrorSites } from '../../../src/core/zfs/errno-sites.ts';
import {
  agoText,
  lineText,
  siteDescription,
  siteLabel,
  siteMatches,
  watchEndText,
  watchText,
} from '../../../src/extension/errors/error-labels.ts';

function sites(...errors: readonly (readonly [at: number, error: Partial<RaisedError>])[]) {
  const all = new ErrorSites();
  for (const [at, error] of errors) {
    all.add(
      {
        kind: 'error',
        time: at / 1000,
        comm: 'txg_sync',
        pid: 7,
        file: '/build/module/zfs/dmu_tx.c',
        function: 'dmu_tx_try_assign',
        line: 1021,
        errno: 28,
        ...error,
      },
      at,
    );
  }
  return all.all;
}

it('says behind a line what it raised, how often, when last and by whom', () => {
  const found = sites([1000, {}], [8000, {}], [9000, { errno: 5, comm: 'dd' }]);
  expect(lineText(found, 10_000)).toBe('EIO ×1, 1 s ago, dd; ENOSPC ×2, 2 s ago, txg_sync');
  expect(lineText(sites(...[1, 2, 3, 4, 5].map((errno) => [0, { errno }] as const)), 0)).toMatch(/; 2 more$/);
  // A watch that has ended: no time would go on.
  expect(lineText(found, null)).toBe('EIO ×1, dd; ENOSPC ×2, txg_sync');
  const [odd] = sites([0, { comm: 'a\u202eb\n' }]);
  expect(lineText(odd ? [odd] : [], 0)).not.toMatch(/[\u202e\n]/);
});

it('names a row by the error and its place', () => {
  const [site] = sites([0, {}]);
  expect(site && [siteLabel(site), siteDescription(site)]).toEqual([
    'ENOSPC ×1',
    'dmu_tx.c:1021 dmu_tx_try_assign  txg_sync',
  ]);
  expect(
    ['', 'enospc', 'DMU_TX.c txg', 'enospc dd'].map((filter) => site && siteMatches(site, filter)),
  ).toEqual([true, true, true, false]);
});

it('counts the time in what a person takes in at a glance', () => {
  expect([0, 2000, 59_400, 61_000, 7_300_000].map(agoText)).toEqual([
    'now',
    '2 s ago',
    '59 s ago',
    '1 min ago',
    '2 h ago',
  ]);
});

it('says when not every error was recorded', () => {
  const watch = {
    target: 'vm',
    state: 'watching',
    count: 1200,
    hits: 5000,
    gaps: 0,
    filter: '',
    why: '',
    isCut: false,
  } as const;
  expect(watchText({ ...watch, lost: false, state: 'ended', isCut: true })).toBe(
    'vm: stopped; what came last may be missing',
  );
  expect(watchText({ ...watch, lost: false })).toBe('vm: 1,200 errors');
  expect(watchText({ ...watch, lost: true })).toMatch(/^vm: 1,200 errors; 3,800 more were counted/);
  expect(watchText({ ...watch, lost: false, state: 'ended', filter: 'dd' })).toBe('vm: stopped; only "dd"');
  expect(watchText({ ...watch, lost: false, gaps: 2 })).toMatch(/^vm: 1,200 errors; 2 gaps: /);
});

it('says that a watch was ended over there only of one that says so itself', () => {
  const end = { reason: 'lost', status: null, stderr: '' } as const;
  expect(watchEndText({ ...end, cleanUp: 'unknown' })).toBe(
    'the connection ended, and the target removes the probe by itself within 25 seconds',
  );
  expect(watchEndText({ ...end, cleanUp: 'confirmed' })).toBe(
    'the target heard nothing from here for a while and ended it',
  );
  expect(watchEndText({ ...end, cleanUp: 'failed' })).toMatch(
    /and ended it, and could not remove everything$/,
  );
});

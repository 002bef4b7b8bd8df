/** Random sessions for clients of the proofs. */
import { TRACE_KINDS } from '../../src/core/tracing/kinds.ts';
import type { Random } from '../support/random.ts';
import type { SessionOrder } from './client.ts';

/** Functions that the workload of guest.ts calls, each returning an int. */
const FUNCTIONS = ['zfs_lookup', 'zfs_getattr_fast', 'zfs_write', 'zfs_fsync', 'dmu_tx_assign'] as const;
const CONDITIONS = ['', '', 'pid != 1', 'comm != "zscope"', 'cpu == 0'] as const;

/** @param latestMs it begins at most so long after the connection is there */
export function randomSession(random: Random, latestMs: number): SessionOrder {
  return {
    kind: random.oneIn(5) ? 'watch' : random.pick(TRACE_KINDS),
    symbol: random.pick(FUNCTIONS),
    condition: random.pick(CONDITIONS),
    sessionId: random
      .below(2 ** 32)
      .toString(16)
      .padStart(8, '0'),
    afterMs: random.below(latestMs),
  };
}

export function randomSessions(random: Random, count: number, latestMs: number): SessionOrder[] {
  return Array.from({ length: count }, () => randomSession(random, latestMs));
}

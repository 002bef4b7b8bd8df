import { sourceName } from '../../core/stack/frame.ts';
import { inert } from '../../core/text/inert.ts';
import { durationText } from '../../core/tracing/duration-text.ts';
import type { CallEvent } from '../../core/tracing/events.ts';
import type { SessionStats } from '../../core/tracing/function-stats.ts';
import { functionOf } from '../../core/tracing/sites.ts';
import { returnedText } from './trace-texts.ts';

/** Arguments of a call that are named: a lens is one line. */
const ARGUMENTS = 3;
/** Callers of the first call that are named, the nearest first. */
const CALLERS = 3;

/** What a lens has to know of a session. */
export interface LensSubject {
  readonly stats: SessionStats;
  readonly isRunning: boolean;
  /** Null before it began. */
  readonly started: unknown;
  /** Whether its numbers are lower bounds. */
  readonly isIncomplete: boolean;
}

/**
 * What a function's calls come to: `1,204 calls, 38/s, p50 ≈ 12 µs, p99 ≈ 1.4 ms, last: dd(634) foid=34 -> 5 EIO`: quantiles
 * are estimates within powers of two. `at least` stands before a number that may be larger. Empty before the session began.
 * @param now in seconds, by the clock that the stats were given
 */
export function lensText(session: LensSubject, symbol: string, now: number): string {
  if (session.started === null) {
    return '';
  }
  const stats = session.stats.of(symbol);
  const rate = session.isRunning ? stats.rate(now) : null;
  const [half, most] = [stats.quantile(0.5), stats.quantile(0.99)];
  return [
    `${session.isIncomplete ? 'at least ' : ''}${stats.calls.toLocaleString('en-US')} ${stats.calls === 1 ? 'call' : 'calls'}`,
    rate === null ? '' : `${rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en-US')}/s`,
    half === null ? '' : `p50 ≈ ${durationText(half)}`,
    most === null ? '' : `p99 ≈ ${durationText(most)}`,
    stats.last === null ? '' : `last: ${callText(stats.last)}`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/** Who called a function first, with what, and by which way: `first call: dd(634) foid=34 <- zpl_fsync <- vfs_fsync_range`. */
export function firstCallText(call: CallEvent): string {
  const callers = call.stack
    .filter(({ reliable }) => reliable)
    .map(({ symbol }) => sourceName(symbol))
    .filter((name, at) => at > 0 || name !== sourceName(functionOf(call.symbol)))
    .slice(0, CALLERS);
  return inert([`first call: ${callText(call)}`, ...callers].join(' <- '), 200);
}

function callText(call: CallEvent): string {
  const named = call.arguments
    .filter(({ value }) => !/^0x[0-9a-f]+$/.test(value))
    .slice(0, ARGUMENTS)
    .map(({ name, value }) => `${name}=${value}`);
  const returned = returnedText(call);
  const parts = [`${call.comm}(${call.pid})`, ...named, ...(returned === '' ? [] : [`-> ${returned}`])];
  return inert(parts.join(' '), 120);
}

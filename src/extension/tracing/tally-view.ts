/** The words of the sums that the kernel makes: pure functions of what it said. */
import type { Trace } from '../../core/stack/frame.ts';
import { inert } from '../../core/text/inert.ts';
import { durationText } from '../../core/tracing/duration-text.ts';
import type { LatencyBucket, TraceTally } from '../../core/tracing/events.ts';
import { quantile } from '../../core/tracing/function-stats.ts';
import type { TallyRow, TallyView } from '../../protocol/trace-view.ts';

/** Rows sent to a page at a time. */
const MOST_ROWS = 500;
/** Callers that the label of a stack names. */
const CALLERS = 4;

export function tallyView(tally: TraceTally): TallyView {
  const missing = [
    tally.dropped > 0 ? `${grouped(tally.dropped)} not counted: the kernel's table is full` : '',
    tally.isCut || tally.rows.length > MOST_ROWS ? 'the rarest are left out' : '',
  ];
  const about = tally.of === 'latency' ? latencySummary(tally.rows) : [];
  const calls = `${grouped(tally.hits)} ${tally.hits === 1 ? 'call' : 'calls'}`;
  return {
    symbol: inert(tally.symbol),
    summary: [calls, ...about, ...missing].filter((part) => part !== '').join(', '),
    heading: { count: 'Task', latency: 'Duration', stacks: 'Called from' }[tally.of],
    hasStacks: tally.of === 'stacks',
    rows: rows(tally).slice(0, MOST_ROWS),
  };
}

function rows(tally: TraceTally): TallyRow[] {
  switch (tally.of) {
    case 'count':
      return tally.rows.map(({ comm, pid, count }) => ({
        key: `${pid} ${inert(comm)}`,
        label: inert(comm),
        detail: `pid ${pid}`,
        count,
      }));
    case 'latency':
      return histogram(tally.rows);
    case 'stacks':
      return tally.rows.map(({ stack, count }) => ({
        key: stackKey(stack),
        label: callers(stack, tally.symbol),
        detail: '',
        count,
      }));
  }
}

const stackKeys = new WeakMap<Trace, string>();
let stacks = 0;

/** A short name for a stack; equal stacks of a session are one object (stack-pool.ts). */
export function stackKey(stack: Trace): string {
  let key = stackKeys.get(stack);
  if (key === undefined) {
    stacks += 1;
    key = `${stacks}`;
    stackKeys.set(stack, key);
  }
  return key;
}

/** All powers of two from the shortest duration to the longest: empty ones show the gaps. */
function histogram(buckets: readonly LatencyBucket[]): TallyRow[] {
  const byLog2 = new Map(buckets.map((bucket) => [bucket.log2, bucket]));
  const exponents = [...byLog2.keys()];
  const found: TallyRow[] = [];
  for (let log2 = Math.min(...exponents); log2 <= Math.max(...exponents); log2++) {
    const { count = 0, sumNs = 0 } = byLog2.get(log2) ?? {};
    const from = log2 === 0 ? 0 : 2 ** (log2 - 1);
    found.push({
      key: `${log2}`,
      label: `${durationText(from)} – ${durationText(2 ** log2)}`,
      detail: count === 0 ? '' : `mean ${durationText(sumNs / count)}`,
      count,
    });
  }
  return found;
}

function latencySummary(buckets: readonly LatencyBucket[]): string[] {
  const calls = buckets.reduce((sum, { count }) => sum + count, 0);
  const total = buckets.reduce((sum, { sumNs }) => sum + sumNs, 0);
  const [half, most] = [quantile(buckets, 0.5), quantile(buckets, 0.99)];
  return calls === 0 || half === null || most === null
    ? []
    : [`mean ${durationText(total / calls)}`, `p50 ≈ ${durationText(half)}`, `p99 ≈ ${durationText(most)}`];
}

function callers(stack: Trace, symbol: string): string {
  const above = stack.filter((frame, index) => index > 0 || frame.symbol !== symbol);
  const names = above.slice(0, CALLERS).map((frame) => inert(frame.symbol));
  return names.length === 0
    ? 'no caller known'
    : `${names.join(' ← ')}${above.length > CALLERS ? ' ← …' : ''}`;
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

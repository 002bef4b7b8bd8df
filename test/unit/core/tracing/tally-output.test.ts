import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ftraceProgram } from '../../../../src/core/tracing/ftrace-program.ts';
import { FunctionStats, quantile } from '../../../../src/core/tracing/function-stats.ts';
import type { TraceKind } from '../../../../src/core/tracing/kinds.ts';
import { StackPool } from '../../../../src/core/tracing/stack-pool.ts';
import { TallyOutput } from '../../../../src/core/tracing/tally-output.ts';
import { tallyView } from '../../../../src/extension/tracing/tally-view.ts';

function read(kind: TraceKind, text: string, pool = new StackPool()) {
  const program = ftraceProgram({
    symbol: 'zfs_getattr_fast',
    module: 'zfs',
    machine: 'x86_64',
    parameters: null,
    kind,
    maxEvents: 10,
    maxSeconds: 20,
    sessionId: 'ab12',
  });
  const output = new TallyOutput(program, pool);
  for (const line of text.split('\n')) {
    output.line(line);
  }
  return output.end();
}

// As Linux 6.12 writes them.
const COUNT = `{ common_pid: sh              [       788] } hitcount:         24
{ common_pid: z_wr_iss [1] } x [      1788] } hitcount:          2
    Hits: 26
    Dropped: 3`;
const LATENCY = `{ ns: ~ 2^18 } hitcount:          1  ns:     140781
{ ns: ~ 2^20 } hitcount:          1  ns:     670654
{ ns: ~ 2^17 } hitcount:          9  ns:     960370
    Hits: 11
    Dropped: 0`;
const STACKS = `{ common_stacktrace:
         aggr_pre_handler+0x41/0x80
         kprobe_ftrace_handler+0x138/0x1d0
         0xffffffffc0e3d0de
         zfs_getattr_fast+0x9/0x270 [zfs]
         zpl_getattr+0x63/0x170 [zfs]
         entry_SYSCALL_64_after_hwframe+0x76/0x7e
} hitcount:         24
...
    Hits: 24
    Dropped: 0`;

describe('sums of the kernel', () => {
  it('are read by task', () => {
    expect(read('count', COUNT)).toEqual({
      kind: 'tally',
      of: 'count',
      symbol: 'zfs_getattr_fast',
      hits: 26,
      dropped: 3,
      isCut: false,
      rows: [
        { comm: 'sh', pid: 788, count: 24 },
        { comm: 'z_wr_iss [1] } x', pid: 1788, count: 2 },
      ],
    });
    expect(tallyView(read('count', COUNT)).summary).toBe(
      "26 calls, 3 not counted: the kernel's table is full",
    );
  });

  it('are read by duration, and drawn with their gaps', () => {
    const tally = read('latency', LATENCY);
    expect(tally.of === 'latency' && tally.rows.map(({ log2, count }) => [log2, count])).toEqual([
      [17, 9],
      [18, 1],
      [20, 1],
    ]);
    const view = tallyView(tally);
    expect(view.summary).toBe('11 calls, mean 161 µs, p50 ≈ 106 µs, p99 ≈ 991 µs');
    expect(view.rows).toEqual([
      { key: '17', label: '66 µs – 131 µs', detail: 'mean 107 µs', count: 9 },
      { key: '18', label: '131 µs – 262 µs', detail: 'mean 141 µs', count: 1 },
      { key: '19', label: '262 µs – 524 µs', detail: '', count: 0 },
      { key: '20', label: '524 µs – 1.0 ms', detail: 'mean 671 µs', count: 1 },
    ]);
  });

  it('are read by stack, without the frames of the probe', () => {
    const tally = read('stacks', STACKS);
    expect(tally).toMatchObject({ hits: 24, isCut: true });
    expect(tally.of === 'stacks' && tally.rows[0]?.stack.map(({ symbol }) => symbol)).toEqual([
      'zfs_getattr_fast',
      'zpl_getattr',
      'entry_SYSCALL_64_after_hwframe',
    ]);
    expect(tallyView(tally).rows[0]?.label).toBe('zpl_getattr ← entry_SYSCALL_64_after_hwframe');
  });

  it('have each stack as the same row when they are read again', () => {
    const pool = new StackPool();
    const other = STACKS.replace('zpl_getattr+0x63/0x170', 'zpl_readdir+0x10/0x90').replace(
      /\n\.\.\..*/s,
      '',
    );
    const keys = (text: string) => tallyView(read('stacks', text, pool)).rows.map(({ key }) => key);
    const [first] = keys(STACKS);
    const [before, again] = keys(`${other}\n${STACKS}`);
    expect(again).toBe(first);
    expect(before).not.toBe(first);
  });

  it('of any text are no more than it holds', () => {
    const line = fc.constantFrom(...`${COUNT}\n${LATENCY}\n${STACKS}\n}\n{`.split('\n'));
    fc.assert(
      fc.property(fc.constantFrom<TraceKind>('count', 'latency', 'stacks'), fc.array(line), (kind, lines) => {
        expect(read(kind, lines.join('\n')).rows.length).toBeLessThanOrEqual(lines.length);
      }),
    );
  });
});

describe('what a function did so far', () => {
  it('has its rate and the shares of its durations', () => {
    const stats = new FunctionStats();
    for (let i = 0; i < 100; i++) {
      const durationNs = i < 98 ? 12_000 : 1_400_000;
      const [comm, symbol] = ['dd', 'f'];
      stats.add(
        {
          kind: 'call',
          time: 10 + i / 20,
          comm,
          pid: 1,
          cpu: 0,
          symbol,
          arguments: [],
          stack: [],
          durationNs,
        },
        7,
      );
    }
    expect(stats.calls).toBe(100);
    expect(stats.rate(8)).toBeCloseTo(20, 0);
    // No call came for a while.
    expect(stats.rate(60)).toBeNull();
    const half = stats.quantile(0.5) ?? 0;
    expect(half).toBeGreaterThan(8192);
    expect(half).toBeLessThanOrEqual(16_384);
    expect(stats.quantile(0.99) ?? 0).toBeGreaterThan(1_048_576);
    // No share of the calls took longer than the longest of them.
    expect(stats.quantile(1)).toBe(1_400_000);
    expect(new FunctionStats().rate(0)).toBeNull();
    expect(quantile([], 0.5)).toBeNull();
  });
});

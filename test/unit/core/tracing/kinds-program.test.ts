import { describe, expect, it } from 'vitest';
import { ftraceProgram, type TraceParams } from '../../../../src/core/tracing/ftrace-program.ts';
import { withoutTally } from '../../../../src/core/tracing/kinds.ts';
import { programText } from '../../../../src/core/tracing/program/program-text.ts';
import type { Step } from '../../../../src/core/tracing/program/steps.ts';
import { declaredReturn, returnKind, typedReturn } from '../../../../src/core/tracing/return-type.ts';

const params: TraceParams = {
  symbol: 'zil_commit',
  module: 'zfs',
  machine: 'x86_64',
  parameters: [
    { name: 'zilog', type: 'zilog_t *' },
    { name: 'name', type: 'const char *' },
    { name: 'foid', type: 'uint64_t' },
  ],
  returns: 'int',
  maxEvents: 10,
  maxSeconds: 20,
  sessionId: 'ab12',
};

/** What the program has the target do, a line a step. */
const steps = (more: Partial<TraceParams>) => ftraceProgram({ ...params, ...more }).steps.map(stepText);

function stepText(step: Step): string {
  switch (step.do) {
    case 'probe':
      return `${step.type} ${step.event} ${step.fetches}`;
    case 'synthetic':
      return `s ${step.event} ${step.fields}`;
    case 'filter':
      return `${step.event}/filter ${step.filter}`;
    case 'trigger':
      return `${step.event}/trigger ${step.texts.join(' or ')}`;
    case 'graph':
      return `graph ${step.symbol} ${step.names.join(' ')}`;
    case 'measure':
      return `${step.from} to ${step.to} into ${step.into} if ${step.filter}`;
  }
}

const FETCHED = 'a0=%di:x64 a2=%dx:u64 a1=+0(%si):string c=$comm';

describe('the program of a kind', () => {
  it('pairs both ends by the stack pointer for returns', () => {
    expect(steps({ kind: 'returns', condition: 'foid == 34 && ret != 0 && duration > 1ms' })).toEqual([
      `p zil_commit_ab12 k=$stack:x64 ${FETCHED}`,
      'r512 zil_commit_ab12_r k=$stack:x64 r=$retval:s32 c=$comm',
      'zil_commit_ab12/filter a2 == 34',
      'zil_commit_ab12_r/filter r != 0',
    ]);
    const { filters } = ftraceProgram({ ...params, kind: 'returns', condition: 'duration > 1ms' });
    expect(filters.ours).toMatchObject({ field: { name: 'duration' }, value: 1_000_000n });
  });

  it('asks for the task at both ends, so that the returns of others fill no buffer', () => {
    const condition = 'comm == "dd" && pid == 7 && foid == 34';
    expect(steps({ kind: 'returns', condition }).slice(2)).toEqual([
      'zil_commit_ab12/filter ((comm == "dd") && (common_pid == 7)) && (a2 == 34)',
      'zil_commit_ab12_r/filter (comm == "dd") && (common_pid == 7)',
    ]);
    expect(ftraceProgram({ ...params, kind: 'returns', condition }).filters.keepsReturns).toBe(true);
    // A task that executes a program gets its name meanwhile.
    expect(steps({ kind: 'returns', symbol: 'bprm_execve', condition }).at(-1)).toMatch(
      /_r\/filter common_pid == 7$/,
    );
  });

  it('has one event with the arguments at the return for errors, and lets only errors pass', () => {
    expect(steps({ kind: 'errors', condition: 'foid == 34' })).toEqual([
      'r512 zil_commit_ab12 r=$retval:s32 a0=$arg1:x64 a2=$arg3:u64 a1=$arg2:x64 c=$comm',
      'zil_commit_ab12/filter (((r >= -4095 && r <= -1) || (r >= 1 && r <= 4095))) && (a2 == 34)',
    ]);
    expect(steps({ kind: 'errors', returns: 'zio_t *' }).at(-1)).toBe(
      'zil_commit_ab12/filter r >= 0xfffffffffffff001',
    );
    for (const returns of ['void', 'boolean_t', 'uint64_t']) {
      expect(() => steps({ kind: 'errors', returns })).toThrow(/returns .*: there are no errors to trace/);
    }
  });

  it('sums up in the kernel, and fetches nothing but what a condition asks for', () => {
    expect(steps({ kind: 'latency' }).slice(0, 2)).toEqual(['p zil_commit_ab12 ', 'r512 zil_commit_ab12_r ']);
    expect(steps({ kind: 'count', condition: 'comm == "dd"' })).toEqual([
      'p zil_commit_ab12 ',
      'zil_commit_ab12/trigger hist:keys=common_pid.execname:sort=hitcount.descending:size=4096 if comm == "dd"',
    ]);
    expect(steps({ kind: 'stacks' }).at(-1)).toBe(
      'zil_commit_ab12/trigger hist:keys=common_stacktrace:sort=hitcount.descending:size=2048 or hist:keys=stacktrace:sort=hitcount.descending:size=2048',
    );
    // What was returned is known at the return: the count is made there.
    expect(steps({ kind: 'count', condition: 'ret == EIO' })[0]).toMatch(/^r512 zil_commit_ab12 r=/);
    expect(steps({ kind: 'latency', condition: 'foid == 3 && ret == 0 && duration > 1us' })).toEqual([
      'p zil_commit_ab12 a2=%dx:u64',
      'r512 zil_commit_ab12_r r=$retval:s32',
      's zil_commit_ab12_t u64 ns',
      'zil_commit_ab12_t/trigger hist:keys=ns.log2:vals=ns:size=256 if ns > 1000',
      'zil_commit_ab12/trigger hist:keys=common_pid:t=common_timestamp:size=16384 if a2 == 3',
      'zil_commit_ab12 to zil_commit_ab12_r into zil_commit_ab12_t if r == 0',
    ]);
    expect(() => steps({ kind: 'latency', condition: 'foid == 3 || ret == 0' })).toThrow(/cannot check all/);
    expect(() => steps({ kind: 'calls', condition: 'ret == 0' })).toThrow(/There is no ret here/);
    expect(() => steps({ kind: 'count', condition: 'duration > 1us' })).toThrow(/There is no duration here/);
  });

  it('sees a call graph by a probe at its top and the names of what it calls, each once', () => {
    const callees = ['zil_commit_impl', 'x y', 'dbuf_hold', 'zil_commit_impl', '$(id)'];
    expect(steps({ kind: 'graph', condition: 'comm == "dd" && duration > 1ms', callees })).toEqual([
      `p zil_commit_ab12 ${FETCHED}`,
      'zil_commit_ab12/filter comm == "dd"',
      'graph zil_commit zil_commit_impl dbuf_hold',
    ]);
    expect(() => steps({ kind: 'graph', condition: 'ret == 0' })).toThrow(/There is no ret here/);
  });

  it('tells the functions of a session apart, however long their names', () => {
    const symbol = 'x'.repeat(80);
    const events = [0, 1, 12].map((index) => ftraceProgram({ ...params, symbol, index, kind: 'latency' }));
    expect(new Set(events.map(({ event }) => event)).size).toBe(3);
    for (const { durationEvent } of events) {
      expect(durationEvent).toMatch(/^\w{1,63}$/);
    }
  });
});

describe('what a function returns', () => {
  it.each([
    ['int\nzil_commit(zilog_t *zilog)', 'int'],
    ['static inline int zil_commit(void)', 'int'],
    ['/* a comment */\nstatic\nstruct zio *\nzil_commit(void)', 'struct zio *'],
    ['}\n\nvoid\nzil_commit(zilog_t *zilog)', 'void'],
    ['static __attribute__((noinline)) uint64_t\nzil_commit(void)', 'uint64_t'],
    ['__must_check const char **zil_commit(void)', 'const char **'],
    ['#define X\nzil_commit(void)', null],
    ['DEFINE(zil_commit)', null],
    ['something else', null],
  ])('is read from %j', (source, expected) => {
    const lines = source.split('\n');
    expect(declaredReturn(lines, lines.length, 'zil_commit')).toBe(expected);
  });

  it('says which values mean an error', () => {
    expect(returnKind('int')).toMatchObject({ type: 's32', errors: 'both' });
    expect(returnKind(null)).toMatchObject({ type: 's32', errors: 'both', isKnown: false });
    expect(returnKind('ssize_t')).toMatchObject({ type: 's64', errors: 'negative' });
    expect(returnKind('zio_t *')).toMatchObject({ type: 'x64', errors: 'negative' });
    expect(returnKind('boolean_t')).toMatchObject({ type: 's32', errors: 'none' });
    expect(typedReturn(null)).toMatchObject({ type: null });
    expect(
      typedReturn({ kind: 'enum', size: 4, isSigned: false, isFlags: false, constants: [] }),
    ).toMatchObject({ type: 'u32', errors: 'none' });
  });
});

it('is shown as a script that sets all up and takes it away again', () => {
  const program = ftraceProgram({ ...params, kind: 'latency', condition: 'comm == "dd" && ret == 0' });
  const lines = programText(program).trim().split('\n');
  expect(lines.slice(0, 3)).toEqual([
    'cd /sys/kernel/tracing',
    "echo 'p:zscope_own/zil_commit_ab12 zfs:zil_commit' >>kprobe_events",
    "echo 'r512:zscope_own/zil_commit_ab12_r zfs:zil_commit r=$retval:s32' >>kprobe_events",
  ]);
  // Each trigger goes as it came, the last first; then the instance, the probes and the event of its own.
  const set = lines.filter((line) => line.startsWith("echo 'hist:"));
  const removed = lines.filter((line) => line.startsWith("echo '!hist:"));
  expect(removed.map((line) => line.replace('!', ''))).toEqual(set.reverse());
  expect(lines.slice(-4)).toEqual([
    'rmdir instances/zscope_own',
    "echo '-:zscope_own/zil_commit_ab12_r' >>kprobe_events",
    "echo '-:zscope_own/zil_commit_ab12' >>kprobe_events",
    "echo '!zil_commit_ab12_t' >>synthetic_events",
  ]);
  expect(programText(ftraceProgram({ ...params, kind: 'calls' }))).toContain('trace_pipe');
});

it('is shown as one script for all functions of a session', () => {
  const other = { ...params, symbol: 'zil_close', index: 1 };
  const kinds = ['calls', 'count'] as const;
  const texts = kinds.map((kind) =>
    programText(ftraceProgram({ ...params, kind }), ftraceProgram({ ...other, kind })),
  );
  for (const text of texts) {
    const lines = text.split('\n');
    const events = ['zil_commit_ab12', 'zil_close_1_ab12'];
    const made = events.map((event) => lines.findIndex((line) => line.includes(`p:zscope_own/${event} `)));
    expect(Math.min(...made)).toBeGreaterThan(0);
    // One instance, and each probe goes after it.
    expect(lines.filter((line) => line.startsWith('mkdir'))).toHaveLength(1);
    for (const event of events) {
      expect(lines.indexOf(`echo '-:zscope_own/${event}' >>kprobe_events`)).toBeGreaterThan(
        lines.indexOf('rmdir instances/zscope_own'),
      );
    }
  }
  expect(texts[1]).toMatch(/^cat \S+\/zil_commit_ab12\/hist \S+\/zil_close_1_ab12\/hist$/m);
});

it.each([
  ['latency', '', 'returns'],
  ['count', 'ret != 0', 'returns'],
  ['stacks', 'errno == EIO', 'returns'],
  ['count', 'foid == 34', 'calls'],
] as const)('what was to be counted by %s with "%s" can be traced as %s', (kind, condition, other) => {
  const kept = withoutTally(ftraceProgram({ ...params, kind, condition }).returns !== null);
  expect(kept).toBe(other);
  expect(() => ftraceProgram({ ...params, kind: kept, condition })).not.toThrow();
});

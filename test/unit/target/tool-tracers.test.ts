import { describe, expect, it } from 'vitest';
import { type InstalledTools, NO_TOOLS } from '../../../src/core/tracers/tools.ts';
import type { TraceStreamEvent } from '../../../src/core/tracing/events.ts';
import { installedTools } from '../../../src/target/collectors/installed-tools.ts';
import { EventDelivery } from '../../../src/target/event-delivery.ts';
import { tracerOf } from '../../../src/target/tool-tracers.ts';
import { ftrace } from '../../../src/target/tracer.ts';
import { lookup } from '../core/tracers/request.ts';

const ALL: InstalledTools = {
  bpftrace: '0.23.2',
  bcc: '0.31.0',
  'perf-tools': '',
  programs: {
    bpftrace: 'bpftrace',
    trace: 'trace-bpfcc',
    argdist: 'argdist-bpfcc',
    stackcount: 'stackcount-bpfcc',
    funclatency: 'funclatency-bpfcc',
    kprobe: 'kprobe-perf',
  },
};

const MARK = `#zscope-${lookup.sessionId}`;

/** What a session tells of these lines. */
function told(
  tool: 'bpftrace' | 'bcc' | 'perf-tools',
  lines: readonly string[],
  more = {},
): TraceStreamEvent[] {
  const decoder = tracerOf(tool, ALL).session.decoder({ ...lookup, ...more });
  return [...lines.flatMap((line) => decoder.line(line)), ...decoder.end()];
}

describe('the tracer of a tool', () => {
  it('ends after a time that the target’s shell can count, whatever the limit is', () => {
    const seconds = (maxSeconds: number) => {
      const script = tracerOf('bpftrace', ALL).session.script({ ...lookup, maxSeconds });
      return /^tool \S+ (\S+) /m.exec(script)?.[1];
    };
    expect([60, -1, Number.NaN, Number.POSITIVE_INFINITY].map(seconds)).toEqual(['180', '720', '720', '720']);
  });

  it('says which package has what is not installed', () => {
    expect(tracerOf('ftrace', NO_TOOLS)).toBe(ftrace);
    expect(() => tracerOf('bcc', NO_TOOLS)).toThrow('bcc is not installed on the target.');
  });

  it('can only do what its programs can', () => {
    expect(tracerOf('perf-tools', ALL).can('latency')).toBe(false);
    expect(() => tracerOf('perf-tools', ALL).plan({ ...lookup, kind: 'latency' })).toThrow(
      /cannot find this out/,
    );
    const partly = tracerOf('bcc', { ...ALL, programs: { trace: 'trace-bpfcc' } });
    expect([partly.can('calls'), partly.can('count')]).toEqual([true, false]);
  });

  it('has the words of its program quoted, whatever is in them', () => {
    const condition = 'comm == "it is"';
    const script = tracerOf('perf-tools', ALL).session.script({ ...lookup, condition });
    expect(script).toContain(
      `tool '${MARK}' 180 kprobe-perf -F -s 'p:zfs_lookup_ab12 zfs_lookup a0=%di:x64 a2=%dx:x64 a3=%cx:s32 a1=+0(%si):string c=$comm' 'comm == "it is"'`,
    );
    expect(() => tracerOf('bpftrace', ALL).session.script({ ...lookup, sessionId: 'a b' })).toThrow();
    expect(() => tracerOf('perf-tools', ALL).session.cleanup({ sessionId: '$(id)' })).toThrow();
  });
});

describe('a session of a tool', () => {
  it('is refused with what the tool said, and by the function where that is at fault', () => {
    const events = told('bpftrace', [
      `${MARK} pid 7`,
      'stdin:1:1-2: WARNING: something',
      'ERROR: Error attaching probe: kprobe:zfs:zfs_lookup',
      '',
      `${MARK} ended 255`,
    ]);
    expect(events).toEqual([
      {
        kind: 'refused',
        reason: 'no-probe',
        why: 'The tool refuses it: "ERROR: Error attaching probe: kprobe:zfs:zfs_lookup".',
      },
    ]);
    expect(told('bcc', ['chdir(/lib/modules/6.12/build): No such file', `${MARK} ended 1`])).toMatchObject([
      { kind: 'refused', reason: 'no-tool' },
    ]);
    expect(told('perf-tools', [`${MARK} busy somebody else uses the tracer function`])).toEqual([
      {
        kind: 'refused',
        reason: 'no-tool',
        why: 'It cannot trace here: somebody else uses the tracer function.',
      },
    ]);
  });

  it('that is stopped says whether all was told: of a tool that prints what it holds, and only if it did', () => {
    const complete = (tool: 'bpftrace' | 'bcc', ...lines: readonly string[]) =>
      told(tool, lines).some(({ kind }) => kind === 'complete');
    expect(complete('bpftrace', `${MARK} stopped 0`)).toBe(true);
    expect(complete('bpftrace', `${MARK} stopped 137`)).toBe(false);
    expect(complete('bpftrace')).toBe(false);
    expect(complete('bcc', `${MARK} stopped 0`)).toBe(false);
    // And stopped before it began is not refused.
    expect(told('bcc', [`${MARK} stopped 143`])).toEqual(told('bcc', []));
  });

  it('ends at its limit of events, of which no more come', () => {
    const call = '0.1 0   7       7       dd              zfs_lookup       dzp=0x1 zpp=0x2 flags=0 nm=x';
    const events = told(
      'bcc',
      [
        'TIME     CPU PID     TID     COMM            FUNC             -',
        call,
        '',
        call,
        '',
        call,
        '',
        `${MARK} ended 0`,
      ],
      { maxEvents: 2 },
    );
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'call', 'call', 'limit']);
    expect(events.at(-1)).toEqual({ kind: 'limit', of: 'events' });
  });

  it('is over when calls come too often, where the tool itself does not count them', () => {
    const calls = Array.from({ length: 9 }, (_, i) => [
      `0.${i} 0   7       7       dd              zfs_lookup       dzp=0x1 zpp=0x2 flags=0 nm=x`,
      '',
    ]).flat();
    const later = calls.map((line) => line.replace(/^0/, '1'));
    const head = 'TIME     CPU PID     TID     COMM            FUNC             -';
    const fast = told('bcc', [head, ...calls, ...later], { maxRate: 8 });
    expect(fast.filter(({ kind }) => kind === 'call')).toHaveLength(9);
    expect(fast.at(-1)).toEqual({ kind: 'limit', of: 'rate', rate: 9 });
    expect(told('bcc', [head, ...calls, ...later], { maxRate: 9 }).at(-1)?.kind).toBe('call');
    expect(tracerOf('bcc', ALL).endsAtLimits).toBe(false);
    expect(tracerOf('bpftrace', ALL).endsAtLimits).toBe(true);
  });

  it('of perf-tools begins when the kernel says that the probe is on, and knows modules that are not printed', () => {
    const mark = `          zscope-5309    [000] .....  2425.1: tracing_mark_write+0xda/0x270: ${MARK} started`;
    const events = told('perf-tools', [
      `${MARK} modules zfs zfs_lookup zpl_lookup`,
      'Tracing kprobe zfs_lookup_ab12. Ctrl-C to end.',
      mark,
      mark,
      '              dd-7       [001] .....  2425.563053: zfs_lookup_ab12: (zfs_lookup+0x5/0x410 [zfs]) a0=0x1 a2=0x2 a3=0 a1="x" c="dd"',
      '              dd-7       [001] .....  2425.563055: <stack trace>',
      ' => zfs_lookup+0x5/0x410 [zfs]',
      ' => zpl_lookup',
      ' => do_syscall_64+0x87/0x1a0',
      `${MARK} ended 0`,
    ]);
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'call']);
    expect(events[1]).toMatchObject({
      comm: 'dd',
      stack: [
        { symbol: 'zfs_lookup', module: 'zfs' },
        { symbol: 'zpl_lookup', module: 'zfs' },
        { symbol: 'do_syscall_64', module: null },
      ],
    });
  });
});

describe('what is installed', () => {
  it('is read from what the target says, by names that are known', () => {
    const output = [
      'program bpftrace bpftrace',
      'program trace /usr/share/bcc/tools/trace',
      'program kprobe /tmp/evil',
      'bpftrace v0.17.0',
      'bcc 0.26.0+ds-1',
      'perf-tools $(id)',
      '',
    ].join('\n');
    expect(installedTools.decode(output, null)).toEqual({
      bpftrace: '0.17.0',
      bcc: '0.26.0+ds-1',
      'perf-tools': null,
      programs: { bpftrace: 'bpftrace', trace: '/usr/share/bcc/tools/trace' },
    });
  });
});

describe('a map of many stacks', () => {
  it('is read whole, however long its line is', () => {
    const stack = (n: number) =>
      Array.from({ length: 20 }, (_, i) => `\n    zfs_function_with_a_long_name_${n}_${i}+${i}`).join('');
    const stacks = Object.fromEntries(Array.from({ length: 400 }, (_, n) => [stack(n), n + 1]));
    const lines = [
      { type: 'map', data: { '@hits': 80_200 } },
      { type: 'map', data: { '@stacks': stacks } },
      { type: 'printf', data: 'tick\n' },
    ];
    const told: TraceStreamEvent[] = [];
    const decoder = tracerOf('bpftrace', ALL).session.decoder({ ...lookup, kind: 'stacks' });
    const delivery = new EventDelivery(decoder, { events: (batch) => told.push(...batch) }, () => {});
    delivery.push(Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join('')));
    const tally = told.find(({ kind }) => kind === 'tally');
    expect(tally).toMatchObject({ hits: 80_200, dropped: 0 });
    expect(tally?.kind === 'tally' && tally.rows.length).toBe(400);
  });
});

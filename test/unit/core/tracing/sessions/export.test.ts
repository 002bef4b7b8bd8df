import { describe, expect, it } from 'vitest';
import type { StackItem } from '../../../../../src/core/stack/text/items.ts';
import { readStackItems } from '../../../../../src/core/stack/text/reader.ts';
import { readTraces } from '../../../../../src/core/stack/traces.ts';
import { EXPORT_FORMATS } from '../../../../../src/core/tracing/sessions/export.ts';
import type { KeptSession } from '../../../../../src/core/tracing/sessions/session.ts';
import { call, FSYNC, frame, session } from './sample.ts';

function exported(title: string, of: KeptSession): string {
  const format = EXPORT_FORMATS.find((one) => one.title === title);
  if (format === undefined) throw new Error(title);
  return [...format.pieces(of)].join('');
}

const SESSION = session([
  call(),
  { kind: 'loss', cpu: 0, count: 7 },
  call({ time: 12.5, comm: 'txg_sync', pid: 9, returned: null, durationNs: null, stack: [] }),
  call({ time: 13, comm: '=cmd(),"x";\n', returned: { value: '0', errno: null } }),
]);
const TIMED = session([call(), call({ durationNs: 3000 }), call({ stack: FSYNC.slice(0, 2) })]);

describe('a call graph', () => {
  const GRAPH = session([
    call({
      below: [
        { depth: 1, frame: frame('zil_commit_impl', 'zfs', 0), startNs: 1000, durationNs: 9500 },
        { depth: 2, frame: frame('zil_lwb_commit', 'zfs', 0), startNs: 2000, durationNs: null },
      ],
    }),
  ]);

  it('is indented in the text, as function_graph prints it', () => {
    expect(exported('Text', GRAPH).split('\n').slice(5)).toEqual([
      '              9.5 us | zil_commit_impl()',
      '                     |   zil_lwb_commit()',
      '',
      '',
    ]);
  });

  it('is within its call in Perfetto', () => {
    const title = EXPORT_FORMATS.find((one) => one.title.includes('Perfetto'))?.title ?? '';
    const { traceEvents } = JSON.parse(exported(title, GRAPH));
    expect(traceEvents.slice(2)).toMatchObject([
      { ph: 'X', name: 'zil_commit', tid: 634, ts: 12000005, dur: 12 },
      { ph: 'X', name: 'zil_commit_impl', tid: 634, ts: 12000006, dur: 9.5 },
      { ph: 'i', name: 'zil_lwb_commit', tid: 634, ts: 12000007 },
    ]);
  });
});

describe('text', () => {
  it('is what the reader of stack texts reads back', () => {
    const text = exported('Text', SESSION);
    expect(text.split('\n').slice(0, 5)).toEqual([
      'TIME         TID     COMM            FUNC             -',
      '12.000005    634     dd              zil_commit       zilog=0xffff888012345678 foid=34 = 5 EIO 12 us',
      '        zil_commit+0x4/0x100 [zfs]',
      '        zfs_fsync+0x5/0x100 [zfs]',
      '        do_fsync+0x5/0x100',
    ]);
    expect(text).toContain('Possibly lost 7 samples');
    const items: StackItem[] = [];
    readStackItems(text, (item) => items.push(item));
    const lines = text.split('\n');
    const traces = readTraces(items, (line) => lines[line] ?? '').map(({ frames }) =>
      frames.map((one) => one.frame.symbol),
    );
    expect(traces).toEqual([
      ['zil_commit', 'zfs_fsync', 'do_fsync'],
      ['zil_commit', 'zfs_fsync', 'do_fsync'],
    ]);
  });
});

describe('CSV', () => {
  it('quotes as RFC 4180 does, and is no formula', () => {
    const rows = exported('CSV', SESSION).split('\r\n');
    expect(rows[1]).toBe(
      '12.000005,dd,634,1,zil_commit,zilog=0xffff888012345678; foid=34,5,EIO,12000,do_fsync;zfs_fsync;zil_commit',
    );
    expect(rows[2]).toBe('12.500000,txg_sync,9,1,zil_commit,zilog=0xffff888012345678; foid=34,,,,');
    expect(rows[3]).toContain(`"'=cmd(),""x"";\n"`);
  });

  it('has numbers that were returned as they are, and other texts of a file as texts', () => {
    const cells = ['-5', '=1+1', '1,2', '-1+cmd()'].map((value) => {
      const returning = session([call({ returned: { value, errno: null }, durationNs: 1000 })]);
      const [, row = ''] = exported('CSV', returning).split('\r\n');
      return row.replace(/^.*foid=34,(.*),,1000,.*$/, '$1');
    });
    expect(cells).toEqual(['-5', "'=1+1", '"1,2"', "'-1+cmd()"]);
  });
});

describe('JSON lines', () => {
  it('are objects that stand for themselves', () => {
    const objects = exported('JSON lines', SESSION)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects).toHaveLength(4);
    expect(objects[0]).toMatchObject({
      kind: 'call',
      comm: 'dd',
      stack: ['zil_commit+0x4/0x100 [zfs]', 'zfs_fsync+0x5/0x100 [zfs]', 'do_fsync+0x5/0x100'],
      returned: { value: '5', errno: 'EIO' },
      durationNs: 12_000,
    });
  });
});

describe('folded stacks', () => {
  it('are counted, and no name breaks a line', () => {
    expect(exported('Folded stacks', SESSION).split('\n')).toEqual([
      'dd;do_fsync;zfs_fsync;zil_commit 1',
      'txg_sync;zil_commit 1',
      '=cmd(),"x"_␊;do_fsync;zfs_fsync;zil_commit 1',
      '',
    ]);
  });

  it('have those that the kernel counted', () => {
    const counted = session([], {
      tallies: [
        {
          kind: 'tally',
          of: 'stacks',
          symbol: 'zil_commit',
          hits: 40,
          dropped: 0,
          isCut: false,
          rows: [{ stack: [...FSYNC, { ...frame('guess'), reliable: false }], count: 40 }],
        },
      ],
    });
    expect(exported('Folded stacks', counted)).toBe('do_fsync;zfs_fsync;zil_commit 40\n');
    expect(JSON.parse(exported('speedscope', counted)).profiles[0]).toMatchObject({
      unit: 'none',
      samples: [[0, 1, 2].reverse()],
      weights: [40],
    });
  });
});

/** What the "Trace Event Format" wants of each phase, as far as it is used. */
describe('Perfetto', () => {
  it('has events with the fields that their phase needs', () => {
    const { traceEvents, displayTimeUnit } = JSON.parse(exported('Perfetto', SESSION));
    expect(displayTimeUnit).toBe('ns');
    for (const event of traceEvents) {
      expect(event).toMatchObject({
        name: expect.any(String),
        ph: expect.stringMatching(/^[MXi]$/),
        pid: expect.any(Number),
        tid: expect.any(Number),
      });
      if (event.ph !== 'M') {
        expect(event.ts).toBeGreaterThan(0);
        expect(event.ph === 'X' ? event.dur >= 0 : event.s === 't').toBe(true);
      }
    }
    const byPhase = (phase: string) => traceEvents.filter(({ ph }: { ph: string }) => ph === phase);
    expect(byPhase('X')[0]).toMatchObject({ ts: 12_000_005, dur: 12, tid: 634, args: { foid: '34' } });
    expect(byPhase('i')).toHaveLength(1);
    const names = byPhase('M').map((event: { args: { name: string } }) => event.args.name);
    expect(names).toEqual(['lab: zil_commit on lab', 'dd', 'txg_sync']);
  });
});

describe('speedscope', () => {
  it('has a profile whose samples are frames that are there, one weight each', () => {
    const file = JSON.parse(exported('speedscope', TIMED));
    const [profile] = file.profiles;
    expect(file.$schema).toBe('https://www.speedscope.app/file-format-schema.json');
    expect(file.shared.frames.map(({ name }: { name: string }) => name)).toEqual([
      'zil_commit [zfs]',
      'zfs_fsync [zfs]',
      'do_fsync',
    ]);
    // The outermost function first.
    expect(profile).toEqual({
      type: 'sampled',
      name: 'zil_commit on lab',
      unit: 'nanoseconds',
      startValue: 0,
      endValue: 27_000,
      samples: [
        [2, 1, 0],
        [1, 0],
      ],
      weights: [15_000, 12_000],
    });
  });
});

it('is offered where there is something to show', () => {
  const titles = (of: KeptSession) => EXPORT_FORMATS.filter(({ fits }) => fits(of)).map(({ title }) => title);
  expect(titles(TIMED)).toEqual(EXPORT_FORMATS.map(({ title }) => title));
  expect(titles(session([]))).toEqual(['JSON lines']);
});

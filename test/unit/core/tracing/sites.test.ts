import { describe, expect, it } from 'vitest';
import type { InlinedSite, TypedArgument } from '../../../../src/core/symbols/value-type.ts';
import { FtraceOutput } from '../../../../src/core/tracing/ftrace-output.ts';
import { ftraceProgram, type TraceParams } from '../../../../src/core/tracing/ftrace-program.ts';
import { Programs } from '../../../../src/core/tracing/program/programs.ts';
import {
  acrossBuilds,
  behindProbe,
  functionOf,
  probeSites,
  SITE_KINDS,
  tracedName,
} from '../../../../src/core/tracing/sites.ts';
import { TallyOutput } from '../../../../src/core/tracing/tally-output.ts';
import { typedFetches } from '../../../../src/core/tracing/values/typed-fetches.ts';

const line = (name: string, path: string, at: number) => ({
  function: name,
  path: `/build/${path}`,
  line: at,
});

const site = (symbol: string, offset: number, ...callers: InlinedSite['callers']): InlinedSite => ({
  symbol,
  offset,
  callers,
  arguments: [],
});

describe('the places of an inlined function', () => {
  it('are told apart: by the first line that is in no header, and by the offset where that is the same', () => {
    const header = line('list_remove_head', 'list.h', 130);
    const writer = line('zil_commit_writer', 'zil.c', 3194);
    const sites = probeSites([
      site('zil_commit_impl', 0x138, header, writer, line('zil_commit_impl', 'zil.c', 3688)),
      site('spa_sync', 0x10, header, line('spa_sync', 'spa.c', 5)),
      site('spa_sync', 0x40, header, line('spa_sync', 'spa.c', 5)),
      site('list_move', 0, line('list_move', 'list.h', 7)),
    ]);
    expect(sites.map(({ at }) => at)).toEqual([
      'zil_commit_impl, zil.c:3194',
      'spa_sync, spa.c:5 +0x10',
      'spa_sync, spa.c:5 +0x40',
      'list_move, list.h:7',
    ]);
  });

  it('have a name from which the function is known again', () => {
    const at = { symbol: 'zil_commit_impl', offset: 1, at: 'zil_commit_impl, zil.c:3194' };
    const name = tracedName({ symbol: 'list_del', site: at });
    expect(name).toBe('list_del (inlined in zil_commit_impl, zil.c:3194)');
    expect(functionOf(name)).toBe('list_del');
    expect(functionOf('weight.isra.0')).toBe('weight.isra.0');
    expect(acrossBuilds(name)).toBe('list_del (inlined in zil_commit_impl)');
    expect(acrossBuilds('list_del (inlined in zil_open.part.0)')).toBe('list_del (inlined in zil_open)');
    expect(acrossBuilds('weight.isra.0')).toBe('weight');
  });
});

const ARGUMENTS: readonly TypedArgument[] = [
  {
    name: 'entry',
    declared: 'struct list_head *',
    place: { kind: 'sum', register: 'rbx', offset: 0x10 },
    type: { kind: 'pointer' },
    members: [
      {
        path: 'count',
        offsets: [8],
        type: { kind: 'integer', size: 4, isSigned: true, means: 'number' },
      },
    ],
  },
  {
    name: 'slot',
    declared: 'int',
    place: { kind: 'memory', register: 'rsp', offset: -8 },
    type: { kind: 'integer', size: 4, isSigned: true, means: 'number' },
    members: [],
  },
  { name: 'lost', declared: 'int', place: { kind: 'unknown' }, type: { kind: 'bool', size: 1 }, members: [] },
];

const PARAMS: TraceParams = {
  sessionId: 'x1',
  symbol: 'list_del',
  module: 'zfs',
  machine: 'x86_64',
  parameters: [{ name: 'entry', type: 'struct list_head *' }],
  typed: { arguments: ARGUMENTS, returns: null },
  site: { symbol: 'zil_commit_impl', offset: 0x138, at: 'zil_commit_impl, zil.c:3194' },
  maxEvents: 10,
  maxSeconds: 10,
};

it('stacks of inlined calls begin behind the probe, whatever the machine says', () => {
  const name = 'list_del (inlined in zil_commit_impl, zil.c:3194)';
  const stack = [0x138, 0x20].map((offset) => ({
    symbol: 'f',
    offset,
    size: null,
    module: 'zfs',
    reliable: true,
  }));
  const offsets = (of: string, machine: string) =>
    behindProbe(stack, of, machine).map(({ offset }) => offset);
  expect(offsets(name, 'aarch64')).toEqual([0x139, 0x20]);
  expect(offsets(name, 'x86_64')).toEqual([0x138, 0x20]);
  expect(offsets('zil_commit_impl', 'aarch64')).toEqual([0x138, 0x20]);
  expect(behindProbe([], name, 'aarch64')).toEqual([]);
});

it('constants are shown by their type, and what is read on the way is fetched so', () => {
  const argument = (type: TypedArgument['type'], place: TypedArgument['place']): TypedArgument => ({
    name: 'a',
    declared: '',
    place,
    type,
    members: [],
  });
  const constant = (type: TypedArgument['type'], value: number) =>
    typedFetches([argument(type, { kind: 'constant', value })], 'x86_64').fixed[0]?.value.value;
  const integer = { kind: 'integer', size: 4, isSigned: false, means: 'number' } as const;
  expect(constant(integer, -1)).toBe('4294967295');
  expect(constant({ ...integer, isSigned: true }, 0xffffffff)).toBe('-1');
  expect(constant({ kind: 'pointer' }, 0)).toBe('0x0');
  expect(constant({ kind: 'bool', size: 1 }, 1)).toBe('true');
  const constants = [{ name: 'ZIO_TYPE_READ', value: 1 }];
  expect(constant({ kind: 'enum', size: 4, isSigned: false, isFlags: false, constants }, 1)).toBe(
    'ZIO_TYPE_READ',
  );
  const { fetches } = typedFetches(
    [argument({ kind: 'pointer' }, { kind: 'loaded', register: 'rbp', offsets: [-256, 8], add: 16 })],
    'x86_64',
  );
  expect(fetches).toMatchObject([{ place: '+8(-256(%bp))', add: 16 }]);
});

describe('a probe at a place', () => {
  it('is at its instruction, with the values that debug info has there', () => {
    const program = ftraceProgram(PARAMS);
    expect(program.places).toEqual(['zfs:zil_commit_impl+0x138']);
    expect(program.event).toBe('list_del_x1');
    expect(program.fetchText).toBe('a0=%bx:x64 a1=+24(%bx):s32 a2=-8(%sp):s32 c=$comm');
  });

  it('takes no arguments from the signature: they are where they happen to be', () => {
    expect(ftraceProgram({ ...PARAMS, typed: null }).fetches).toEqual([]);
  });

  it('has calls of the inlined function, with what is to be added to a value', () => {
    const output = new FtraceOutput(new Programs(ftraceProgram(PARAMS)));
    const text =
      '  dd-12 [000] .....  5.000001: list_del_x1: (zil_commit_impl+0x138/0x5a0 [zfs]) a0=0xffffffff81000ff8 a1=7 a2=-3 c="dd"';
    const [call] = [...output.line(text), ...output.end()];
    expect(call).toMatchObject({
      symbol: 'list_del (inlined in zil_commit_impl, zil.c:3194)',
      arguments: [
        { name: 'entry', value: '0xffffffff81001008' },
        { name: 'entry->count', value: '7' },
        { name: 'slot', value: '-3' },
        { name: 'lost', value: '?' },
      ],
    });
  });

  it('can be asked for a value that is computed here, which the kernel does not filter by', () => {
    const program = ftraceProgram({ ...PARAMS, condition: 'entry == 5 && slot == 3' });
    expect(program.filters).toMatchObject({ entry: 'a2 == 3', ours: { kind: 'compare' } });
  });

  it('has sums under its own name, with stacks from the function that it is in', () => {
    const tally = new TallyOutput(ftraceProgram({ ...PARAMS, kind: 'stacks' }));
    for (const text of [
      '{ common_stacktrace:',
      '         kprobe_dispatcher+0x10/0x20',
      '         zil_commit_impl+0x138/0x5a0 [zfs]',
      '         zil_commit+0x3d/0x110 [zfs]',
      '} hitcount:          4',
      'Totals:',
      '    Hits: 4',
    ]) {
      tally.line(text);
    }
    const sums = tally.end();
    expect(sums).toMatchObject({ symbol: tracedName(PARAMS), hits: 4 });
    expect(sums.of === 'stacks' && sums.rows[0]?.stack.map(({ symbol }) => symbol)).toEqual([
      'zil_commit_impl',
      'zil_commit',
    ]);
  });

  it.each(['returns', 'errors', 'latency', 'graph'] as const)('has no %s', (kind) => {
    expect(SITE_KINDS).not.toContain(kind);
    expect(() => ftraceProgram({ ...PARAMS, kind })).toThrow(/no return to see/);
  });

  it.each([-1, 0.5, 2 ** 40, Number.NaN])('is at no offset %s', (offset) => {
    const at = { symbol: 'zil_commit_impl', offset, at: '' };
    expect(() => ftraceProgram({ ...PARAMS, site: at })).toThrow(/none in a function/);
  });

  it('is in no symbol that is none', () => {
    const at = { symbol: 'a; reboot', offset: 1, at: '' };
    expect(() => ftraceProgram({ ...PARAMS, site: at })).toThrow(/not the name of a function/);
  });
});

import { expect, test } from 'vitest';
import { fetchArguments, fetchType } from '../../../../src/core/tracing/arguments.ts';
import { ftraceProgram, type TraceParams } from '../../../../src/core/tracing/ftrace-program.ts';

const params: TraceParams = {
  symbol: 'zil_commit',
  module: null,
  machine: 'x86_64',
  parameters: [
    { name: 'zilog', type: 'zilog_t *' },
    { name: 'name', type: 'const char *' },
    { name: 'foid', type: 'uint64_t' },
  ],
  maxEvents: 10,
  maxSeconds: 20,
  sessionId: 'ab12',
};

test('arguments come from registers, strings last, the comm at the end', () => {
  const program = ftraceProgram(params);
  expect(program.fetchText).toBe('a0=%di:x64 a2=%dx:u64 a1=+0(%si):string c=$comm');
  expect(program.places).toEqual(['zfs:zil_commit', 'spl:zil_commit', 'zil_commit']);
  expect(program.event).toBe('zil_commit_ab12');
  expect(ftraceProgram({ ...params, machine: 'aarch64' }).fetchText).toContain('a2=%x2:u64');
});

test('what is not known is not shown', () => {
  for (const unknown of [
    { parameters: null },
    { symbol: 'zil_commit.isra.0' },
    { symbol: 'zil_commit.constprop.0.part.1' },
    { machine: 'riscv64' },
  ]) {
    expect(ftraceProgram({ ...params, ...unknown }).fetchText).toBe('c=$comm');
  }
  expect(ftraceProgram({ ...params, symbol: 'zil_commit.llvm.123' }).fetches).toHaveLength(3);
});

test('a type that may be a structure ends the list, as do the registers and void', () => {
  const names = (...types: string[]) =>
    fetchArguments(
      'f',
      types.map((type, i) => ({ name: `p${i}`, type })),
      'x86_64',
    ).map(({ name }) => name);
  expect(names('int', 'some_struct_t', 'int')).toEqual(['p0']);
  expect(names('struct blkptr', 'int')).toEqual([]);
  expect(names('void')).toEqual([]);
  expect(names('int', '...')).toEqual(['p0']);
  expect(names(...Array<string>(9).fill('int'))).toHaveLength(6);
});

test.each([
  ['const char *', 'string'],
  ['char const*', 'string'],
  ['char [MAXNAMELEN]', 'string'],
  ['unsigned char *', 'string'],
  ['char **', 'x64'],
  ['void (*)(void *)', 'x64'],
  ['struct inode *', 'x64'],
  ['boolean_t', 's32'],
  ['enum zio_type', 's32'],
  ['zio_priority_t', 's32'],
  ['unsigned  long', 'u64'],
  ['unsigned int', 'u32'],
  ['const uint64_t', 'u64'],
  ['hrtime_t', 's64'],
  ['bool', 'u8'],
  ['struct foo', null],
  ['blkptr_t', null],
  ['void', null],
])('%j is fetched as %s', (type, expected) => expect(fetchType(type)).toBe(expected));

test('limits are always on', () => {
  const { maxEvents, maxSeconds } = ftraceProgram({
    ...params,
    maxEvents: 0,
    maxSeconds: Number.POSITIVE_INFINITY,
  });
  expect([maxEvents, maxSeconds]).toEqual([100_000, 600]);
});

test('names that could mean something to a shell or the kernel are refused', () => {
  for (const wrong of [
    { symbol: 'a b' },
    { symbol: 'f+0x10' },
    { symbol: "f';reboot" },
    { symbol: '' },
    { module: 'zfs:x' },
    { sessionId: '../x' },
    { sessionId: '' },
  ]) {
    expect(() => ftraceProgram({ ...params, ...wrong })).toThrow(
      expect.objectContaining({ code: 'bad-request' }),
    );
  }
});

test('an event name is one for any symbol', () => {
  const program = ftraceProgram({ ...params, symbol: `${'x'.repeat(100)}.isra.0`, module: 'zfs' });
  expect(program.event).toMatch(/^\w{1,63}$/);
  expect(program.places).toEqual([`zfs:${'x'.repeat(100)}.isra.0`]);
});

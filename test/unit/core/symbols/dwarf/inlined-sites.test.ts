import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../../../../src/core/failure.ts';
import { openDebugFile } from '../../../../../src/core/symbols/debug-file.ts';
import type { EntryLocation } from '../../../../../src/core/symbols/dwarf/parameters.ts';
import { fixture, inMemory } from '../fixtures.ts';
import { abbreviations, bytes, program, u32, u64, unit } from './builder.ts';

const FIXTURES = ['gcc-kernel', 'arm64-gcc-4', 'clang-5', 'program-clang-5'] as const;

describe.each(FIXTURES)('a function that was inlined, in %s', (name) => {
  const file = openDebugFile(inMemory(fixture(name)));

  it('has each place with the lines of its callers, as the chain at its address has them', () => {
    const { sites, hidden } = file.inlinedSites('queue_push', () => []);
    expect(hidden).toBe(0);
    const lines = sites.map(({ callers }) =>
      callers.map(({ function: caller, line }) => `${caller}:${line}`),
    );
    expect(lines.sort()).toEqual([['pool_add:37'], ['pool_sync:62'], ['refill:19']]);
    for (const { symbol, offset, callers } of sites) {
      const [holder] = file.symbols(symbol);
      if (!holder) throw new Error(symbol);
      const chain = file.at({ section: holder.section, offset: holder.offset + offset });
      const own = chain.findIndex((line) => line.function === 'queue_push');
      expect(own).toBeGreaterThanOrEqual(0);
      expect(chain.slice(own + 1)).toEqual(callers);
    }
  });

  it('has its parameters in their order, also those that a place has not', () => {
    for (const { arguments: args } of file.inlinedSites('queue_push', () => []).sites) {
      expect(args.map((argument) => `${argument.declared}${argument.name}`)).toEqual([
        'queue_t *queue',
        'struct item *item',
      ]);
    }
  });
});

it('no place is found of a function that was not inlined, or is not there', () => {
  const file = openDebugFile(inMemory(fixture('gcc-kernel')));
  expect(file.inlinedSites('pool_add', () => [])).toEqual({ sites: [], forms: [], hidden: 0 });
  expect(file.inlinedSites('', () => [])).toEqual({ sites: [], forms: [], hidden: 0 });
});

const TEXT = 0xffffffff81000000n;
const [ADDR, DATA1, DATA4, STRING, REF4, EXPRLOC] = [0x01, 0x0b, 0x06, 0x08, 0x13, 0x18];

/** What is different from a plain file. */
interface Made {
  /** Of `inner` in `outer`. */
  readonly entryPc?: bigint;
  /** What `outer` counts the places on its stack from, as an expression: the frame address. */
  readonly frameBase?: readonly number[];
  /** `.debug_frame` */
  readonly frames?: Uint8Array;
}

/** `inner` inlined into `outer` at +0x10, its parameter where an expression says. */
function madeFile(expression: readonly number[], { entryPc, frameBase = [0x9c], frames }: Made): Uint8Array {
  const abbrev = abbreviations(
    [1, 0x11, 1, [0x11, ADDR], [0x12, DATA4]],
    [2, 0x24, 0, [0x03, STRING], [0x0b, DATA1], [0x3e, DATA1]],
    [3, 0x2e, 1, [0x03, STRING]],
    [4, 0x05, 0, [0x03, STRING], [0x49, REF4]],
    [5, 0x2e, 1, [0x03, STRING], [0x11, ADDR], [0x12, DATA4], [0x40, EXPRLOC]],
    [
      6,
      0x1d,
      1,
      [0x31, REF4],
      [0x11, ADDR],
      [0x12, DATA4],
      ...(entryPc === undefined ? [] : [[0x52, ADDR] as const]),
    ],
    [7, 0x05, 0, [0x31, REF4], [0x02, EXPRLOC]],
  );
  const root = bytes(1, u64(TEXT), u32(0x100));
  const long = bytes(2, 'long', 8, 5);
  const inner = bytes(3, 'inner');
  const at = { long: 11 + root.length, inner: 11 + root.length + long.length };
  const parameter = at.inner + inner.length;
  const info = unit(
    root,
    long,
    inner,
    [4, 'value', u32(at.long)],
    0,
    [5, 'outer', u64(TEXT), u32(0x80), frameBase.length, ...frameBase],
    [6, u32(at.inner), u64(TEXT + 0x10n), u32(0x10), ...(entryPc === undefined ? [] : u64(entryPc))],
    [7, u32(parameter), expression.length, ...expression],
    0,
    0,
    0,
  );
  return program([
    { name: '.text', content: new Uint8Array(0x100), address: TEXT },
    { name: '.debug_info', content: info },
    { name: '.debug_abbrev', content: abbrev },
    // One symbol, `outer`, in the first section, with its name in the section behind.
    {
      name: '.symtab',
      type: 2,
      link: 5,
      content: bytes(new Uint8Array(24), u32(1), 0x12, 0, 1, 0, u64(TEXT), u64(0x80)),
    },
    { name: '.strtab', type: 3, content: bytes('', 'outer') },
    ...(frames === undefined ? [] : [{ name: '.debug_frame', content: frames }]),
  ]);
}

function placed(expression: readonly number[], made: Made = {}): EntryLocation | undefined {
  const { sites } = openDebugFile(inMemory(madeFile(expression, made))).inlinedSites('inner', () => []);
  return sites[0]?.arguments[0]?.place;
}

describe('where an argument is in inlined code', () => {
  it.each<[string, readonly number[], EntryLocation]>([
    ['a register', [0x53], { kind: 'register', register: 'rbx' }],
    ['memory behind a register', [0x77, 0x20], { kind: 'memory', register: 'rsp', offset: 32 }],
    ['memory before a register', [0x76, 0x78], { kind: 'memory', register: 'rbp', offset: -8 }],
    ['a register and a number', [0x73, 0x10, 0x9f], { kind: 'sum', register: 'rbx', offset: 16 }],
    ['a small constant', [0x35, 0x9f], { kind: 'constant', value: 5 }],
    ['a negative constant', [0x09, 0xfe, 0x9f], { kind: 'constant', value: -2 }],
    ['what the caller put there, which is not kept', [0xa3, 1, 0x55, 0x9f], { kind: 'unknown' }],
    ['the frame, of which nothing is told', [0x91, 0x10], { kind: 'unknown' }],
    ['a number that was rounded', [0x0e, 1, 2, 3, 4, 5, 6, 7, 8, 0x9f], { kind: 'unknown' }],
    ['a value on a stack of several', [0x73, 0, 0x73, 8, 0x22, 0x9f], { kind: 'unknown' }],
    [
      'what is read, and a number',
      [0x76, 0x70, 0x06, 0x23, 0x50, 0x9f],
      { kind: 'loaded', register: 'rbp', offsets: [-16], add: 80 },
    ],
    [
      'memory behind what is read',
      [0x73, 8, 0x06, 0x23, 4],
      { kind: 'loaded', register: 'rbx', offsets: [8, 4], add: 0 },
    ],
    [
      'what a pointer in memory leads to',
      [0x73, 8, 0x06],
      { kind: 'loaded', register: 'rbx', offsets: [8, 0], add: 0 },
    ],
    ['what is computed at last', [0x73, 8, 0x1f], { kind: 'unknown' }],
    ['nothing', [], { kind: 'unknown' }],
    ['a number that is none on its own', [0x35], { kind: 'unknown' }],
  ])('is told: %s', (_, expression, place) => {
    expect(placed(expression)).toEqual(place);
  });
});

describe('the instruction that a probe is set at', () => {
  const offset = (entryPc: bigint | null) =>
    openDebugFile(inMemory(madeFile([0x53], entryPc === null ? {} : { entryPc }))).inlinedSites(
      'inner',
      () => [],
    ).sites[0]?.offset;

  it('is where control enters, not the lowest address', () => {
    expect(offset(TEXT + 0x18n)).toBe(0x18);
  });

  it('is the lowest address where that is not said, or lies elsewhere', () => {
    expect(offset(null)).toBe(0x10);
    expect(offset(TEXT + 0x40n)).toBe(0x10);
  });
});

describe('where an argument is on the stack of the holder', () => {
  // DWARF 5, section 6.4: common to all, then of `outer`; rsp is register 7, rbp 6, the return address 16.
  const common = bytes(u32(0xffffffff), 4, '', 8, 0, 1, 0x78, 16, [0x0c, 7, 8], [0x90, 1], [0, 0]);
  const told = bytes(
    u32(0),
    u64(TEXT),
    u64(0x80),
    [0x44, 0x0e, 16], // from +4 on it is rsp + 16,
    [0x0a, 0x48, 0x0d, 6, 0x0e, 0x30], // from +0xc on rbp + 48,
    [0x86, 2, 0x2e, 8, 0x16, 6, 1, 0x9c], // what was saved where does not move it,
    [0x02, 0x10, 0x0b], // from +0x1c on what it was before
    [0x41, 0x0f, 2, 0x77, 8], // and from +0x1d on it is computed.
  );
  const frames = bytes(u32(common.length), common, u32(told.length), told);
  const at = (offset: bigint) => ({ frames, entryPc: TEXT + offset });

  it.each<[string, readonly number[], Made, EntryLocation]>([
    ['in memory', [0x91, 0x60], at(0x10n), { kind: 'memory', register: 'rbp', offset: 16 }],
    ['its address', [0x91, 0x60, 0x9f], at(0x10n), { kind: 'sum', register: 'rbp', offset: 16 }],
    [
      'behind a pointer there',
      [0x91, 0x60, 0x06, 0x23, 8],
      at(0x10n),
      { kind: 'loaded', register: 'rbp', offsets: [16, 8], add: 0 },
    ],
    ['after a state came back', [0x91, 0x60], at(0x1cn), { kind: 'memory', register: 'rsp', offset: -16 }],
    ['where it is computed', [0x91, 0x60], at(0x1dn), { kind: 'unknown' }],
    [
      'counted from a register',
      [0x91, 0x10],
      { frameBase: [0x57] },
      { kind: 'memory', register: 'rsp', offset: 16 },
    ],
    ['counted from what is not known', [0x91, 0x10], { frameBase: [0x77, 0] }, { kind: 'unknown' }],
  ])('is told: %s', (_, expression, made, place) => {
    expect(placed(expression, made)).toEqual(place);
  });

  it('is found among many functions without reading what is behind each again and again', () => {
    const count = 2000;
    const others = Array.from({ length: count }, (_, i) => {
      const at = frames.length + i * (common.length + told.length + 8);
      const other = bytes(u32(at), u64(0x1000n), u64(1n), told.subarray(20));
      return bytes(u32(common.length), common, u32(other.length), other);
    });
    const content = madeFile([0x91, 0x60], { ...at(0x10n), frames: bytes(frames, ...others) });
    let read = 0;
    const source = inMemory(content);
    const file = openDebugFile({
      size: source.size,
      read: (offset, length) => {
        read += length;
        return source.read(offset, length);
      },
    });
    const [site] = file.inlinedSites('inner', () => []).sites;
    expect(site?.arguments[0]?.place).toEqual({ kind: 'memory', register: 'rbp', offset: 16 });
    expect(read).toBeLessThan(20 * content.length);
  });

  it('is unknown or refused with a sentence, whatever the frames hold', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(frames.length), (junk, from) => {
        try {
          const damaged = bytes(frames.subarray(0, from), junk, frames.subarray(from + junk.length));
          expect(placed([0x91, 0x60], { frames: damaged })).toHaveProperty('kind');
        } catch (error) {
          expect(isFailure(error)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

it('code of its own that a function has beside places where it was inlined is told with them', () => {
  const file = openDebugFile(inMemory(fixture('gcc-kernel')));
  const { sites, forms } = file.inlinedSites('queue_push', () => []);
  expect(sites.length).toBeGreaterThan(0);
  expect(forms).toEqual(file.symbols('queue_push').map(({ name }) => name));
});

import { describe, expect, it } from 'vitest';
import { isFailure } from '../../../../../src/core/failure.ts';
import { type FramePlace, openDebugFile } from '../../../../../src/core/symbols/debug-file.ts';
import type { DebugLine } from '../../../../../src/core/symbols/location.ts';
import { fixture, inMemory } from '../fixtures.ts';
import { abbreviations, bytes, lineTable, program, u16, u32, u64, uleb, unit } from './builder.ts';

const TEXT = 0xffffffff81000000n;
const CODE = { name: '.text', content: new Uint8Array(0x100), address: TEXT };

const COMPILE_UNIT = 0x11;
const SUBPROGRAM = 0x2e;
const INLINED = 0x1d;
const BLOCK = 0x0b;
const SIBLING = 0x01;
const NAME = 0x03;
const LINES = 0x10;
const LOW_PC = 0x11;
const HIGH_PC = 0x12;
const ORIGIN = 0x31;
const RANGES = 0x55;

const ADDR = 0x01;
const DATA4 = 0x06;
const STRING = 0x08;
const REF4 = 0x13;
const SEC_OFFSET = 0x17;

/** The root of a unit with code from TEXT on. */
const ROOT = [1, COMPILE_UNIT, 1, [LINES, SEC_OFFSET], [LOW_PC, ADDR], [HIGH_PC, DATA4]] as const;
const root = [1, u32(0), u64(TEXT), u32(0x100)] as const;

function ask(
  info: Uint8Array,
  abbrev: Uint8Array,
  more: Record<string, Uint8Array> = {},
  at = 0x10n,
): DebugLine[] {
  const sections = { '.debug_info': info, '.debug_abbrev': abbrev, ...more };
  const file = program([CODE, ...Object.entries(sections).map(([name, content]) => ({ name, content }))]);
  return openDebugFile(inMemory(file)).atVirtual(TEXT + at);
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isFailure(error)) return error.message;
    throw error;
  }
  throw new Error('it was not refused');
}

const FUNCTION = [2, SUBPROGRAM, 0, [NAME, STRING], [LOW_PC, ADDR], [HIGH_PC, DATA4]] as const;

describe('addresses of the kernel', () => {
  it('are exact, though they are near 2^64', () => {
    const table = lineTable(
      '/k/start.c',
      [0, 9, 2, u64(TEXT), 3, 41, 1, 2, uleb(0x10), 3, 1, 1],
      [2, uleb(0x10), 0, 1, 1],
    );
    const info = unit(root, [2, 'start_kernel', u64(TEXT), u32(0x20)], 0);
    const lines = (at: bigint) => ask(info, abbreviations(ROOT, FUNCTION), { '.debug_line': table }, at);
    expect(lines(0xfn)).toEqual([{ function: 'start_kernel', path: '/k/start.c', line: 42 }]);
    expect(lines(0x10n)).toEqual([{ function: 'start_kernel', path: '/k/start.c', line: 43 }]);
    expect(lines(0x1fn)).toEqual([{ function: 'start_kernel', path: '/k/start.c', line: 43 }]);
    expect(lines(0x20n)).toEqual([]);
  });

  it('of code that the linker dropped are not those of other code', () => {
    const info = unit(root, [2, 'dropped', u64(0), u32(0x1000)], [2, 'kept', u64(TEXT), u32(0x20)], 0);
    expect(ask(info, abbreviations(ROOT, FUNCTION))).toEqual([{ function: 'kept', path: '', line: 0 }]);
  });
});

describe('every form of a value', () => {
  it('takes as many bytes as DWARF says', () => {
    const values: readonly [form: number, value: readonly (number | string)[]][] = [
      [0x01, u64(1)],
      [0x03, [...u16(2), 9, 9]],
      [0x04, [...u32(1), 9]],
      [0x05, u16(1)],
      [0x06, u32(1)],
      [0x07, u64(1)],
      [0x08, ['text']],
      [0x09, [...uleb(130), ...new Uint8Array(130)]],
      [0x0a, [3, 9, 9, 9]],
      [0x0b, [1]],
      [0x0c, [1]],
      [0x0d, [0x80, 0x7f]],
      [0x0e, u32(0)],
      [0x0f, uleb(1 << 20)],
      [0x10, u32(0)],
      [0x11, [0]],
      [0x12, u16(0)],
      [0x13, u32(0)],
      [0x14, u64(0)],
      [0x15, uleb(300)],
      [0x16, [0x05, ...u16(1)]],
      [0x17, u32(0)],
      [0x18, [2, 9, 9]],
      [0x19, []],
      [0x1a, uleb(5)],
      [0x1b, uleb(5)],
      [0x1c, u32(0)],
      [0x1d, u32(0)],
      [0x1e, Array.from(new Uint8Array(16))],
      [0x1f, u32(0)],
      [0x20, u64(0)],
      [0x22, uleb(5)],
      [0x23, uleb(5)],
      [0x24, u64(0)],
      [0x25, [1]],
      [0x26, u16(1)],
      [0x27, [1, 2, 3]],
      [0x28, u32(1)],
      [0x29, [1]],
      [0x2a, u16(1)],
      [0x2b, [1, 2, 3]],
      [0x2c, u32(1)],
      [0x1f01, uleb(200)],
      [0x1f02, uleb(200)],
      [0x1f20, u32(0)],
      [0x1f21, u32(0)],
    ];
    // A vendor's attribute of each form, in the entry of the function and in one before it.
    const pairs = values.map(([form]) => [0x2200, form] as const);
    const content = values.map(([, value]) => value);
    const info = unit(root, [3, content], [2, content, 'found', u64(TEXT), u32(0x20)], 0);
    const abbrev = abbreviations(
      ROOT,
      [2, SUBPROGRAM, 0, ...pairs, [NAME, STRING], [LOW_PC, ADDR], [HIGH_PC, DATA4]],
      [3, 0x34, 0, ...pairs],
    );
    expect(ask(info, abbrev)).toEqual([{ function: 'found', path: '', line: 0 }]);
  });

  it('that no compiler writes is refused', () => {
    const abbrev = abbreviations(ROOT, [2, SUBPROGRAM, 0, [NAME, 0x7f]]);
    expect(refusal(() => ask(unit(root, 0), abbrev))).toMatch(/unknown form 0x7f/);
  });
});

describe('entries that make no sense', () => {
  const inlined = [3, INLINED, 0, [ORIGIN, REF4], [LOW_PC, ADDR], [HIGH_PC, DATA4]] as const;

  it("are each other's origin: the function has no name", () => {
    const at = 11 + bytes(root).length;
    const first = bytes(2, u32(at + 5), 2, u32(at));
    const info = unit(root, first, [3, u32(at), u64(TEXT), u32(0x20)], 0);
    const abbrev = abbreviations(ROOT, [2, SUBPROGRAM, 0, [ORIGIN, REF4]], inlined);
    expect(ask(info, abbrev).map((line) => line.function)).toEqual(['']);
  });

  it.each([
    ['an abbreviation that does not exist', unit(root, [9]), abbreviations(ROOT), /unknown abbreviation 9/],
    [
      'an origin outside of all units',
      unit(root, [3, u32(9999), u64(TEXT), u32(0x20)], 0),
      abbreviations(ROOT, inlined),
      /does not exist/,
    ],
    [
      'a sibling before itself',
      unit(root, [4, u32(12)], 0),
      abbreviations(ROOT, [4, 0x13, 1, [SIBLING, REF4]]),
      /before it/,
    ],
    [
      'a number without an end',
      unit(root, [5, ...new Array(30).fill(0xff)], 0),
      abbreviations(ROOT, [5, 0x34, 0, [NAME, 0x0f]]),
      /no end/,
    ],
    [
      'blocks in blocks without an end',
      unit(root, new Uint8Array(5000).fill(6)),
      abbreviations(ROOT, [6, BLOCK, 1]),
      /nested too deeply/,
    ],
    [
      'a unit that ends behind its section',
      bytes(u32(500), u16(4), u32(0), 8),
      abbreviations(ROOT),
      /ends behind/,
    ],
    ['a version to come', bytes(u32(30), u16(9), new Uint8Array(28)), abbreviations(ROOT), /version 9/],
  ])('%s', (_, info, abbrev, sentence) => {
    expect(refusal(() => ask(info, abbrev))).toMatch(sentence);
  });

  it('use one list of ranges again and again, in a small file', () => {
    const list = bytes(new Array(3000).fill([u64(0), u64(0x20)]), u64(0), u64(0));
    const scopes = new Array(3000).fill([7, u32(0)]);
    const abbrev = abbreviations(ROOT, [7, SUBPROGRAM, 0, [RANGES, SEC_OFFSET]]);
    const started = performance.now();
    expect(refusal(() => ask(unit(root, scopes, 0), abbrev, { '.debug_ranges': list }))).toMatch(
      /more often/,
    );
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

describe('small files that ask for much', () => {
  const open = (info: Uint8Array, abbrev: Uint8Array) =>
    openDebugFile(
      inMemory(
        program([CODE, { name: '.debug_info', content: info }, { name: '.debug_abbrev', content: abbrev }]),
      ),
    );

  it('have functions in functions in functions', () => {
    // Each is read on its own, behind what it is in: 2000 times all that is inside of it.
    const abbrev = abbreviations(ROOT, [8, SUBPROGRAM, 1, [LOW_PC, ADDR], [HIGH_PC, DATA4]]);
    const nested = new Array(20_000).fill([8, u64(TEXT), u32(0x20)]);
    expect(refusal(() => ask(unit(root, nested, new Uint8Array(20_001)), abbrev))).toMatch(/more often/);
  });

  it('have a function inside of a function, whose code is elsewhere', () => {
    const abbrev = abbreviations(ROOT, [8, SUBPROGRAM, 1, [NAME, STRING], [LOW_PC, ADDR], [HIGH_PC, DATA4]]);
    const info = unit(
      root,
      [8, 'outer', u64(TEXT + 0x40n), u32(0x20)],
      [8, 'inner', u64(TEXT), u32(0x20), 0],
      0,
      0,
    );
    expect(ask(info, abbrev)[0]?.function).toBe('inner');
    expect(ask(info, abbrev, {}, 0x50n)[0]?.function).toBe('outer');
  });

  const STRUCTURE = 0x13;
  const MEMBER = 0x0d;
  const TYPE = 0x49;

  it('have structures without a name that hold each other twice, 30 times over', () => {
    const abbrev = abbreviations(
      ROOT,
      [2, STRUCTURE, 1, [NAME, STRING]],
      [3, MEMBER, 0, [TYPE, REF4]],
      [4, STRUCTURE, 1],
    );
    const first = 11 + bytes(root).length;
    // Two members of five bytes behind each abbreviation, and the end of the children.
    const outer = bytes(2, 'top').length + 11;
    const structures = Array.from({ length: 30 }, (_, level) => {
      const next = first + outer + (level + 1) * 12;
      return [4, 3, u32(next), 3, u32(next), 0];
    });
    const top = [2, 'top', 3, u32(first + outer), 3, u32(first + outer), 0];
    const file = open(unit(root, top, structures, [4, 0], 0), abbrev);
    expect(refusal(() => file.struct('top'))).toMatch(/more often/);
  });

  it('have functions that take functions that take functions', () => {
    const abbrev = abbreviations(
      ROOT,
      [2, STRUCTURE, 1, [NAME, STRING]],
      [3, MEMBER, 0, [NAME, STRING], [TYPE, REF4]],
      [4, 0x15, 1],
      [5, 0x05, 0, [TYPE, REF4]],
    );
    const first = 11 + bytes(root).length + bytes(2, 'top', 3, 'f', u32(0), 0).length;
    const types = Array.from({ length: 25 }, (_, level) => {
      const next = first + (level + 1) * 12;
      return [4, 5, u32(next), 5, u32(next), 0];
    });
    const file = open(unit(root, [2, 'top', 3, 'f', u32(first), 0], types, [4, 0], 0), abbrev);
    expect(refusal(() => file.struct('top'))).toMatch(/more often/);
  });
});

describe('symbols of the same name', () => {
  const withSymbols = (count: number, place: Partial<FramePlace> = {}) => {
    const symbol = bytes(u32(1), 2, 0, u16(1), u64(TEXT), u64(0x20));
    const table = new Uint8Array((count + 1) * 24);
    for (let index = 1; index <= count; index++) table.set(symbol, index * 24);
    const info = unit(root, [2, 'weight', u64(TEXT), u32(0x20)], 0);
    return openDebugFile(
      inMemory(
        program([
          CODE,
          { name: '.symtab', content: table, type: 2, link: 3 },
          { name: '.strtab', content: bytes('', 'weight'), type: 3 },
          { name: '.debug_info', content: info },
          { name: '.debug_abbrev', content: abbreviations(ROOT, FUNCTION) },
        ]),
      ),
    ).frame({ symbol: 'weight', offset: 4, size: 0x20, ...place }, true);
  };
  const inProcess = { offset: -1, size: null, at: { address: Number(BigInt.asIntN(64, TEXT)) + 4 } };

  it('are one place when all lead to it', () => {
    expect(withSymbols(40)?.lines[0]?.function).toBe('weight');
    expect(withSymbols(40, inProcess)?.lines[0]?.function).toBe('weight');
  });

  it('are not looked at one by one when a file has more of them than any real one', () => {
    expect(withSymbols(100_000)).toBeNull();
    expect(withSymbols(100_000, inProcess)).toBeNull();
  });
});

describe('names that share their ends', () => {
  const length = 50_000;

  it('are refused where those of a unit take more memory than any real ones', () => {
    const STRP = 0x0e;
    const named = [2, SUBPROGRAM, 0, [NAME, STRP], [LOW_PC, ADDR], [HIGH_PC, DATA4]] as const;
    const functions = Array.from({ length: 1500 }, (_, i) => [2, u32(i), u64(TEXT + BigInt(i)), u32(1)]);
    const sections = {
      '.debug_info': unit([1, u32(0), u64(TEXT), u32(1500)], ...functions, 0),
      '.debug_abbrev': abbreviations(ROOT, named),
      '.debug_str': new Uint8Array(length).fill(0x61).with(length - 1, 0),
    };
    const file = openDebugFile(
      inMemory(
        program([
          { ...CODE, content: new Uint8Array(1500) },
          ...Object.entries(sections).map(([name, content]) => ({ name, content })),
        ]),
      ),
    );
    const addresses = Array.from({ length: 10 }, (_, i) => Number(BigInt.asIntN(64, TEXT)) + i);
    expect(refusal(() => file.forEach(null, addresses, () => {}))).toMatch(/names/);
    // The few that a frame needs are read all the same.
    expect(file.atVirtual(TEXT)[0]?.function).toHaveLength(length - 1);
  });

  it('are refused where the paths of a line table do, which share a directory', () => {
    const files = Array.from({ length: 1500 }, () => ['a', 1, 0, 0]);
    const rows = files.map((_, i) => [4, uleb(i + 1), 1, 2, uleb(1)]);
    const head = bytes(1, 1, 1, 251, 14, 13, [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1]);
    const tables = bytes(head, `/${'d'.repeat(length)}`, 0, files, 0);
    const body = bytes(u16(4), u32(tables.length), tables, [0, 9, 2, u64(TEXT)], rows, [0, 1, 1]);
    const sections = {
      '.debug_info': unit([1, u32(0), u64(TEXT), u32(1500)], [2, 'f', u64(TEXT), u32(1500)], 0),
      '.debug_abbrev': abbreviations(ROOT, FUNCTION),
      '.debug_line': bytes(u32(body.length), body),
    };
    const file = openDebugFile(
      inMemory(
        program([
          { ...CODE, content: new Uint8Array(1500) },
          ...Object.entries(sections).map(([name, content]) => ({ name, content })),
        ]),
      ),
    );
    const addresses = files.map((_, i) => Number(BigInt.asIntN(64, TEXT)) + i);
    expect(file.atVirtual(TEXT)[0]?.path).toHaveLength(length + 3);
    expect(refusal(() => file.forEach(null, addresses, () => {}))).toMatch(/paths/);
  });

  it('are refused where those of sections do', () => {
    const long = { name: 'x'.repeat(length), content: new Uint8Array(0) };
    const file = program([CODE, long, ...Array<typeof long>(1500).fill(long)]);
    expect(refusal(() => openDebugFile(inMemory(file)))).toMatch(/names/);
  });
});

describe('packed sections', () => {
  it('are refused where they take more memory together than those of any real file', () => {
    const unpackedSize = 600 * 2 ** 20;
    const packedSize = 2 ** 23;
    const packed = bytes(
      [0x5a, 0x4c, 0x49, 0x42, 0, 0, 0, 0],
      u32(unpackedSize).reverse(),
      new Uint8Array(12),
    );
    const names = ['.zdebug_info', '.zdebug_abbrev'];
    const file = program([CODE, ...names.map((name) => ({ name, content: packed }))]);
    const view = new DataView(file.buffer);
    const headers = Number(view.getBigUint64(40, true));
    for (const section of [2, 3]) view.setUint32(headers + section * 64 + 32, packedSize, true);
    // What is behind the file's end is zero here, as a hole of a file is.
    const source = {
      size: 2 ** 25,
      read: (offset: number, length: number) => {
        const found = new Uint8Array(length);
        found.set(file.subarray(offset, offset + length));
        return found;
      },
    };
    let unpacked = 0;
    // Stands for memory that is not taken for it.
    const decompress = (_: string, __: Uint8Array, size: number) => {
      unpacked += size;
      return { length: size } as Uint8Array;
    };
    expect(refusal(() => openDebugFile(source, { decompress }))).toMatch(/unpack to/);
    expect(unpacked).toBe(unpackedSize);
  });
});

describe('line tables that make no sense', () => {
  const info = unit(root, [2, 'f', u64(TEXT), u32(0x20)], 0);
  const abbrev = abbreviations(ROOT, FUNCTION);
  const version5 = (...tables: readonly (number | number[])[]): Uint8Array => {
    const head = bytes(1, 1, 1, 251, 14, 13, [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1], tables);
    const body = bytes(u16(5), 8, 0, u32(head.length), head);
    return bytes(u32(body.length), body);
  };

  it.each([
    ['claim more files than bytes', version5(0, uleb(2 ** 40)), /more files than bytes/],
    ['claim files that take no bytes', version5(1, 1, 0x19, uleb(2 ** 31)), /more files than bytes/],
    [
      'have an instruction that is too long',
      lineTable('a.c', [0, uleb(2 ** 30), 2]),
      /length that cannot be/,
    ],
    ['end behind their section', bytes(u32(2 ** 25), u16(4)), /outside/],
    ['are larger than any', bytes(u32(2 ** 30), u16(4)), /takes 1073741824 bytes/],
  ])('%s', (_, table, sentence) => {
    expect(refusal(() => ask(info, abbrev, { '.debug_line': table }))).toMatch(sentence);
  });
});

describe('relocations', () => {
  it('that are in no order are found all the same', () => {
    const original = fixture('gcc-kernel');
    const changed = original.slice();
    const view = new DataView(changed.buffer);
    const headers = Number(view.getBigUint64(40, true));
    for (let index = 0; index < view.getUint16(60, true); index++) {
      const header = headers + index * 64;
      const isRela = view.getUint32(header + 4, true) === 4;
      const isDebug = (view.getUint32(headers + view.getUint32(header + 44, true) * 64 + 8, true) & 2) === 0;
      if (!isRela || !isDebug) continue;
      const start = Number(view.getBigUint64(header + 24, true));
      const size = Number(view.getBigUint64(header + 32, true));
      for (let at = 0; at < size; at += 24) {
        changed.set(original.subarray(start + size - at - 24, start + size - at), start + at);
      }
    }
    expect(changed).not.toEqual(original);
    const chains = (file: Uint8Array) => {
      const open = openDebugFile(inMemory(file));
      return Array.from({ length: 0x3f0 }, (_, offset) => open.at({ section: '.text', offset }));
    };
    expect(chains(changed)).toEqual(chains(original));
  });
});

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDebugFile } from '../../../../src/core/symbols/debug-file.ts';

/** Its code is from 0x1000 to 0x1741, as `readelf -lW` says. */
const program = readFileSync(path.join(import.meta.dirname, 'fixtures/program-clang-5.bin'));
const ET_EXEC = 2;

function open(bytes: Buffer) {
  return openDebugFile({
    size: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
  });
}

/** The same as a program that is not position-independent. */
function fixed(): Buffer {
  const bytes = Buffer.from(program);
  bytes.writeUInt16LE(ET_EXEC, 16);
  return bytes;
}

describe('an address in a process', () => {
  it('in a mapping is that of the segment of this size', () => {
    const file = open(program);
    expect(file.linked({ address: 0x3f9, mapped: 0x1000 })).toBe(0x13f9);
    expect(file.atVirtual(0x13f9n).at(-1)?.function).toBe('pool_sync');
    // Another build's, and one that is not in the mapping that was named.
    expect(file.linked({ address: 0x3f9, mapped: 0x2000 })).toBeNull();
    expect(file.linked({ address: 0x1000, mapped: 0x1000 })).toBeNull();
    expect(file.linked({ address: -1, mapped: 0x1000 })).toBeNull();
    // Of another kind of build.
    expect(file.linked({ address: 0x3f9, pc: 0x13f9, mapped: 0x1000 })).toBeNull();
    expect(open(fixed()).linked({ address: 0x3f9, pc: 0x13f9, mapped: 0x1000 })).toBe(0x13f9);
    expect(open(fixed()).linked({ address: 0x3f9, pc: 0x55d0c0a013f9, mapped: 0x1000 })).toBeNull();
  });

  it('of a larger page has its beginning', () => {
    // arm64 with pages of 64 KB maps the segment from 0 on.
    expect(open(program).linked({ address: 0x13f9, mapped: 0x10000 })).toBe(0x13f9);
  });

  it("is the processor's where the program is not position-independent", () => {
    const where = { address: 0x3f9, pc: 0x13f9 };
    expect(open(fixed()).linked(where)).toBe(0x13f9);
    expect(open(program).linked(where)).toBe(0x3f9);
    // glibc says no counter of its own: the address is the linked one.
    expect(open(fixed()).linked({ address: 0x13f9 })).toBe(0x13f9);
  });
});

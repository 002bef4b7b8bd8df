import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../../../../src/core/failure.ts';
import { openDebugFile } from '../../../../../src/core/symbols/debug-file.ts';
import { Cursor, textOf } from '../../../../../src/core/symbols/elf/bytes.ts';
import { FIXTURES, fixture, inMemory } from '../fixtures.ts';

/** LEB128 by its definition (DWARF 5, appendix C), with big integers. */
function leb(value: bigint, signed: boolean, padding: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    const isLast = signed ? (rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40) : rest === 0n;
    if (isLast) {
      const fill = value < 0n ? 0x7f : 0;
      const padded = [low, ...new Array<number>(padding).fill(fill)];
      bytes.push(...padded.map((byte, index) => (index < padded.length - 1 ? byte | 0x80 : byte)));
      return Uint8Array.from(bytes);
    }
    bytes.push(low | 0x80);
  }
}

const exact = fc.bigInt({ min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n });
const padding = fc.integer({ min: 0, max: 5 });

describe('numbers', () => {
  it('of variable length are read whole, padded ones too', () => {
    fc.assert(
      fc.property(exact, padding, (value, more) => {
        const signed = new Cursor(leb(value, true, more));
        expect(signed.sleb()).toBe(Number(value));
        expect(signed.remaining).toBe(0);
        const positive = value < 0n ? -value : value;
        const unsigned = new Cursor(leb(positive, false, more));
        expect(unsigned.uleb()).toBe(Number(positive));
        expect(unsigned.remaining).toBe(0);
      }),
    );
  });

  it('of eight bytes are exact for addresses of kernels', () => {
    fc.assert(
      fc.property(exact, (value) => {
        const bytes = new Uint8Array(8);
        new DataView(bytes.buffer).setBigInt64(0, value, true);
        expect(new Cursor(bytes).i64()).toBe(Number(value));
      }),
    );
  });

  it('behind the end are never made up', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 7 }), (bytes) => {
        const reads = ['u64', 'i64'] as const;
        for (const read of reads) expect(() => new Cursor(bytes)[read]()).toThrow(RangeError);
        expect(() => new Cursor(bytes, bytes.length).u8()).toThrow(RangeError);
        expect(() => new Cursor(bytes).skip(bytes.length + 1)).toThrow(RangeError);
      }),
    );
  });
});

describe('text', () => {
  it('is UTF-8 of any length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 3000 }), (text) => {
        expect(textOf(new TextEncoder().encode(text))).toBe(text);
      }),
    );
  });
});

describe('any bytes', () => {
  it('are no file, or one that is answered about or refused', () => {
    const files = FIXTURES.map((name) => fixture(name));
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 40 });
    fc.assert(
      fc.property(fc.constantFrom(...files), changes, fc.nat(), (original, list, cut) => {
        const bytes = original.slice(0, cut % 3 === 0 ? cut % original.length : undefined);
        for (const [at, value] of list) bytes[at % Math.max(1, bytes.length)] = value;
        try {
          const file = openDebugFile(inMemory(bytes));
          file.at({ section: '.text', offset: 0x20 });
          file.frame({ symbol: 'pool_sync', offset: 8, size: null }, true);
          file.struct('queue_t');
        } catch (error) {
          if (!isFailure(error)) throw error;
          expect(error.message).toMatch(/^The .+\.$/);
        }
      }),
      // A million bytes are changed by test/symbols/fuzz.test.ts, with more questions.
      { numRuns: 200 },
    );
  });
});

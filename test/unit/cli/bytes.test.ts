import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteDecoder, encode } from '../../../src/cli/bytes.ts';

function decoded(pieces: readonly Uint8Array[]): string {
  const decoder = new ByteDecoder();
  return pieces.map((piece) => decoder.write(piece)).join('') + decoder.end();
}

const characters = fc.constantFrom('a', '\n', 'ü', '…', '\u{1f600}', '\ufffd', '\ufeff');
const wild = fc
  .constantFrom(0x80, 0xbf, 0xc0, 0xc3, 0xe2, 0xed, 0xa0, 0xb2, 0xf0, 0x9f, 0xff)
  .map((b) => [b]);
const bytes = fc
  .array(
    fc.oneof(
      characters.map((c) => [...Buffer.from(c)]),
      wild,
      fc.uint8Array({ maxLength: 3 }),
    ),
    {
      maxLength: 12,
    },
  )
  .map((parts) => parts.flatMap((part) => [...part]));

it('gives back any bytes, whatever pieces they came in, and the same text for each', () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 5 }), (parts) => {
      const pieces = parts.map((part) => Uint8Array.from(part));
      const whole = Buffer.concat(pieces);
      const text = decoded(pieces);
      expect(encode(text).equals(whole)).toBe(true);
      expect(text).toBe(decoded([whole]));
      expect(text.split('\n').length).toBe(whole.toString('latin1').split('\n').length);
    }),
    { numRuns: 300 },
  );
});

it('decodes what is UTF-8 as UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(20), (text, cut) => {
      const all = Buffer.from(text);
      expect(decoded([all.subarray(0, cut), all.subarray(cut)])).toBe(text);
    }),
  );
});

it('reads the characters around a byte that is none', () => {
  expect(decoded([Buffer.from('fcc3bcff41', 'hex')])).toBe('\udcfcü\udcffA');
});

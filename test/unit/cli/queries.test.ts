import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Queries } from '../../../src/cli/queries.ts';

describe('lines that are asked for', () => {
  const address = fc.oneof(
    fc.stringMatching(/^(?:0[xX])?[\da-fA-F]{1,17}$/),
    fc.constantFrom('', '0x', '-1', '0x1g', 'zil_commit+0x20', '.init.text+0x10', '0xffffffffc0a3b1f0'),
    fc.string(),
  );

  it('are the same as bytes, in pieces or not, as each alone', () => {
    fc.assert(
      fc.property(fc.array(address), fc.constantFrom('\n', '\r\n', ' \n'), fc.nat(), (texts, end, cut) => {
        const lines = texts.map((text) => text.replaceAll('\n', ''));
        const bytes = Buffer.from(lines.map((line) => line + end).join(''), 'latin1');
        const alone = new Queries();
        for (const line of bytes.toString('latin1').split('\n').slice(0, -1)) {
          alone.add(line.trim());
        }
        const together = new Queries();
        const half = cut % (bytes.length + 1);
        const taken = together.addLines(bytes.subarray(0, half));
        expect(taken + together.addLines(bytes.subarray(taken))).toBe(bytes.length);
        expect(together).toEqual(alone);
      }),
    );
  });

  it('are numbers where they are addresses', () => {
    const queries = new Queries();
    queries.addLines(Buffer.from('1f\n0X1F\nsymbol\n0xffffffff81000000\n'));
    expect(queries.numbers).toEqual([0x1f, 0x1f, Number.NaN, -0x7f000000]);
    expect([...queries.others]).toEqual([[2, 'symbol']]);
  });

  it('are texts where a number would be another address', () => {
    const queries = new Queries();
    queries.addLines(Buffer.from('0x123456789abcdef1\n'));
    expect(queries.numbers).toEqual([Number.NaN]);
    expect([...queries.others]).toEqual([[0, '0x123456789abcdef1']]);
  });
});

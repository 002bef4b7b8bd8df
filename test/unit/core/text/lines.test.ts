import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CUT_MARK, LineSplitter } from '../../../../src/core/text/lines.ts';

test('lines are the same however the text is cut into pieces', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '\n', '\r'), maxLength: 60 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(60)), (whole, cuts) => {
      const splitter = new LineSplitter();
      const lines: string[] = [];
      let from = 0;
      for (const to of [...cuts.filter((c) => c <= whole.length).sort((a, b) => a - b), whole.length]) {
        lines.push(...splitter.push(whole.slice(from, to)));
        from = to;
      }
      lines.push(...splitter.end());
      const expected = whole.split('\n');
      if (expected.at(-1) === '') {
        expected.pop();
      }
      expect(lines).toEqual(expected);
    }),
  );
});

test('a line of exactly the limit is whole, one more is cut and says so', () => {
  const splitter = new LineSplitter(4);
  expect(splitter.push('abcd\nabcde\nx')).toEqual(['abcd', `abcd${CUT_MARK}`]);
  expect(splitter.push('yzw')).toEqual([]);
  expect(splitter.push('123\nok\n')).toEqual([`xyzw${CUT_MARK}`, 'ok']);
  expect(splitter.end()).toEqual([]);
});

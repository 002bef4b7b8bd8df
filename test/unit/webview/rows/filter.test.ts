import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FILTER_TEXT_MAX,
  fold,
  matches,
  matchRanges,
  parseFilter,
} from '../../../../src/webview/rows/filter.ts';

const passes = (text: string, ...fields: string[]): boolean => {
  const filter = parseFilter(text);
  return filter === null || matches(filter, fields);
};

describe('parseFilter', () => {
  it('reads words and excluded words', () => {
    expect(parseFilter('  Spa_Sync -VDEV\ttank ')).toEqual({
      include: ['spa_sync', 'tank'],
      exclude: ['vdev'],
    });
  });

  it.each(['', '   ', '-', ' - \t-'])('asks for nothing with %j', (text) => {
    expect(parseFilter(text)).toBeNull();
  });

  it('takes only the first dash for a sign', () => {
    expect(parseFilter('a-b --c')).toEqual({ include: ['a-b'], exclude: ['-c'] });
  });

  it('bounds the text that it looks at', () => {
    expect(parseFilter('x'.repeat(10 * FILTER_TEXT_MAX))?.include).toEqual(['x'.repeat(FILTER_TEXT_MAX)]);
  });
});

describe('matches', () => {
  const source = 'txg.c:510:txg_sync_thread()';

  it.each([
    ['waiting', true],
    ['WAITING txg.c', true],
    ['waiting nowhere', false],
    ['-waiting', false],
    ['-nowhere', true],
    ['waiting -510', false],
    ['waiting; tx_synced', true],
  ])('filter %j', (filter, expected) => {
    expect(passes(filter, source, 'Waiting; tx_synced=424668')).toBe(expected);
  });

  it('does not find a word across two fields', () => {
    expect(passes('()waiting', source, 'waiting')).toBe(false);
  });

  it('takes the words of a filter for text, not for a pattern', () => {
    expect(passes('.*', 'abc')).toBe(false);
    expect(passes('a.c', 'abc')).toBe(false);
    expect(passes('(a|b)+$', 'x(a|b)+$y')).toBe(true);
  });

  it('finds every part of a text, whatever the case of its ASCII letters', () => {
    const swap = (text: string): string =>
      text.replace(/[a-z]/gi, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()));
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), fc.nat(), (text, from, length) => {
        const word = text.slice(from % (text.length + 1)).slice(0, length % 20);
        fc.pre(!/\s/.test(word) && !word.startsWith('-') && word !== '');
        expect(passes(word, text)).toBe(true);
        expect(passes(swap(word), text)).toBe(true);
      }),
    );
  });

  it('takes time linear in the text', () => {
    // Text on which a backtracking pattern, or a search begun anew at each place, would be quadratic.
    const filter = parseFilter(`${'a'.repeat(90)}b ${'a'.repeat(80)}c`);
    const time = (length: number): number => {
      const text = 'a'.repeat(length);
      const started = performance.now();
      expect(filter !== null && matches(filter, [text])).toBe(false);
      return performance.now() - started;
    };
    time(100_000);
    // 5 million units: quadratic work would take hours.
    expect(time(5_000_000)).toBeLessThan(2_000);
  });
});

describe('matchRanges', () => {
  it('finds all words wherever they occur', () => {
    expect(matchRanges(parseFilter('spa tank -x'), 'SPA tank spa')).toEqual([
      { start: 0, end: 3 },
      { start: 4, end: 8 },
      { start: 9, end: 12 },
    ]);
  });

  it('joins what overlaps or touches', () => {
    expect(matchRanges(parseFilter('abc cd ef'), 'xabcdefx')).toEqual([{ start: 1, end: 7 }]);
  });

  it('finds nothing without a filter or with excluded words only', () => {
    expect(matchRanges(null, 'abc')).toEqual([]);
    expect(matchRanges(parseFilter('-abc'), 'abc')).toEqual([]);
  });

  it('gives ascending ranges that hold text of the words', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'B', 'c', 'İ', '😀'), maxLength: 30 });
    fc.assert(
      fc.property(letters, fc.array(letters, { maxLength: 3 }), (text, words) => {
        let end = -1;
        for (const range of matchRanges(parseFilter(words.join(' ')), text)) {
          expect(range.start).toBeGreaterThan(end);
          expect(range.end).toBeGreaterThan(range.start);
          expect(range.end).toBeLessThanOrEqual(text.length);
          end = range.end;
        }
      }),
    );
  });
});

describe('fold', () => {
  it('keeps the length of every text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(fold(text)).toHaveLength(text.length);
      }),
    );
    expect(fold('İSTANBUL Ä')).toBe('İstanbul ä');
  });
});

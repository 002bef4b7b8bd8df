import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inert, inertBlock } from '../../../../src/core/text/inert.ts';

test('escape sequences are shown, not sent', () => {
  expect(inert('a\u001b[31mred\u001b]0;title\u0007')).toBe('a␛[31mred␛]0;title␇');
  expect(inert('\u009b2J\u007f')).toBe('<U+009B>2J␡');
  expect(inert('one\ntwo\tthree\r')).toBe('one␊two␉three␍');
  expect(inertBlock('one\ntwo\tthree\r')).toBe('one\ntwo\tthree␍');
});

test('what reorders or hides text is named', () => {
  expect(inert('txg\u202eabc\u2066\u200b')).toBe('txg<U+202E>abc<U+2066><U+200B>');
  expect(inert('\u{e0041}x\ud800')).toBe('<U+E0041>x\ufffd');
});

test('ordinary text of any language is left alone', () => {
  for (const text of ['zil_commit+0x3d/0x110 [zfs]', 'größer 日本語 עברית 🙂']) {
    expect(inert(text)).toBe(text);
  }
});

test('long text is cut between whole characters', () => {
  expect(inert('abcdef', 4)).toBe('abcd…');
  expect(inert('abc🙂def', 4)).toBe('abc…');
});

test('nothing that acts is left in any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(inert(text)).not.toMatch(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069\ufeff]/u);
      expect(inert(inert(text))).toBe(inert(text));
    }),
  );
});

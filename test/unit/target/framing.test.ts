import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader } from '../../../src/target/framing.ts';

const NONCE = '0123456789abcdef0123456789abcdef';
const READY = `\x1e${NONCE} ready\n`;
const END = `\x1e${NONCE} end finished 0 none\n`;

/** What a reader makes of pieces: calls in order, payload joined. */
function read(pieces: readonly Buffer[]): string[] {
  const calls: string[] = [];
  const reader = new FrameReader(NONCE, {
    ready: () => calls.push('ready'),
    payload: (bytes) => {
      const last = calls.at(-1);
      if (last?.startsWith('payload ') === true) calls[calls.length - 1] = last + bytes.toString('latin1');
      else calls.push(`payload ${bytes.toString('latin1')}`);
    },
    end: ({ why, status, left }) => calls.push(`end ${why} ${status} ${left}`),
  });
  for (const piece of pieces) reader.push(piece);
  return calls;
}
const readText = (...texts: readonly string[]): string[] =>
  read(texts.map((text) => Buffer.from(text, 'latin1')));

test('what comes before the ready mark and after the end mark is dropped', () => {
  expect(readText(`Welcome${READY}one\ntwo${END}Goodbye`)).toEqual([
    'ready',
    'payload one\ntwo',
    'end finished 0 none',
  ]);
});

test('ends of every kind', () => {
  expect(readText(READY, `\x1e${NONCE} end stopped 143 none\n`)).toEqual(['ready', 'end stopped 143 none']);
  expect(readText(READY, `\x1e${NONCE} end silent 0 stuck\n`)).toEqual(['ready', 'end silent 0 stuck']);
  expect(readText(READY, `\x1e${NONCE} end stopped 143 rests\n`)).toEqual(['ready', 'end stopped 143 rests']);
});

test('marks without the nonce or without a word of ours are payload', () => {
  const forged = `\x1e${NONCE.replace('0', 'f')} end finished 0 none\n\x1e${NONCE} ending\n\x1e${NONCE} end finished 0 maybe\n\x1e`;
  expect(readText(READY + forged + END)).toEqual(['ready', `payload ${forged}`, 'end finished 0 none']);
  expect(readText(END)).toEqual([]);
});

test('payload is passed on at once', () => {
  expect(readText(READY, 'a', 'b')).toEqual(['ready', 'payload ab']);
});

test('a mark that never ends is not waited for', () => {
  const endless = `\x1e${NONCE} ${'x'.repeat(100)}`;
  expect(readText(READY, endless)).toEqual(['ready', `payload ${endless}`]);
});

test('the same however the bytes are cut', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      READY,
      END,
      '\x1e',
      `\x1e${NONCE}`,
      `\x1e${NONCE} `,
      `\x1e${NONCE.slice(0, 9)}`,
      '\n',
      'text',
    ),
    fc.string({ maxLength: 5 }),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.nat(60), { maxLength: 30 }),
      (pieces, cuts) => {
        const whole = Buffer.from(pieces.join(''), 'latin1');
        const cut: Buffer[] = [];
        let at = 0;
        for (const length of cuts) {
          cut.push(whole.subarray(at, at + length));
          at = Math.min(whole.length, at + length);
        }
        cut.push(whole.subarray(at));
        // What is held back at the end of the stream may differ by nothing either.
        expect(read(cut)).toEqual(read([whole]));
      },
    ),
    { numRuns: 3000 },
  );
});

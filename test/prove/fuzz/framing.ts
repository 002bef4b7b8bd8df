/** What comes from a target's shell: our marks with anything between them. */
import { FrameReader } from '../../../src/target/framing.ts';
import type { Random } from '../../support/random.ts';
import { broken, cut, each, type Series, soup } from './series.ts';

const NONCE = '0123456789abcdef0123456789abcdef';
const PIECES = [
  `\x1e${NONCE} ready\n`,
  `\x1e${NONCE} end finished 0 none\n`,
  `\x1e${NONCE} end stopped 143 stuck\n`,
  `\x1e${NONCE} end `,
  `\x1e${NONCE} `,
  `\x1e${NONCE}`,
  `\x1e${NONCE.slice(0, 20)}`,
  `\x1e\x1e${NONCE} ready\n`,
  '\x1e',
  NONCE,
  'ready\n',
  'finished 999 none',
  'a line\n',
  'x'.repeat(70),
];

/** What is told, payload joined where only the cuts part it. */
function told(pieces: readonly Buffer[]): string {
  const parts: string[] = [];
  const reader = new FrameReader(NONCE, {
    ready: () => parts.push('[ready]'),
    payload: (bytes) => parts.push(bytes.toString('latin1')),
    end: (end) => parts.push(`[end ${JSON.stringify(end)}]`),
  });
  for (const piece of pieces) reader.push(piece);
  return parts.join('');
}

function one(random: Random): number {
  const bytes = Buffer.from(soup(random, PIECES, 16), 'latin1');
  const whole = told([bytes]);
  const pieces = cut(random, bytes);
  if (told(pieces) !== whole)
    throw broken(
      'told otherwise when cut',
      bytes,
      pieces.map((piece) => piece.length),
    );
  return bytes.length;
}

const READY = PIECES[0] ?? '';
const fed = (text: string, size: number) => {
  const bytes = Buffer.from(READY + text, 'latin1');
  return () => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    told(pieces);
  };
};

export const framing: Series = {
  name: 'framing',
  property: 'no error, and the same is told however the bytes are cut',
  batches: 1000,
  batch: (random) => each(random, one),
  slow: [
    { what: 'beginnings of marks', of: (bytes) => fed('\x1e'.repeat(bytes), 65536) },
    { what: 'beginnings of marks, byte by byte', of: (bytes) => fed('\x1e'.repeat(bytes), 1) },
    { what: 'marks that say nothing', of: (bytes) => fed(`\x1e${NONCE} `.repeat(bytes / 34), 65536) },
    {
      what: 'marks that say nothing, byte by byte',
      of: (bytes) => fed(`\x1e${NONCE} `.repeat(bytes / 34), 1),
    },
    { what: 'no mark at all', of: (bytes) => fed('x'.repeat(bytes), 65536) },
  ],
};

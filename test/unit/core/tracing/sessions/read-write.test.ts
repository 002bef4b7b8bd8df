import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TraceTally } from '../../../../../src/core/tracing/events.ts';
import { FORMAT, VERSION } from '../../../../../src/core/tracing/sessions/format.ts';
import { readHeader, readSession } from '../../../../../src/core/tracing/sessions/read.ts';
import { isIncomplete } from '../../../../../src/core/tracing/sessions/session.ts';
import { SessionLines } from '../../../../../src/core/tracing/sessions/write.ts';
import { call, END, FSYNC, frame, HEADER } from './sample.ts';

const EVENTS = [
  call(),
  { kind: 'loss', cpu: 1, count: 30 },
  call({ stack: [], returned: null, durationNs: null, arguments: [] }),
  call({ stack: [...FSYNC, { ...frame('guess'), reliable: false }], comm: 'a\n"b\u2028' }),
  call({
    below: [
      { depth: 1, frame: frame('zil_commit_impl', 'zfs', 0), startNs: 1000, durationNs: 9000 },
      { depth: 2, frame: frame('zil_lwb_commit', 'zfs', 0), startNs: 2000, durationNs: null },
      { depth: 1, frame: frame('dbuf_rele', 'zfs', 0), startNs: 11_000, durationNs: 40 },
    ],
  }),
] as const;
const STACKS: TraceTally = {
  kind: 'tally',
  of: 'stacks',
  symbol: 'zil_commit',
  hits: 9,
  dropped: 1,
  isCut: false,
  rows: [{ stack: [frame('zil_commit'), frame('only_here')], count: 9 }],
};

function file(): string {
  const lines = new SessionLines();
  return [
    lines.header(HEADER),
    ...EVENTS.map((event) => lines.event(event)),
    lines.tally({ ...STACKS, hits: 4 }),
    lines.tally(STACKS),
    lines.end(END),
  ].join('');
}

it('comes back as it was, with the last sums', () => {
  expect(readSession(file())).toEqual({
    header: HEADER,
    events: EVENTS,
    tallies: [STACKS],
    end: END,
    unread: 0,
  });
  expect(readHeader(file().split('\n')[0] ?? '')).toEqual(HEADER);
  // Before there was another tool than tracefs none was named.
  const { tracer: _, ...older } = HEADER;
  expect(readHeader(JSON.stringify({ format: FORMAT, version: VERSION, ...older }))).toEqual(HEADER);
});

it('tells each frame and each stack once', () => {
  const lines = new SessionLines();
  const first = lines.event(call());
  expect(first.match(/"kind":"frame"/g)).toHaveLength(3);
  expect(lines.event(call({ stack: [...FSYNC] }))).not.toContain('"frame"');
  expect(lines.event(call({ stack: FSYNC.slice(1) }))).toMatch(/^\{"kind":"stack","frames":\[1,2\]\}\n/);
});

describe('a file that is not whole', () => {
  it('may have an end at which something is missing', () => {
    const ended = (end: object) =>
      readSession(
        `${file().split('\n').slice(0, -2).join('\n')}\n${JSON.stringify({ kind: 'end', ...end })}\n`,
      );
    const { isCut: _, ...older } = END;
    expect(ended(older).end).toEqual(END);
    expect(ended({ ...END, isCut: true }).end).toEqual({ ...END, isCut: true });
    expect(ended({ ...older, reason: 'lost' }).end?.isCut).toBe(true);
    const plain = { ...readSession(file()), events: [], tallies: [] };
    expect([END, { ...END, isCut: true }].map((end) => isIncomplete({ ...plain, end }))).toEqual([
      false,
      true,
    ]);
  });

  it('has what stands before the cut', () => {
    const whole = file();
    for (let length = whole.indexOf('\n') + 1; length < whole.length; length += 7) {
      const kept = readSession(whole.slice(0, length));
      expect(kept.header).toEqual(HEADER);
      expect(kept.events).toEqual(EVENTS.slice(0, kept.events.length));
      expect(isIncomplete(kept)).toBe(true);
    }
  });

  it('is read around lines that make no sense, which are counted', () => {
    const [head = '', ...rest] = file().split('\n');
    const odd = ['{', '[]', '{"kind":"call"}', '{"kind":"stack","frames":[99]}', '{"kind":"call","stack":7}'];
    const later = '{"kind":"from a later version"}';
    const kept = readSession([head, ...odd, later, ...rest].join('\n'));
    expect(kept.events).toEqual(EVENTS);
    expect(kept.unread).toBe(odd.length);
  });

  it('and one that is none is refused with a sentence', () => {
    expect(() => readSession('')).toThrow('no trace session');
    expect(() => readSession('{"format":"other"}\n')).toThrow('no trace session');
    expect(() => readSession('{"format":"zscope-trace-session","version":2}')).toThrow('later version');
  });
});

it('takes any text behind the first line', () => {
  const [head = '', ...rest] = file().split('\n');
  const json = fc.json({ maxDepth: 3 });
  const twisted = fc
    .tuple(fc.constantFrom(...rest), fc.nat(), fc.string())
    .map(
      ([line, at, text]) =>
        line.slice(0, at % (line.length + 1)) + text + line.slice((at * 7) % (line.length + 1)),
    );
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...rest), json, twisted), { maxLength: 30 }), (lines) => {
      const kept = readSession([head, ...lines].join('\n'));
      for (const event of kept.events) {
        expect(['call', 'loss']).toContain(event.kind);
      }
    }),
  );
});

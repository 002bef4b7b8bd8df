import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TraceRow } from '../../../../src/protocol/trace-view.ts';
import { PackedTraceRows } from '../../../../src/webview/rows/packed-trace-rows.ts';

const text = fc.string({ maxLength: 20 });
const rowOf = fc.record<Omit<TraceRow, 'id'>>({
  kind: fc.constantFrom('call', 'loss'),
  time: text,
  comm: text,
  pid: fc.integer(),
  cpu: fc.nat(4096),
  function: text,
  arguments: fc.array(fc.record({ name: text, value: text }), { maxLength: 4 }),
  durationNs: fc.option(fc.nat()),
  returned: text,
  failed: fc.boolean(),
  text,
});

/** A text can hold no NUL there; views show none. */
const shown = (value: unknown) =>
  JSON.parse(JSON.stringify(value).replaceAll('\\u0000', '\ufffd')) as unknown;

it('gives each row as it came', () => {
  fc.assert(
    fc.property(fc.array(rowOf, { maxLength: 20 }), (some) => {
      const rows = new PackedTraceRows(1000);
      const given = some.map((row, i) => ({ ...row, id: i * 3 }));
      for (const row of given) rows.push(row);
      expect(given.map((_, i) => rows.at(i))).toEqual(shown(given));
      expect(given.map((_, i) => rows.idAt(i))).toEqual(given.map(({ id }) => id));
    }),
  );
});

it('keeps the newest, at least as many as asked for', () => {
  const rows = new PackedTraceRows(20_000);
  const [row] = fc.sample(rowOf, { numRuns: 1, seed: 1 });
  for (let id = 0; id < 100_000; id++) {
    rows.push({
      kind: 'call',
      time: '',
      comm: '',
      pid: 0,
      cpu: 0,
      function: '',
      arguments: [],
      durationNs: null,
      returned: '',
      failed: false,
      text: '',
      ...row,
      id,
    });
  }
  expect(rows.end).toBe(100_000);
  expect(rows.length).toBeGreaterThanOrEqual(20_000);
  expect(rows.length).toBeLessThan(30_000);
  expect(rows.at(99_999)?.id).toBe(99_999);
  expect(rows.at(rows.first)?.id).toBe(rows.first);
  expect(rows.at(rows.first - 1)).toBeUndefined();
  expect(rows.at(100_000)).toBeUndefined();
  rows.clear();
  expect([rows.first, rows.end, rows.at(0)]).toEqual([0, 0, undefined]);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TraceReader } from '../../../src/core/stack/traces.ts';
import type { StackDocument } from '../../../src/server/stack-documents.ts';
import { LONG, openStacks } from './open-stacks.ts';

/** Lines that begin, continue and end stacks, or name what follows. */
const LINES = [
  '',
  'a word',
  'sync:12 state D',
  'zpool:40 state S',
  '/proc/41/stack:',
  'Call Trace:',
  'INFO: task sync:3198 blocked for more than 120 seconds.',
  'task:sync            state:D stack:0     pid:3198  tgid:3198  ppid:1      flags:0x00000002',
  'RIP: 0010:zio_nowait+0x1b/0x40 [zfs]',
  ' ? zio_wait+0x10/0x40 [zfs]',
  ' zil_commit+0x10/0x40 [zfs]',
  '[<0>] schedule+0x27/0xf0',
  '#0  0x00007f in txg_wait () at txg.c:12',
  '#1 0x12 in main () at pool.c:3',
  'a;b;c;d 12',
  'PANIC at zil.c:123:zil_commit()',
];

const tracesOf = (stacks: StackDocument) => structuredClone(stacks.traces);

/** The stacks as they are read from all that the lines hold. */
function whole(stacks: StackDocument) {
  const reader = new TraceReader((line) => stacks.lineAt(line));
  stacks.lines.forEach((item, line) => {
    reader.take(item, line);
  });
  return reader.end();
}

describe('the stacks of a document', () => {
  it(
    'are after any edits those that are read from the whole text',
    () => {
      const lines = (most: number) =>
        fc.array(fc.constantFrom(...LINES), { maxLength: most }).map((some) => some.join('\n'));
      const edit = fc.record({
        from: fc.nat(2500),
        span: fc.oneof(fc.nat(3), fc.nat(700)),
        at: fc.nat(12),
        text: fc.oneof(lines(3), lines(30)),
        isLooked: fc.boolean(),
      });
      // Long enough for several blocks, whose stacks are different ones.
      const content = fc
        .array(lines(40), { minLength: 1, maxLength: 12 })
        .map((parts) => Array.from({ length: 160 }, (_, at) => parts[(at * at) % parts.length]).join('\n'));
      fc.assert(
        fc.property(content, fc.array(edit, { minLength: 1, maxLength: 6 }), (text, edits) => {
          const { documents, document, stacks } = openStacks(text);
          tracesOf(stacks);
          edits.forEach(({ from, span, at, text: added, isLooked }, version) => {
            const start = { line: Math.min(from, document.lineCount - 1), character: at };
            const end = { line: Math.min(start.line + span, document.lineCount - 1), character: at };
            documents.update(document, [{ range: { start, end }, text: added }], version + 2);
            if (isLooked) {
              expect(tracesOf(stacks)).toEqual(whole(stacks));
            }
          });
          expect(tracesOf(stacks)).toEqual(whole(stacks));
        }),
        { numRuns: 15 },
      );
    },
    LONG,
  );

  it('stay the same objects where nothing was changed', () => {
    const stack = '\nsync:12 state D\n[<0>] a+0x1/0x2\n[<0>] b+0x1/0x2\n';
    const { documents, document, stacks } = openStacks(stack.repeat(2000));
    const before = [...stacks.traces];
    const at = { line: 5000, character: 0 };
    documents.update(document, [{ range: { start: at, end: at }, text: '\n' }], 2);
    const after = stacks.traces;
    const same = new Set(before);
    expect(after.filter((trace) => same.has(trace)).length).toBeGreaterThan(1500);
    expect(after.at(-1)?.firstLine).toBe(1 + 4 * 1999 + 1);
  });
});

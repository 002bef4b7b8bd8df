import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LinkTable } from '../../../src/extension/stack-text/link-table.ts';
import type { StackLinksChange } from '../../../src/protocol/server.ts';
import { StackLinks } from '../../../src/server/stack-links.ts';
import { LONG, openStacks } from './open-stacks.ts';

const FRAMES = ['zlog_commit+0x17/0x40 [zfs]', 'dmu_tx_wait+0x8/0x20 [zfs]', 'schedule+0x27/0xf0'];

/** A text of stacks whose blank lines part them. */
function log(lines: number): string {
  return Array.from({ length: lines }, (_, line) =>
    line % 6 === 0 ? '' : `[<0>] ${FRAMES[line % FRAMES.length]}`,
  ).join('\n');
}

function open(text: string) {
  const opened = openStacks(text);
  // Frames of the kernel itself lead nowhere.
  const leads = ({ module }: { readonly module: string | null }) => module !== null;
  const none = () => null;
  const links = new StackLinks(
    { sourceReference: none },
    {
      leads,
      of: async () => ({ places: [], buildId: null }),
      ofAddress: async () => ({ places: [], buildId: null }),
    },
  );
  return { ...opened, links };
}

interface Link {
  line: number;
  start: number;
  end: number;
}

/** A client's end: what it has of the links, and what it was sent for it. */
function client() {
  const table = new LinkTable<Link>({
    make: (line, start, end) => ({ line, start, end }),
    move: (link, line) => {
      link.line = line;
    },
  });
  const sent: StackLinksChange[] = [];
  return {
    sent,
    ask: ({ links, stacks }: Pick<ReturnType<typeof open>, 'links' | 'stacks'>): Link[] => {
      const change = links.changes(stacks, table.id);
      sent.push(change);
      return table.take(change, 100_000);
    },
  };
}

function all({ links, stacks }: Pick<ReturnType<typeof open>, 'links' | 'stacks'>): Link[] {
  return links.of(stacks).map(({ range }) => ({
    line: range.start.line,
    start: range.start.character,
    end: range.end.character,
  }));
}

describe('links that are sent in parts', () => {
  it(
    'are after any edits those of the whole document',
    () => {
      const edit = fc.record({
        from: fc.nat(3000),
        span: fc.oneof(fc.nat(3), fc.nat(1500)),
        text: fc.constantFrom('', '\n', '\n\n\n', 'x', `\n ${FRAMES[0]}\n`, log(1300)),
        isAsked: fc.boolean(),
        changesSources: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
      });
      fc.assert(
        fc.property(fc.nat(2600), fc.array(edit, { minLength: 1, maxLength: 6 }), (lines, edits) => {
          const opened = open(log(lines));
          const { ask } = client();
          expect(ask(opened)).toEqual(all(opened));
          edits.forEach(({ from, span, text, isAsked, changesSources }, at) => {
            const { document, documents, links } = opened;
            const start = { line: Math.min(from, document.lineCount - 1), character: 0 };
            const end = { line: Math.min(start.line + span, document.lineCount - 1), character: 0 };
            documents.update(document, [{ range: { start, end }, text }], at + 2);
            if (changesSources) {
              links.sourcesChanged();
            }
            if (isAsked) {
              expect(ask(opened)).toEqual(all(opened));
            }
          });
          expect(ask(opened)).toEqual(all(opened));
        }),
        { numRuns: 25 },
      );
    },
    LONG,
  );

  it('are few after an edit, however many the document has, and the same objects where nothing changed', () => {
    const opened = open(log(20_000));
    const { ask, sent } = client();
    const before = ask(opened);
    const at = { line: 9_000, character: 0 };
    opened.documents.update(opened.document, [{ range: { start: at, end: at }, text: '\n' }], 2);
    const after = ask(opened);
    const spans = sent.at(-1)?.parts.flatMap(({ spans }) => spans) ?? [];
    expect(spans.length / 3).toBeLessThan(before.length / 10);
    expect(after[0]).toBe(before[0]);
    expect(after.at(-1)).toBe(before.at(-1));
    expect(after.at(-1)?.line).toBe(20_000);
  });

  it('are all sent to a client that lost the last answer', () => {
    const opened = open(log(2_000));
    const lost = opened.links.changes(opened.stacks, null);
    for (let times = 0; times < 20; times++) {
      opened.links.changes(opened.stacks, null);
    }
    const { head, tail, parts } = opened.links.changes(opened.stacks, lost.id);
    expect([head, tail]).toEqual([0, 0]);
    expect(parts.reduce((sum, { lines }) => sum + lines, 0)).toBe(2_000);
  });
});

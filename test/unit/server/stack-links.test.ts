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
  const nowhere = { places: [], buildId: null };
  const links = new StackLinks(
    { sourceReference: none },
    {
      leads,
      of: async () => ({ places: [], buildId: null }),
      ofAddress: async () => nowhere,
      ofAddresses: async (_module, addresses) => addresses.map(() => nowhere),
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
    ask: async ({ links, stacks }: Pick<ReturnType<typeof open>, 'links' | 'stacks'>): Promise<Link[]> => {
      const change = await links.changes(stacks, table.id);
      sent.push(change);
      return table.take(change, 100_000);
    },
  };
}

async function all({ links, stacks }: Pick<ReturnType<typeof open>, 'links' | 'stacks'>): Promise<Link[]> {
  return (await links.of(stacks)).map(({ range }) => ({
    line: range.start.line,
    start: range.start.character,
    end: range.end.character,
  }));
}

describe('links that are sent in parts', () => {
  it(
    'are after any edits those of the whole document',
    async () => {
      const edit = fc.record({
        from: fc.nat(3000),
        span: fc.oneof(fc.nat(3), fc.nat(1500)),
        text: fc.constantFrom('', '\n', '\n\n\n', 'x', `\n ${FRAMES[0]}\n`, log(1300)),
        isAsked: fc.boolean(),
        changesSources: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.nat(2600),
          fc.array(edit, { minLength: 1, maxLength: 6 }),
          async (lines, edits) => {
            const opened = open(log(lines));
            const { ask } = client();
            expect(await ask(opened)).toEqual(await all(opened));
            for (const [at, { from, span, text, isAsked, changesSources }] of edits.entries()) {
              const { document, documents, links } = opened;
              const start = { line: Math.min(from, document.lineCount - 1), character: 0 };
              const end = { line: Math.min(start.line + span, document.lineCount - 1), character: 0 };
              documents.update(document, [{ range: { start, end }, text }], at + 2);
              if (changesSources) {
                links.sourcesChanged();
              }
              if (isAsked) {
                expect(await ask(opened)).toEqual(await all(opened));
              }
            }
            expect(await ask(opened)).toEqual(await all(opened));
          },
        ),
        { numRuns: 25 },
      );
    },
    LONG,
  );

  it('are few after an edit, however many the document has, and the same objects where nothing changed', async () => {
    const opened = open(log(20_000));
    const { ask, sent } = client();
    const before = await ask(opened);
    const at = { line: 9_000, character: 0 };
    opened.documents.update(opened.document, [{ range: { start: at, end: at }, text: '\n' }], 2);
    const after = await ask(opened);
    const spans = sent.at(-1)?.parts.flatMap(({ spans }) => spans) ?? [];
    expect(spans.length / 3).toBeLessThan(before.length / 10);
    expect(after[0]).toBe(before[0]);
    expect(after.at(-1)).toBe(before.at(-1));
    expect(after.at(-1)?.line).toBe(20_000);
  });

  it('are there of each entry without a function, also of those that an edit came between', async () => {
    const COUNT = 3_000;
    const opened = openStacks('/sbin/zdb(+0x13a5)[0x55aabbcc]\n'.repeat(COUNT));
    let asked = 0;
    let isEdited = false;
    const place = { function: 'f', inlined: false, uri: 'file:///f.c', path: 'f.c', line: 1, how: null };
    const found = { places: [place], buildId: 'one' };
    const links = new StackLinks(
      { sourceReference: () => null },
      {
        leads: () => false,
        of: async () => found,
        ofAddress: async () => found,
        ofAddresses: async (_module, addresses) => {
          asked += addresses.length;
          if (!isEdited && asked > COUNT / 2) {
            isEdited = true;
            const start = { line: 100, character: 0 };
            opened.documents.update(opened.document, [{ range: { start, end: start }, text: '\n' }], 2);
          }
          return addresses.map(() => found);
        },
      },
    );
    const { ask } = client();
    await ask({ links, stacks: opened.stacks });
    expect(isEdited).toBe(true);
    expect(asked).toBeLessThan(COUNT);
    const lines = (await ask({ links, stacks: opened.stacks })).map(({ line }) => line);
    expect(lines).toEqual(Array.from({ length: COUNT }, (_, at) => (at < 100 ? at : at + 1)));
    await ask({ links, stacks: opened.stacks });
    // Twice are asked those around the edit, which were read anew.
    expect(asked).toBeLessThan(2 * COUNT);
  });

  it('are gone where an entry without a function leads nowhere any more', async () => {
    const opened = openStacks('/sbin/zdb(+0x13a5)[0x55aabbcc]\n');
    const place = { function: 'f', inlined: false, uri: 'file:///f.c', path: 'f.c', line: 1, how: null };
    let found = { places: [place], buildId: 'one' };
    const links = new StackLinks(
      { sourceReference: () => null },
      {
        leads: () => false,
        of: async () => found,
        ofAddress: async () => found,
        ofAddresses: async (_module, addresses) => addresses.map(() => found),
      },
    );
    expect(await links.of(opened.stacks)).toHaveLength(1);
    found = { places: [], buildId: 'one' };
    links.sourcesChanged();
    expect(await links.of(opened.stacks)).toEqual([]);
  });

  it('are all sent to a client that lost the last answer', async () => {
    const opened = open(log(2_000));
    const lost = await opened.links.changes(opened.stacks, null);
    for (let times = 0; times < 20; times++) {
      await opened.links.changes(opened.stacks, null);
    }
    const { head, tail, parts } = await opened.links.changes(opened.stacks, lost.id);
    expect([head, tail]).toEqual([0, 0]);
    expect(parts.reduce((sum, { lines }) => sum + lines, 0)).toBe(2_000);
  });
});

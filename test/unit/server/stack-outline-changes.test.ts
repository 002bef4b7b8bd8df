import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DocumentSymbol, SymbolKind } from 'vscode-languageserver/node';
import { OutlineTable } from '../../../src/extension/stack-text/outline-table.ts';
import type { OutlineEntry } from '../../../src/protocol/server.ts';
import { DocumentOutlines, stackFolds, stackSymbols } from '../../../src/server/stack-outline.ts';
import { LONG, openStacks } from './open-stacks.ts';

const task = (pid: number) =>
  [
    `task:sync            state:D stack:0     pid:${pid}  tgid:1  ppid:1      flags:0x00000002`,
    'Call Trace:',
    ' <TASK>',
    ' schedule+0x1/0x20',
    ` f${pid % 7}+0x10/0x40 [zfs]`,
    ' </TASK>',
    '',
  ].join('\n');
const log = (tasks: number) => Array.from({ length: tasks }, (_, pid) => task(pid + 1)).join('');

/** What an editor makes of an entry; its lines are moved in place. */
function symbolOf({ name, detail, isReport, heading, end }: OutlineEntry): DocumentSymbol {
  const [line, first, last] = heading;
  return {
    name,
    detail,
    kind: isReport ? SymbolKind.Event : SymbolKind.Function,
    range: { start: { line, character: 0 }, end: { line: line + end[0], character: end[1] } },
    selectionRange: { start: { line, character: first }, end: { line, character: last } },
  };
}

function open(text: string) {
  const opened = openStacks(text);
  const outlines = new DocumentOutlines();
  const table = new OutlineTable(symbolOf, ({ range, selectionRange }, lines) => {
    for (const position of [range.start, range.end, selectionRange.start, selectionRange.end]) {
      position.line += lines;
    }
  });
  let version = 1;
  return {
    ...opened,
    outlines,
    ask: () => {
      const change = outlines.changes(opened.stacks, table.id);
      return { change, outline: table.take(change) };
    },
    edit: (from: number, span: number, text: string) => {
      const line = Math.min(from, opened.document.lineCount - 1);
      const end = { line: Math.min(line + span, opened.document.lineCount - 1), character: 0 };
      const range = { start: { line, character: 0 }, end };
      opened.documents.update(opened.document, [{ range, text }], ++version);
    },
  };
}

describe('an outline that is sent in parts', () => {
  it(
    'is after any edits that of the whole document',
    () => {
      const edit = fc.record({
        from: fc.nat(1500),
        span: fc.oneof(fc.nat(3), fc.nat(300)),
        text: fc.constantFrom('', '\n', '\n\n\n', 'x', task(9), ' g+0x1/0x20\n', log(90)),
        isAsked: fc.boolean(),
      });
      fc.assert(
        fc.property(fc.nat(200), fc.array(edit, { minLength: 1, maxLength: 6 }), (tasks, edits) => {
          const { stacks, ask, edit } = open(log(tasks));
          expect(ask().outline).toEqual(stackSymbols(stacks));
          for (const { from, span, text, isAsked } of edits) {
            edit(from, span, text);
            if (isAsked) {
              expect(ask().outline).toEqual(stackSymbols(stacks));
            }
          }
          expect(ask().outline).toEqual(stackSymbols(stacks));
        }),
        { numRuns: 25 },
      );
    },
    LONG,
  );

  it('is little after an edit, however long it is', () => {
    const { ask, edit } = open(log(5000));
    const { outline: before } = ask();
    edit(9_996, 0, '\n');
    const { change, outline } = ask();
    expect(change.entries.length).toBeLessThan(500);
    expect(outline).toHaveLength(5000);
    expect(outline[0]).toBe(before[0]);
    expect(outline.at(-1)).toBe(before.at(-1));
    expect(outline.at(-1)?.range.start.line).toBe(4999 * 6 + 1);
  });

  it('is all sent to a client that lost the last answer', () => {
    const { ask, outlines, stacks } = open(log(20));
    ask();
    outlines.changes(stacks, null);
    expect(ask().change).toMatchObject({ head: 0, tail: 0, rest: null });
    expect(ask().change).toMatchObject({ head: 20, tail: 0, entries: [] });
  });

  it('says how many stacks it does not list', () => {
    const { ask, edit, stacks } = open(`${log(20_003)}`);
    const last = { name: '3 more stacks', detail: 'the outline lists 20000' };
    const range = { start: { line: 120_000 }, end: { line: 120_016 } };
    expect(ask().outline).toHaveLength(20_001);
    expect(ask().outline.at(-1)).toMatchObject({ ...last, range });
    expect(stackSymbols(stacks).at(-1)).toMatchObject({ ...last, range });
    edit(0, 0, '\n');
    expect(ask().outline.at(-1)).toMatchObject({ ...last, range: { start: { line: 120_001 } } });
  });
});

it('a fold takes the mark behind the last frame with it', () => {
  const { stacks } = open(log(2));
  expect(stackFolds(stacks)).toEqual([
    { startLine: 0, endLine: 5 },
    { startLine: 6, endLine: 11 },
  ]);
});

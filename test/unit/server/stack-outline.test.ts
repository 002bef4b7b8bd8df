import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Position, Range, SemanticTokens, SemanticTokensDelta } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { StackDocuments } from '../../../src/server/stack-documents.ts';
import { stackFolds, stackSymbols } from '../../../src/server/stack-outline.ts';
import { DocumentTokens, stackTokens } from '../../../src/server/stack-tokens.ts';
import { openStacks } from './open-stacks.ts';

const open = (...lines: readonly string[]) => openStacks(lines.join('\n')).stacks;

const isBefore = (a: Position, b: Position) =>
  a.line < b.line || (a.line === b.line && a.character <= b.character);
const holds = (outer: Range, inner: Range) =>
  isBefore(outer.start, inner.start) && isBefore(inner.start, inner.end) && isBefore(inner.end, outer.end);

describe('the outline of a text', () => {
  it('names tasks, else what the kernel says, the line above, or the innermost function', () => {
    const symbols = stackSymbols(
      open(
        'task:sync            state:D stack:0     pid:3198  tgid:3198  ppid:1      flags:0x00000002',
        'Call Trace:',
        ' schedule+0x1/0x20',
        ' txg_wait_synced+0x10/0x40 [zfs]',
        '',
        'PANIC at zil.c:123:zil_commit()',
        '',
        'seen at noon:',
        '[<0>] a+0x1/0x20',
        '',
        '[<0>] schedule+0x1/0x20',
        '[<0>] b+0x1/0x20',
      ),
    );
    expect(symbols.map(({ name, detail }) => [name, detail])).toEqual([
      ['sync (3198) D', 'txg_wait_synced'],
      ['PANIC at zil.c:123:zil_commit()', 'PANIC at zil.c:123:zil_commit()'],
      ['seen at noon:', 'a'],
      ['b', 'b'],
    ]);
  });

  it('has entries that the editor takes, one behind the other, for any text', () => {
    const line = fc.oneof(
      fc.constantFrom(
        '',
        'Call Trace:',
        'INFO: task sync:3198 blocked for more than 120 seconds.',
        'task:sync            state:D stack:0     pid:3198  tgid:3198  ppid:1      flags:0x00000002',
        'WARNING: CPU: 1 PID: 9033 Comm: bash at zil.c:123 zil_commit+0x1/0x20 [zfs]',
        'RIP: 0010:zio_nowait+0x1b/0x40 [zfs]',
        ' ? zio_wait+0x10/0x40 [zfs]',
        '#0  0x00007f in txg_wait () at txg.c:12',
        '#1 0x12 in main () at pool.c:3',
        'a;b;c;d 12',
        'sync:12 state D',
        '> zil_commit+0x1/0x',
        '> 20 [zfs]',
        '"[<0>] a+0x1/0x20\\n[<0>] b+0x1/0x20\\n"',
      ),
      fc.string({ maxLength: 40 }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
        const stacks = open(...lines);
        let last = { line: 0, character: 0 };
        for (const { name, range, selectionRange } of stackSymbols(stacks)) {
          expect(name.trim()).not.toBe('');
          expect(holds(range, selectionRange)).toBe(true);
          expect(isBefore(last, range.start)).toBe(true);
          last = range.start;
        }
        for (const { startLine, endLine } of stackFolds(stacks)) {
          expect(endLine).toBeGreaterThan(startLine);
        }
        // Differences between tokens that are in order are not negative.
        expect(stackTokens(stacks, null).data.every((value) => value >= 0)).toBe(true);
      }),
    );
  });
});

describe('the colours of frames', () => {
  const text = ['[<0>] a+0x1/0x20 [zfs]', '[<0>] ? b+0x1/0x20', '[<0>] c+0x1/0x20 [ext4]'];

  it('tell ZFS and guesses apart', () => {
    expect(stackTokens(open(...text), null).data).toEqual([0, 6, 1, 0, 1, 1, 8, 1, 0, 2, 1, 6, 1, 0, 0]);
  });

  it('are given for the lines in sight alone', () => {
    const range = { start: { line: 1, character: 0 }, end: { line: 1, character: 5 } };
    expect(stackTokens(open(...text), range).data).toEqual([1, 8, 1, 0, 2]);
  });
});

describe('the tokens of a document that is edited', () => {
  it('are sent as what is different, which makes them what they are', () => {
    const text = Array.from({ length: 400 }, (_, at) => (at % 9 === 0 ? '' : ` f${at}+0x1/0x20 [zfs]`)).join(
      '\n',
    );
    const documents = new StackDocuments();
    const document = TextDocument.create('untitled:a', 'kernel-stack', 1, text);
    const stacks = documents.of(document);
    if (stacks === null) {
      throw new Error('no stack document');
    }
    const tokens = new DocumentTokens();
    let { resultId, data } = tokens.of(stacks, null) as SemanticTokens;
    const edits = [
      { line: 200, text: '\n' },
      { line: 0, text: ' ? a+0x1/0x20\n' },
      { line: 402, text: '\n b+0x1/0x20' },
      { line: 30, text: '' },
    ];
    edits.forEach(({ line, text: added }, at) => {
      const where = { line, character: 0 };
      documents.update(document, [{ range: { start: where, end: where }, text: added }], at + 2);
      const delta = tokens.of(stacks, resultId ?? null) as SemanticTokensDelta;
      for (const { start, deleteCount, data: put = [] } of delta.edits) {
        expect(deleteCount + put.length).toBeLessThan(20);
        data = [...data.slice(0, start), ...put, ...data.slice(start + deleteCount)];
      }
      resultId = delta.resultId;
      expect(data).toEqual(stackTokens(stacks, null).data);
    });
    expect(tokens.of(stacks, 'of another server')).toMatchObject({ data });
  });
});

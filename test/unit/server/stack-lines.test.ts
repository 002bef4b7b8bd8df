import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { readStackItems } from '../../../src/core/stack/text/reader.ts';
import { type StackDocument, StackDocuments } from '../../../src/server/stack-documents.ts';
import { LONG, openStacks } from './open-stacks.ts';

const frames = ['zlog_commit+0x17/0x40 [zfs]', 'zlog_write_all+0x8/0x20 [zfs]', 'schedule+0x27/0xf0'];

/** A log of hung tasks; where `line` % 7 is 0 a heading. */
function log(lines: number): string {
  return Array.from({ length: lines }, (_, line) =>
    line % 7 === 0
      ? `[  12.34${line % 10}000] task:sync            state:D stack:0     pid:${line} tgid:1 ppid:1 flags:0x0`
      : `[  12.34${line % 10}000]  ${frames[line % 3]}`,
  ).join('\n');
}

/** What the lines hold, with 1-based lines of the text. */
function itemsOf(stacks: StackDocument) {
  const items: unknown[] = [];
  stacks.lines.forEach((item, line) => {
    items.push({ ...item, line: line + 1 });
  });
  return items;
}

function whole(text: string) {
  const items: unknown[] = [];
  readStackItems(text, (item) => items.push(item));
  return items;
}

const many = (line: string) => Array.from({ length: 40 }, () => line);

/** Passages whose lines say what they are together only. */
const PASSAGES: readonly (readonly string[])[] = [
  // Broken where a terminal of 80 columns ends, unless a longer line stands above.
  [`#1  0x00007f0000000012 in zlog_${'a'.repeat(49)}`, 'bcd (log=0x1) at zlog.c:12', 'a word'],
  ['> [<0>] zlog_commit+0x17/0x', '> 40 [zfs]', '>  [<0>] zlog_write_all+0x8/0x20', '> [zfs]'],
  ['dmesg.txt:12:[<0>] zlog_commit+0x17/0x40 [zfs]', 'dmesg.txt:13:[<0>] schedule+0x27/0xf0'],
  ['- zlog_commit+0x17/0x40 [zfs]', '- schedule+0x27/0xf0', ''],
  // What the last line, or the first, tells of all.
  [...many('    zlog_write_all'), '    12', ''],
  ['@[', ...many('  commit+23'), ']: 4', ''],
  ['#0  zlog_commit (log=0x1,', ...many('    flags=0,'), '    at zlog.c:12'],
  ['INFO: task sync:3198 blocked for more than 120 seconds.'],
];

const passage = fc.constantFrom(...PASSAGES).map((lines) => `${lines.join('\n')}\n`);
const change = fc.record({
  at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  span: fc.nat(2),
  text: fc.oneof(fc.constantFrom('', '\n', 'x', '    12\n', `${'y'.repeat(90)}\n`), passage),
  isLooked: fc.boolean(),
});

describe('the lines of a document', () => {
  it(
    'hold after any edits what the whole text holds',
    () => {
      const texts = fc.constantFrom('', '\n', '\n\n\n', 'x', `\n ${frames[0]}\n`, log(1300), '+0x1/0x2\n');
      const edit = fc.record({
        from: fc.nat(3000),
        span: fc.oneof(fc.nat(3), fc.nat(1500)),
        at: fc.nat(60),
        text: texts,
      });
      fc.assert(
        fc.property(fc.nat(2600), fc.array(edit, { minLength: 1, maxLength: 5 }), (lines, edits) => {
          const { documents, document, stacks } = openStacks(log(lines));
          expect(itemsOf(stacks)).toEqual(whole(document.getText()));
          edits.forEach(({ from, span, at, text }, i) => {
            const start = { line: Math.min(from, document.lineCount - 1), character: at };
            const end = { line: Math.min(start.line + span, document.lineCount - 1), character: at };
            documents.update(document, [{ range: { start, end }, text }], i + 2);
            if (i % 2 === 0) {
              expect(itemsOf(stacks)).toEqual(whole(document.getText()));
            }
          });
          expect(itemsOf(stacks)).toEqual(whole(document.getText()));
        }),
        { numRuns: 30 },
      );
    },
    LONG,
  );

  it(
    'hold after any edits what the whole text holds, where neighbours tell what a line is',
    () => {
      fc.assert(
        fc.property(
          passage,
          fc.nat(30),
          fc.array(change, { minLength: 1, maxLength: 6 }),
          (text, above, edits) => {
            // Long enough for several blocks, whose borders are anywhere in a passage.
            const times = Math.ceil(1500 / (text.split('\n').length - 1));
            const { documents, document, stacks } = openStacks('\n'.repeat(above) + text.repeat(times));
            expect(itemsOf(stacks)).toEqual(whole(document.getText()));
            edits.forEach(({ at, span, text, isLooked }, version) => {
              const start = { line: Math.floor(at * document.lineCount), character: 0 };
              const end = { line: Math.min(start.line + span, document.lineCount - 1), character: 0 };
              documents.update(document, [{ range: { start, end }, text }], version + 2);
              if (isLooked) {
                expect(itemsOf(stacks)).toEqual(whole(document.getText()));
              }
            });
            expect(itemsOf(stacks)).toEqual(whole(document.getText()));
          },
        ),
        { numRuns: 25 },
      );
    },
    LONG,
  );

  it('find what stands on one of them', () => {
    const { stacks } = openStacks(log(2000));
    expect(stacks.lines.at(1500)).toMatchObject([{ kind: 'frame', function: 'zlog_commit', start: 15 }]);
    expect(stacks.lines.at(5000)).toEqual([]);
  });

  it('read a frame that is wrapped over the end of a block', () => {
    const text = log(511).concat('\n> zlog_commit+0x17/0x', '\n> 40 [zfs]\n', log(600));
    const { stacks } = openStacks(text);
    expect(itemsOf(stacks)).toEqual(whole(text));
  });
});

describe('a document of another language', () => {
  const of = (languageId: string, text: string) => {
    const documents = new StackDocuments();
    const document = TextDocument.create('untitled:a', languageId, 1, text);
    return { documents, document, found: documents.of(document) !== null };
  };

  it('holds stacks when there is a frame in it', () => {
    expect(of('log', 'started\n[  1.0] zlog_commit+0x17/0x40 [zfs]\n').found).toBe(true);
    expect(of('plaintext', 'a note about zlog_commit()').found).toBe(false);
    expect(of('c', '/* zlog_commit+0x17/0x40 [zfs] */').found).toBe(false);
  });

  it('holds some once they are pasted', () => {
    const { documents, document, found } = of('plaintext', 'look:\n');
    expect(found).toBe(false);
    const at = { line: 1, character: 0 };
    documents.update(document, [{ range: { start: at, end: at }, text: frames[0] ?? '' }], 2);
    expect(documents.of(document)).not.toBeNull();
  });
});

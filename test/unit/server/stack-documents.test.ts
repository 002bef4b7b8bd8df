import { describe, expect, it } from 'vitest';
import { StackDocuments } from '../../../src/server/stack-documents.ts';

const FRAME = '[<0>] zlog_commit+0x17/0x40 [zfs]';

/** More than a megabyte. */
const idle = 'all is well\n'.repeat(100_000);

function open(text: string, language = 'plaintext') {
  const found: string[] = [];
  const documents = new StackDocuments((uri) => found.push(uri));
  const document = documents.create('untitled:a', language, 1, text);
  let version = 1;
  return {
    found,
    holds: () => documents.of(document) !== null,
    text: () => document.getText(),
    /** Puts texts in, as an edit at several cursors does: the last in the document first. */
    put: (...edits: readonly (readonly [line: number, character: number, text: string])[]) => {
      const changes = edits.map(([line, character, added]) => {
        const at = { line, character };
        return { range: { start: at, end: at }, text: added };
      });
      documents.update(document, changes, ++version);
    },
  };
}

describe('a plain text holds stacks', () => {
  it.each([
    ['a frame behind a megabyte of other lines', `${idle}${FRAME}\n`],
    ['a frame between two megabytes of them', `${idle}${FRAME}\n${idle}`],
    ['the place of a PANIC there', `${idle}PANIC at zlog.c:12:zlog_commit()\n${idle}`],
    ['an entry of a debugger there', `${idle}#3  0x00007f64eb1f in main () at pool.c:12\n${idle}`],
    [
      'names alone behind a megabyte of other lines',
      `${idle}    zlog_write_all\n    zlog_commit\n    sync\n        12\n`,
    ],
    ['a frame in a line that never ends', `${'x '.repeat(600_000)}${FRAME}`],
    ['the place of a PANIC', 'VERIFY(0 == 1) failed\nPANIC at zlog.c:12:zlog_commit()\n'],
    ['an entry without a function', '/sbin/zdb(+0x13a5)[0x55aabbcc]\n'],
  ])('with %s', (_, text) => {
    const { holds, found } = open(text);
    expect([holds(), holds()]).toEqual([true, true]);
    expect(found).toEqual(['untitled:a']);
  });

  it.each([
    ['of prose', 'zlog_commit() calls zlog_write_all() (see zlog.c, 12).\n'.repeat(50)],
    ['of a compiler', 'CC zlog.o\nzlog.c:12:3: warning: unused variable\n'.repeat(50)],
  ])('and none where it is one %s', (_, text) => {
    const { holds, found } = open(text);
    expect(holds()).toBe(false);
    expect(found).toEqual([]);
  });

  it('once one was typed', () => {
    const { holds, put } = open('notes\n\nend\n'.repeat(100));
    expect(holds()).toBe(false);
    const typed = '  zlog_commit+0x17/0x40 [zfs]';
    const whole = [...typed].findIndex((character, column) => {
      put([151, column, character]);
      return holds();
    });
    expect(typed.slice(0, whole + 1)).toBe('  zlog_commit+0x1');
  });

  it('once some were put in at several cursors', () => {
    const { holds, put } = open('a\n'.repeat(500));
    expect(holds()).toBe(false);
    put([400, 0, 'x'.repeat(20)], [20, 0, 'x\n'.repeat(90)]);
    expect(holds()).toBe(false);
    put([400, 1, `\n${FRAME}\n`], [20, 0, 'x\n'.repeat(90)]);
    expect(holds()).toBe(true);
  });
});

it('what dbgmsg said is of places, whatever is in it', () => {
  const { holds, found } = open('', 'zfs-dbgmsg');
  expect(holds()).toBe(true);
  // There are no frames to walk along.
  expect(found).toEqual([]);
  expect(open(FRAME, 'c').holds()).toBe(false);
});

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatItem } from '../../../../../src/cli/frames.ts';
import type { StackItem } from '../../../../../src/core/stack/text/items.ts';
import { readStackItems } from '../../../../../src/core/stack/text/reader.ts';

const folder = path.join(import.meta.dirname, 'golden');

/**
 * Texts and what is read of them, a line of JSON each as `frames` prints it. In `captured`, as a tool
 * printed them, cut to a few stacks; in `written`, by hand after the printing code of what cannot be
 * run here; in `none`, what holds no frame and no place.
 */
function texts(kind: string): string[] {
  return readdirSync(path.join(folder, kind)).filter((name) => name.endsWith('.txt'));
}

function itemsOf(text: string): StackItem[] {
  const items: StackItem[] = [];
  readStackItems(text, (item) => items.push(item));
  return items;
}

interface Golden {
  readonly text: string;
  readonly items: readonly StackItem[];
}

const goldens = new Map<string, Golden>();

/** Read once, for all tests. */
function golden(kind: string, name: string): Golden {
  const file = path.join(folder, kind, name);
  let known = goldens.get(file);
  if (known === undefined) {
    const text = readFileSync(file, 'utf8');
    known = { text, items: itemsOf(text) };
    goldens.set(file, known);
  }
  return known;
}

function lines(items: readonly StackItem[]): string[] {
  return items.flatMap((item) => (item.kind === 'frame' || item.kind === 'source' ? [formatItem(item)] : []));
}

describe.each(['captured', 'written'])('%s', (kind) => {
  test.each(texts(kind))('%s', async (name) => {
    const { items } = golden(kind, name);
    const expected = path.join(folder, kind, name.replace(/txt$/, 'jsonl'));
    await expect(`${lines(items).join('\n')}\n`).toMatchFileSnapshot(expected);
  });

  test.each(texts(kind))('%s: what is read stands where it says', (name) => {
    const { text, items } = golden(kind, name);
    const raw = text.split('\n');
    let before = { line: 1, start: 0 };
    for (const item of items) {
      const { line, start, end } = item;
      expect(line > before.line || (line === before.line && start >= before.start)).toBe(true);
      expect(end).toBeGreaterThan(start);
      const covered = (raw[line - 1] ?? '').slice(start, end).replaceAll('\\', '');
      if (item.kind === 'frame') {
        // Of a name that was wrapped, the first part.
        expect(
          item.function.startsWith(covered.slice(0, Math.min(item.function.length, covered.length))),
        ).toBe(true);
      }
      before = { line, start };
    }
  });
});

test.each(texts('none'))('nothing in %s', (name) => {
  expect(lines(golden('none', name).items)).toEqual([]);
});

/** What happens to whole texts on their way to a reader. */
const ways: Readonly<Record<string, (line: string) => string>> = {
  'a serial console': (line) => `${line}\r`,
  'a mail': (line) => `> ${line}`,
  'a web page': (line) => line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  'blanks that do not break': (line) => line.replaceAll(' ', '\u00a0'),
  'a list in Markdown': (line) => `    ${line}`,
  'escapes of Markdown': (line) => line.replace(/[_[\]*<>]/g, '\\$&'),
  syslog: (line) => `Nov 20 11:02:33 build1 kernel: ${line}`,
  rsyslog: (line) => `2026-01-02T10:11:12.123456+01:00 build1 kernel: ${line}`,
  'a log of a CI': (line) => `2026-01-02T10:11:12.1234567Z ${line}`,
  containers: (line) => `node_1  | ${line}`,
  colours: (line) => `\x1b[31m${line}\x1b[0m`,
};

describe.each(Object.entries(ways))('by way of %s', (_, through) => {
  const printed = (items: readonly StackItem[]) =>
    lines(items).map((line) => line.replace(/"line":\d+/, 'line'));

  test('the same is read', () => {
    for (const kind of ['captured', 'written']) {
      // Texts about decoration have their own already.
      for (const name of texts(kind).filter((one) => !/^(?:wrapped|decoration)/.test(one))) {
        const { text, items } = golden(kind, name);
        const sent = text.trimEnd().split('\n').map(through).join('\n');
        expect(printed(itemsOf(sent)), name).toEqual(printed(items));
      }
    }
  });
});

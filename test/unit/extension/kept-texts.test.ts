import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KeptTexts } from '../../../src/extension/stack-text/kept-texts.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'kept-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const keptOf = (name: string) => {
  const read = new KeptTexts(folder).read(name);
  return read === null ? null : new TextDecoder().decode(read);
};

it('texts are there in the next window, until they are closed', () => {
  new KeptTexts(folder).keep(new Map([['zscope:/Stacks of a.kstack', bytes('a')]]));
  expect(keptOf('zscope:/Stacks of a.kstack')).toBe('a');
  expect(keptOf('zscope:/Stacks of b.kstack')).toBeNull();
  new KeptTexts(folder).forget('zscope:/Stacks of a.kstack');
  expect(keptOf('zscope:/Stacks of a.kstack')).toBeNull();
});

it('a long text is not kept, and the oldest ones go', () => {
  new KeptTexts(folder).keep(new Map([['long', new Uint8Array(17 * 1024 * 1024)]]));
  expect(keptOf('long')).toBeNull();
  for (let at = 0; at < 40; at++) {
    new KeptTexts(folder).keep(new Map([[`text ${at}`, bytes(`${at}`)]]));
    // Each a second older than the one after, whatever the clock of the disk can tell apart.
    const texts = path.join(folder, 'texts');
    for (const file of readdirSync(texts)) {
      const { mtimeMs } = statSync(path.join(texts, file));
      utimesSync(path.join(texts, file), mtimeMs / 1000 - 1, mtimeMs / 1000 - 1);
    }
  }
  expect(keptOf('text 39')).toBe('39');
  expect(keptOf('text 0')).toBeNull();
  expect(readdirSync(path.join(folder, 'texts')).length).toBe(32);
});

it('a text of an earlier window is not taken for that of a later one', () => {
  // Too long to keep is the newer text of the same document.
  new KeptTexts(folder).keep(new Map([['a', bytes('old')]]));
  new KeptTexts(folder).keep(new Map([['a', new Uint8Array(17 * 1024 * 1024)]]));
  expect(keptOf('a')).toBeNull();
});

it('no folder, or one that cannot be made, keeps nothing and says nothing', () => {
  new KeptTexts(undefined).keep(new Map([['a', bytes('a')]]));
  const file = path.join(folder, 'file');
  writeFileSync(file, '');
  const kept = new KeptTexts(file);
  kept.keep(new Map([['a', bytes('a')]]));
  expect(kept.read('a')).toBeNull();
  kept.forget('a');
});

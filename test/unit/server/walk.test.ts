import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { listSources, readSource, readTree } from '../../../src/server/walk.ts';
import { type SampleTree, sampleFiles, writeSampleTree } from './sample-tree.ts';

let tree: SampleTree;
beforeEach(() => {
  tree = writeSampleTree();
});
afterEach(() => tree.remove());

it('reads META only where it is a regular file', async () => {
  const meta = tree.path('META');
  expect(await readTree(tree.root)).toEqual({ root: tree.root, version: '2.3.9-1' });
  rmSync(meta);
  writeFileSync(tree.path('other'), sampleFiles['META'] ?? '');
  const others: Readonly<Record<string, () => void>> = {
    'a link without end': () => symlinkSync('/dev/zero', meta),
    'a link to a file': () => symlinkSync('other', meta),
    'a pipe': () => execFileSync('mkfifo', [meta]),
    'a folder': () => mkdirSync(meta),
  };
  for (const [what, make] of Object.entries(others)) {
    make();
    expect((await listSources(tree.root)).metaFolders, what).toEqual([]);
    expect(await readTree(tree.root), what).toBeNull();
    rmSync(meta, { recursive: true });
  }
});

it('reads no more than the beginning of META', async () => {
  writeFileSync(tree.path('META'), `Name: zfs\n${' '.repeat(20_000)}\nVersion: 2.3.9\n`);
  expect(await readTree(tree.root)).toBeNull();
  writeFileSync(tree.path('META'), `Name: zfs\nVersion: 2.3.9\n${' '.repeat(20_000)}`);
  expect((await readTree(tree.root))?.version).toBe('2.3.9');
});

it('ends at its limit and says so', async () => {
  const whole = await listSources(tree.root);
  expect(whole).toMatchObject({ metaFolders: [tree.root], isCut: false });
  expect(whole.sources).toHaveLength(8);
  const cut = await listSources(tree.root, 4);
  expect(cut.sources.length + cut.metaFolders.length).toBe(4);
  expect(cut.isCut).toBe(true);
});

it('takes no source that is a link, and none of the text of a table', async () => {
  symlinkSync('/dev/zero', tree.path('zero.c'));
  expect(readSource(tree.path('zero.c'))).toBeNull();
  expect((await listSources(tree.root)).sources).not.toContain(tree.path('zero.c'));
  writeFileSync(tree.path('table.c'), Buffer.alloc(5 * 1024 * 1024, 'x'));
  expect(readSource(tree.path('table.c'))).toBe('');
});

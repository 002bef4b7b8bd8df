import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NewFolders } from '../../../src/server/new-folders.ts';
import { WorkspaceIndex } from '../../../src/server/workspace-index.ts';

let folder: string;
beforeEach(() => {
  vi.useFakeTimers();
  folder = mkdtempSync(path.join(tmpdir(), 'zscope-new-'));
  mkdirSync(path.join(folder, 'root/made/deep'), { recursive: true });
  mkdirSync(path.join(folder, 'root/made-too'));
  mkdirSync(path.join(folder, 'outside/inner'), { recursive: true });
  writeFileSync(path.join(folder, 'outside/inner/secret.c'), 'void\nsecret(void)\n{\n}\n');
  writeFileSync(path.join(folder, 'root/made/deep/deep.c'), 'void\ndeep(void)\n{\n}\n');
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

it('walks each folder once, however many of those in it are told', () => {
  const walked: (readonly string[])[] = [];
  const folders = new NewFolders((paths) => {
    walked.push(paths.map((one) => path.relative(folder, one)));
    return true;
  });
  const told = ['root/made/deep', 'root/made', 'root/made/deep/deep.c', 'root/made-too', 'root/gone'];
  folders.made(told.map((one) => path.join(folder, one)));
  vi.runAllTimers();
  expect(walked).toHaveLength(4);
  expect(new Set(walked.map(String))).toEqual(new Set(['root/made,root/made-too']));
  folders.made([path.join(folder, 'root/made')]);
  folders.dispose();
  expect(vi.getTimerCount()).toBe(0);
});

it('waits for nothing in folders that hold no source of the workspace', () => {
  const folders = new NewFolders(() => false);
  folders.made([path.join(folder, 'outside')]);
  expect(vi.getTimerCount()).toBe(0);
});

it('reads nothing through a link that leads out of the workspace', async () => {
  vi.useRealTimers();
  const root = path.join(folder, 'root');
  const index = new WorkspaceIndex();
  index.setFolders([root]);
  await index.settled();
  symlinkSync(path.join(folder, 'outside'), path.join(root, 'link'));
  expect(index.lookInto([path.join(root, 'link/inner'), path.join(folder, 'outside')])).toBe(false);
  await index.settled();
  expect(index.functions.fileCount).toBe(1);
  expect(index.lookInto([root])).toBe(true);
  await index.settled();
  expect(index.functions.fileCount).toBe(1);
  index.dispose();
});

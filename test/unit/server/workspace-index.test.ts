import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { IndexProgress } from '../../../src/server/index-progress.ts';
import { WorkspaceIndex } from '../../../src/server/workspace-index.ts';
import { type SampleTree, writeSampleTree } from './sample-tree.ts';

let tree: SampleTree;
beforeEach(() => {
  tree = writeSampleTree();
});
afterEach(() => tree.remove());

it('logs a step that fails and goes on with the next', async () => {
  const log = vi.fn<(text: string) => void>();
  let fails = true;
  const index = new WorkspaceIndex(() => {
    if (fails) {
      throw new Error('no progress');
    }
  }, log);
  index.setFolders([tree.root]);
  await index.settled();
  expect(log.mock.calls.join()).toContain('no progress');
  fails = false;
  log.mockClear();
  index.setFolders([tree.root]);
  await index.settled();
  expect(index.functions.fileCount).toBe(8);
  expect(log).not.toHaveBeenCalled();
});

it('goes on without progress when the client refuses to show it', async () => {
  const createWorkDoneProgress = vi.fn(() => Promise.reject(new Error('refused')));
  // The rest of the window is not used.
  const progress = new IndexProgress({ createWorkDoneProgress } as never);
  progress.supported = true;
  // A rejection that nobody takes fails the run.
  progress.report(1, 10_000);
  progress.report(5000, 10_000);
  await vi.waitFor(() => expect(progress.supported).toBe(false));
  progress.report(6000, 10_000);
  progress.report(10_000, 10_000);
  expect(createWorkDoneProgress).toHaveBeenCalledOnce();
});

it('says whether a source was among what came, changed or went', async () => {
  const index = new WorkspaceIndex();
  index.setFolders([tree.root]);
  await index.settled();
  expect(index.filesChanged([tree.path('module/zfs/zlog.o'), tree.path('.git/index')])).toBe(false);
  expect(index.filesChanged([tree.path('module/zfs/zlog.c')])).toBe(true);
  expect(index.filesChanged([tree.path('META')])).toBe(true);
  expect(index.removed([tree.path('module/zfs/zlog.o'), tree.path('build')])).toBe(false);
  expect(index.removed([tree.path('module/os')])).toBe(true);
  expect(index.removed([tree.path('module/zfs/vgeom.c')])).toBe(true);
});

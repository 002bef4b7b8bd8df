import { readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCache } from '../../../src/server/index-cache.ts';
import { WorkspaceIndex } from '../../../src/server/workspace-index.ts';
import { type SampleTree, writeSampleTree } from './sample-tree.ts';

let tree: SampleTree;
let store: { folder: string; build: string };
beforeEach(() => {
  tree = writeSampleTree();
  store = { folder: path.join(tree.root, '.cache'), build: 'one' };
});
afterEach(() => tree.remove());

async function indexed(build = store.build): Promise<WorkspaceIndex> {
  const index = new WorkspaceIndex();
  index.store = { ...store, build };
  index.setFolders([tree.root]);
  await index.settled();
  return index;
}

/** All that one can ask of an index. */
function contents({ functions }: WorkspaceIndex) {
  const names = ['zlog_commit', 'zlog_write_all', 'vgeom_open', 'zlog_issue', 'zmacro_user'];
  return names.map((name) => ({
    definitions: functions.definitions(name).map((one) => ({
      ...one,
      parameters: functions.parameters(one),
      calls: functions.calls(one),
    })),
    callers: functions.callers(name).map((one) => one.name),
    macro: functions.macroCalls(`${name.toUpperCase()}`),
  }));
}

const onDisk = () => readdirSync(store.folder).map((name) => path.join(store.folder, name));

describe('an index on disk', () => {
  it('says the same when it is read again', async () => {
    writeFileSync(
      tree.path('module/zfs/zmacro.c'),
      '#define ZLOG_COMMIT(x) zlog_commit(x, 0)\nint zmacro_user(a, b) int a; char *b; { ZLOG_COMMIT(a); }\n',
    );
    const first = await indexed();
    await first.save();
    expect(onDisk()).toHaveLength(1);
    const second = await indexed();
    expect(contents(second)).toEqual(contents(first));
    expect(second.functions.functionCount).toBe(first.functions.functionCount);
    expect(contents(second)[4]?.definitions).toHaveLength(1);
    expect(contents(second)[0]?.macro).toEqual(['zlog_commit']);
  });

  it('is right about files that changed, came and went since', async () => {
    await (await indexed()).save();
    writeFileSync(tree.path('module/zfs/zlog.c'), '\n\nvoid\nzlog_commit(int other)\n{\n}\n');
    writeFileSync(tree.path('module/zfs/znew.c'), 'void zlog_new(void) {}\n');
    rmSync(tree.path('module/zfs/vgeom.c'));
    const index = await indexed();
    expect(index.functions.definitions('zlog_commit').map(({ line }) => line)).toEqual([4]);
    expect(index.functions.hasFunction('zlog_new')).toBe(true);
    expect(index.functions.hasFunction('vgeom_open')).toBe(false);
    await index.save();
    expect(contents(await indexed())).toEqual(contents(index));
  });

  it('believes it for files of the same time and size, and only of the same build', async () => {
    const file = tree.path('module/zfs/vgeom.c');
    const at = new Date(1_700_000_000_000);
    utimesSync(file, at, at);
    await (await indexed()).save();
    writeFileSync(file, readFileSync(file, 'utf8').replace('vgeom_open', 'vgeom_shut'));
    utimesSync(file, at, at);
    expect((await indexed()).functions.hasFunction('vgeom_open')).toBe(true);
    expect((await indexed('two')).functions.hasFunction('vgeom_open')).toBe(false);
  });

  it('is read anew when the file on disk is damaged', async () => {
    const first = await indexed();
    await first.save();
    const [file = ''] = onDisk();
    const whole = readFileSync(file);
    for (const length of [0, 3, 31, 40, whole.length - 1]) {
      writeFileSync(file, whole.subarray(0, length));
      expect(readCache(file), `${length} bytes`).toBeNull();
    }
    writeFileSync(file, Buffer.concat([whole, Buffer.from('x')]));
    expect(readCache(file)).toBeNull();
    for (let at = 0; at < 32; at++) {
      const broken = Buffer.from(whole);
      broken[at] = (broken[at] ?? 0) ^ 0x81;
      writeFileSync(file, broken);
      const index = await indexed();
      expect(index.functions.definitions('zlog_commit')).toHaveLength(1);
    }
  });
});

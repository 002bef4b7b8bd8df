import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '../../../src/core/stack/frame.ts';
import type { DebugLine } from '../../../src/core/symbols/location.ts';
import { CReader } from '../../../src/server/c-reader.ts';
import { Locator } from '../../../src/server/locator.ts';
import { WorkspaceIndex } from '../../../src/server/workspace-index.ts';
import { type SampleTree, writeSampleTree } from './sample-tree.ts';

let tree: SampleTree;
let locator: Locator;

beforeAll(async () => {
  tree = writeSampleTree();
  const index = new WorkspaceIndex();
  index.setFolders([tree.root]);
  await index.settled();
  const packages = path.resolve('node_modules');
  locator = new Locator(
    index,
    new CReader(
      {
        runtime: path.join(packages, 'web-tree-sitter/web-tree-sitter.wasm'),
        grammar: path.join(packages, 'tree-sitter-c/tree-sitter-c.wasm'),
      },
      () => {},
    ),
  );
});
afterAll(() => tree.remove());

async function places(symbol: string, debug: readonly DebugLine[]) {
  const frame: Frame = { symbol, offset: 0x17, size: 0x40, module: 'zfs', reliable: true };
  return (await locator.locateStack([{ frame, debug }]))[0] ?? [];
}

describe('places of debug lines', () => {
  it('are exact, inlined ones marked, innermost first', async () => {
    const build = '/var/lib/dkms/zfs/2.3.9/build';
    const zlog = {
      uri: pathToFileURL(tree.path('module/zfs/zlog.c')).toString(),
      path: 'module/zfs/zlog.c',
      how: 'dwarf',
    };
    expect(
      await places('zlog_commit', [
        { function: 'list_del', path: '/usr/src/linux-headers-6.12/include/linux/list.h', line: 212 },
        { function: 'zlog_write_all', path: `${build}/module/zfs/zlog.c`, line: 6 },
        { function: 'zlog_commit', path: `${build}/module/zfs/zlog.c`, line: 14 },
      ]),
    ).toEqual([
      {
        function: 'list_del',
        inlined: true,
        uri: null,
        path: '/usr/src/linux-headers-6.12/include/linux/list.h',
        line: 212,
        how: 'dwarf',
      },
      { ...zlog, function: 'zlog_write_all', inlined: true, line: 6 },
      { ...zlog, function: 'zlog_commit', inlined: false, line: 14 },
    ]);
  });

  it('count for no padding before a function', async () => {
    const line = { function: 'zother', path: '/build/module/zfs/zlog.c', line: 99 };
    expect(await places('__pfx_zlog_commit', [line])).toMatchObject([
      { function: 'zlog_commit', line: 11, how: 'function' },
    ]);
  });

  it('never lead out of the workspace', async () => {
    const found = await places('passwd', [
      { function: 'passwd', path: '../../../../etc/passwd', line: 1 },
      { function: '', path: '??', line: 0 },
    ]);
    expect(found.map((place) => place.uri)).toEqual([null, null]);
  });
});

describe('a mapping of paths', () => {
  const line = (path: string) => places('vgeom_open', [{ function: 'vgeom_open', path, line: 3 }]);

  it('goes before the file whose path ends alike, up to whole segments', async () => {
    const like = '/build/module/zfs/vgeom.c';
    expect((await line(like))[0]?.path).toBe('module/zfs/vgeom.c');
    locator.pathMappings = { '/build/module/zfs': tree.path('module/os/linux/zfs') };
    expect((await line(like))[0]?.path).toBe('module/os/linux/zfs/vgeom.c');
    expect((await line('/build/module/zfs-old/vgeom.c'))[0]?.path).toBe('module/zfs/vgeom.c');
    locator.pathMappings = {};
  });

  it('leads nowhere else than to sources that are known', async () => {
    locator.pathMappings = { '/build': '/etc', '/b2': tree.path('module/zfs') };
    expect((await line('/build/passwd'))[0]?.uri).toBeNull();
    expect((await line('/build/../b2/../../../../../../etc/passwd'))[0]?.uri).toBeNull();
    expect((await line('/b2/none.c'))[0]?.uri).toBeNull();
    locator.pathMappings = {};
  });
});

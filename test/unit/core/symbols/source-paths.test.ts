import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileRank, SourcePaths, sourceKind } from '../../../../src/core/symbols/source-paths.ts';

const tree = [
  'module/zfs/zil.c',
  'module/zfs/vdev_raidz.c',
  'cmd/raidz_test/vdev_raidz.c',
  'module/os/linux/zfs/zfs_ctldir.c',
  'module/os/freebsd/zfs/zfs_ctldir.c',
  'include/os/linux/spl/sys/list.h',
  'include/sys/list.h',
  'lib/libzpool/util.c',
  'top.c',
];

function fileAt(path: string) {
  return { key: `/src/${path}`, path, kind: sourceKind(path) };
}

function pathsOf(files: readonly string[]): SourcePaths {
  const paths = new SourcePaths();
  for (const path of files) {
    paths.add(fileAt(path));
  }
  return paths;
}

const paths = pathsOf(tree);

function find(path: string, ...defining: string[]): string | undefined {
  const defines = defining.length === 0 ? null : (file: { path: string }) => defining.includes(file.path);
  return paths.find({ path, defines })?.path;
}

describe('a build path', () => {
  it.each([
    ['/var/lib/dkms/zfs/2.3.9/build/module/zfs/zil.c', 'module/zfs/zil.c'],
    ['/tmp/zfs-build-root-hJ3k/BUILD/zfs-kmod-2.3.9/_kmod_build_6.12/module/zfs/zil.c', 'module/zfs/zil.c'],
    ['fs/zfs/zfs/zil.c', 'module/zfs/zil.c'],
    ['fs/zfs/os/linux/zfs/zfs_ctldir.c', 'module/os/linux/zfs/zfs_ctldir.c'],
    ['/usr/src/sys/contrib/openzfs/module/os/freebsd/zfs/zfs_ctldir.c', 'module/os/freebsd/zfs/zfs_ctldir.c'],
    ['/b/module/zfs/../../include/os/linux/spl/sys/list.h', 'include/os/linux/spl/sys/list.h'],
    ['./module/./zfs//zil.c', 'module/zfs/zil.c'],
    ['C:\\build\\module\\zfs\\zil.c', 'module/zfs/zil.c'],
    ['/build/cmd/raidz_test/vdev_raidz.c', 'cmd/raidz_test/vdev_raidz.c'],
    ['/build/top.c', 'top.c'],
  ])('%s', (path, expected) => {
    expect(find(path)).toBe(expected);
  });

  it('that shares only the base name counts only where the function is defined', () => {
    expect(find('/usr/src/linux-headers-6.12/include/linux/list.h')).toBeUndefined();
    expect(find('/usr/src/linux-headers-6.12/include/linux/list.h', 'module/zfs/zil.c')).toBeUndefined();
    expect(find('/moved/elsewhere/zil.c', 'module/zfs/zil.c')).toBe('module/zfs/zil.c');
  });
});

describe('a base name', () => {
  it('means the file that defines the function, else the likeliest', () => {
    expect(find('vdev_raidz.c')).toBe('module/zfs/vdev_raidz.c');
    expect(find('vdev_raidz.c', 'cmd/raidz_test/vdev_raidz.c')).toBe('cmd/raidz_test/vdev_raidz.c');
    expect(find('zfs_ctldir.c')).toBe('module/os/linux/zfs/zfs_ctldir.c');
    expect(find('nosuch.c')).toBeUndefined();
    expect(find('')).toBeUndefined();
  });
});

describe('files', () => {
  it('that are removed are found no more', () => {
    const some = pathsOf(['a/x.c', 'b/x.c']);
    some.remove('/src/a/x.c');
    some.remove('/src/unknown.c');
    expect(some.find({ path: 'x.c', defines: null })?.path).toBe('b/x.c');
    expect(some.get('/src/a/x.c')).toBeUndefined();
    some.add({ key: '/src/b/x.c', path: 'c/y.c', kind: 'kernel' });
    expect(some.find({ path: 'x.c', defines: null })).toBeNull();
  });

  it('of the workspace are all that any path leads to', () => {
    const segment = fc.constantFrom(
      '..',
      '.',
      '',
      'etc',
      'module',
      'zfs',
      'zil.c',
      '/',
      '~',
      '%2e%2e',
      '\\',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 12 }), (parts) => {
        const path = find(parts.join('/'));
        expect(path === undefined || tree.includes(path)).toBe(true);
      }),
    );
  });

  it('are ranked: the kernel, processes, other systems; sources before headers', () => {
    const shuffled = ['module/os/freebsd/x.c', 'lib/libzfs/x.c', 'include/sys/x.h', 'module/zfs/x.c'];
    const ranked = shuffled.map(fileAt).sort((a, b) => fileRank(a) - fileRank(b));
    expect(ranked.map((file) => file.path)).toEqual([
      'module/zfs/x.c',
      'include/sys/x.h',
      'lib/libzfs/x.c',
      'module/os/freebsd/x.c',
    ]);
    expect(sourceKind('lib/libspl/os/freebsd/mnt.c')).toBe('foreign');
    expect(sourceKind('zil.c')).toBe('kernel');
  });
});

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileDifferences } from '../../../src/extension/source/file-differences.ts';
import { changedSources, describeHead, firstCommit, git, textAt } from '../../../src/extension/source/git.ts';
import { isInFolders } from '../../../src/extension/source/source-roots.ts';
import { changeRemark, revisionsOf, unknownRemark } from '../../../src/extension/source/version-check.ts';

let folder: string;
/** The tree is below the top of its repository. */
let tree: string;

function run(...args: readonly string[]): string {
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', ['-C', folder, ...who, ...args], { encoding: 'utf8' });
}

beforeAll(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'zscope git ')));
  tree = path.join(folder, 'zfs');
  mkdirSync(path.join(tree, 'module'), { recursive: true });
  run('init', '--quiet');
  writeFileSync(path.join(tree, 'module/zil.c'), 'one\n');
  writeFileSync(path.join(tree, 'module/dmu.c'), 'same\n');
  run('add', '.');
  run('commit', '--quiet', '-m', 'one');
  run('tag', 'zfs-2.3.9');
  writeFileSync(path.join(tree, 'module/zil.c'), 'new line\none\n');
  run('commit', '--quiet', '-am', 'two');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the commit of a running version', () => {
  it.each([
    ['2.3.99-123_gabcdef0', ['abcdef0']],
    ['2.3.99-123_gabcdef0123-dirty', ['abcdef0123']],
    ['2.3.9-1', ['refs/tags/zfs-2.3.9', 'refs/tags/v2.3.9']],
    ['2.3.9-1~deb13u1', ['refs/tags/zfs-2.3.9', 'refs/tags/v2.3.9']],
    ['2.4.0-rc2', ['refs/tags/zfs-2.4.0-rc2', 'refs/tags/v2.4.0-rc2']],
    ['--output=/etc/passwd', []],
    ['', []],
  ])('%s', (running, revisions) => {
    expect(revisionsOf(running)).toEqual(revisions);
  });

  it('is looked up among commits and tags', async () => {
    const tag = run('rev-parse', 'zfs-2.3.9').trim();
    expect(await firstCommit(tree, revisionsOf('2.3.9-1~deb13u1'))).toBe(tag);
    expect(await firstCommit(tree, revisionsOf(`2.3.99-1_g${tag.slice(0, 9)}`))).toBe(tag);
    expect(await firstCommit(tree, revisionsOf('2.9.9-1'))).toBeNull();
    expect(await firstCommit(tree, ['--help'])).toBeNull();
    expect(await firstCommit(tmpdir(), ['HEAD'])).toBeNull();
  });

  it('has the text of a file, and says what changed since, on disk too', async () => {
    const tag = run('rev-parse', 'zfs-2.3.9').trim();
    expect(await textAt(tree, tag, 'module/zil.c')).toBe('one\n');
    expect(await textAt(tree, tag, 'module/none.c')).toBeNull();
    expect(await changedSources(tree, tag)).toEqual(['module/zil.c']);
    writeFileSync(path.join(tree, 'module/dmu.c'), 'other\n');
    expect(await changedSources(tree, tag)).toEqual(['module/dmu.c', 'module/zil.c']);
    expect(await describeHead(tree)).toMatch(/^zfs-2\.3\.9-1-g[0-9a-f]{10}-dirty$/);
  });

  it('runs no program that the repository names', async () => {
    const mark = path.join(folder, 'was-run');
    writeFileSync(path.join(folder, 'evil.sh'), `#!/bin/sh\ntouch '${mark}'\n`, { mode: 0o755 });
    run('config', 'core.fsmonitor', path.join(folder, 'evil.sh'));
    run('config', 'diff.external', path.join(folder, 'evil.sh'));
    run('config', 'diff.evil.textconv', path.join(folder, 'evil.sh'));
    writeFileSync(path.join(folder, '.gitattributes'), '*.c diff=evil\n');
    await changedSources(tree, run('rev-parse', 'zfs-2.3.9').trim());
    await textAt(tree, 'zfs-2.3.9', 'module/zil.c');
    await describeHead(tree);
    expect(await isInFolders(mark, [folder])).toBe(false);
    run('config', '--unset', 'core.fsmonitor');
  });

  it('gives up when it is told to', async () => {
    expect(await git(tree, ['log'], AbortSignal.abort())).toBeNull();
  });
});

it('says which files differ', () => {
  expect(changeRemark('2.3.9-1', 'x', [])).toBe('');
  expect(changeRemark('2.3.9-1', 'zfs-2.3.9-1-gabc', ['module/zil.c'])).toBe(
    'The target runs ZFS 2.3.9-1, and zil.c differs in the source that is open (zfs-2.3.9-1-gabc): lines there may be off.',
  );
  expect(changeRemark('2.3.9-1', null, ['a.c', 'b.c'])).toContain('2 C files differ, a.c among them');
});

it('says when a build between releases is not to be found, and only then', () => {
  expect(unknownRemark('2.3.99-123_gabcdef0')).toContain('whose commit is not in the git repository');
  expect(unknownRemark('2.3.9-1~deb13u1')).toBe('');
});

describe('what may be opened', () => {
  it('lies in a folder when all links are followed', async () => {
    const inside = path.join(tree, 'module/zil.c');
    const outside = path.join(folder, 'outside.c');
    writeFileSync(outside, '');
    symlinkSync(outside, path.join(tree, 'link.c'));
    symlinkSync(folder, path.join(tree, 'up'));
    symlinkSync(tree, path.join(folder, 'linked-tree'));
    expect(await isInFolders(inside, [tree])).toBe(true);
    expect(await isInFolders(inside, [path.join(folder, 'linked-tree')])).toBe(true);
    for (const file of ['link.c', 'up/outside.c', '../outside.c', 'none.c', '.']) {
      expect(await isInFolders(path.join(tree, file), [tree]), file).toBe(false);
    }
    expect(await isInFolders(inside, [])).toBe(false);
    expect(await isInFolders(path.join(folder, 'zfs-other'), [tree])).toBe(false);
  });
});

describe('whether a file is another than in a commit', () => {
  it('is asked once as long as the file stays what it is', async () => {
    const commit = run('rev-parse', 'zfs-2.3.9').trim();
    let asked = 0;
    let canAnswer = true;
    const differences = new FileDifferences(async (...args) => {
      asked++;
      return canAnswer ? changedSources(...args) : null;
    });
    const of = (file: string) => differences.of({ folder: tree, commit, path: file });
    expect(await Promise.all([of('module/zil.c'), of('module/zil.c')])).toEqual([true, true]);
    expect([await of('module/zil.c'), asked]).toEqual([true, 1]);
    const same = 'same\n';
    writeFileSync(path.join(tree, 'module/dmu.c'), same);
    expect([await of('module/dmu.c'), asked]).toEqual([false, 2]);
    try {
      writeFileSync(path.join(tree, 'module/dmu.c'), 'another\n');
      expect([await of('module/dmu.c'), asked]).toEqual([true, 3]);
      rmSync(path.join(tree, 'module/dmu.c'));
      expect([await of('module/dmu.c'), asked]).toEqual([true, 4]);
    } finally {
      writeFileSync(path.join(tree, 'module/dmu.c'), same);
    }
    // What git could not say is no answer.
    canAnswer = false;
    expect([await of('module/dmu.c'), await of('module/dmu.c'), asked]).toEqual([null, null, 6]);
    canAnswer = true;
    expect(await of('module/dmu.c')).toBe(false);
  });
});

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Frame } from '../../../src/core/stack/frame.ts';
import { DebugLineCache } from '../../../src/extension/source/debug-line-cache.ts';
import type { TargetFacts } from '../../../src/target/connection.ts';

const facts: TargetFacts = {
  hostname: 'lab',
  kernelRelease: '6.12',
  machine: 'x86_64',
  bootId: 'boot-1',
  root: 'root',
  zfsVersion: '2.3.9-1',
  zfsBuildId: '4f265041fc3ac07423f9fbe835c9271f18fba8d7',
  zfsSrcversion: null,
};
const frame: Frame = { symbol: 'zil_commit', offset: 61, size: 272, module: 'zfs', reliable: true };
const other: Frame = { ...frame, symbol: 'cv_wait', module: 'spl' };
const lines = [{ function: 'zil_commit', path: '/build/zil.c', line: 3700 }];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-cache-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Waits until the cache has written its file. */
async function written(): Promise<string> {
  for (;;) {
    const file = readdirSync(folder).find((name) => name.endsWith('.json'));
    if (file !== undefined) {
      return path.join(folder, file);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('the cache of debug lines', () => {
  it('tells not asked from asked and nothing known', () => {
    const cache = new DebugLineCache(folder);
    expect(cache.get(facts, frame)).toBeUndefined();
    cache.put(facts, new Map([[frame, null]]));
    expect(cache.get(facts, frame)).toBeNull();
  });

  it('keeps the lines of a zfs build for the next window, but not those of other modules', async () => {
    const cache = new DebugLineCache(folder);
    cache.put(
      facts,
      new Map([
        [frame, lines],
        [other, lines],
      ]),
    );
    await written();
    const next = new DebugLineCache(folder);
    await next.load(facts);
    expect(next.get(facts, frame)).toEqual(lines);
    expect(next.get(facts, other)).toBeUndefined();
    expect(next.get({ ...facts, zfsBuildId: 'ffff1234ffff' }, frame)).toBeUndefined();
    expect(next.get(facts, { ...frame, size: 273 })).toBeUndefined();
  });

  it.each(['', '{', '[]', 'null', '{"a":5}', '{"a":[{"function":1}]}'])(
    'takes a damaged file (%s) for an empty one',
    async (text) => {
      const cache = new DebugLineCache(folder);
      cache.put(facts, new Map([[frame, lines]]));
      const file = await written();
      expect(readFileSync(file, 'utf8')).toContain('zil.c');
      writeFileSync(file, text);
      const next = new DebugLineCache(folder);
      await next.load(facts);
      expect(next.get(facts, frame)).toBeUndefined();
    },
  );

  it('takes no file name from a target', async () => {
    const cache = new DebugLineCache(folder);
    const evil = { ...facts, zfsBuildId: '../../evil' };
    cache.put(evil, new Map([[frame, lines]]));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(readdirSync(folder)).toEqual([]);
    expect(cache.get(evil, frame)).toEqual(lines);
  });
});

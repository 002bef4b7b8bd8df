/** A sample of the addresses of a real zfs.ko against addr2line; `npm run bench -- symbols` takes more. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import { findImage } from '../lab/image.ts';
import { compareFile } from './compare-file.ts';
import { labModule } from './lab-module.ts';

const SAMPLE = 3000;

describe('zfs.ko of the lab', () => {
  let path: string;
  let open: ReturnType<typeof openFile>;
  beforeAll(async () => {
    const image = await findImage();
    if (!image) throw new Error('the lab has no image');
    path = labModule(image);
    open = openFile(path);
  });
  afterAll(() => open.source.dispose());

  it('has the chains that addr2line gives, in every section', () => {
    const { counts, differing, inlined } = compareFile(path, path, open.file, 'addr2line', SAMPLE);
    expect(differing).toEqual([]);
    expect(counts.same).toBeGreaterThan(SAMPLE * 0.9);
    expect(inlined).toBeGreaterThan(SAMPLE * 0.2);
  });

  it('has the chains that eu-addr2line gives', () => {
    const { counts, differing } = compareFile(path, path, open.file, 'eu-addr2line', SAMPLE / 10);
    expect(differing).toEqual([]);
    expect(counts.same).toBeGreaterThan(SAMPLE / 12);
  });

  it('has the chain of a frame that is four functions deep', () => {
    const found = open.file.frame({ symbol: 'zil_commit_impl', offset: 0x200, size: 0x15d0 }, true);
    expect(found?.address.section).toBe('.text');
    expect(found?.lines.map(({ function: name, line }) => `${name}:${line}`)).toEqual([
      'list_del:238',
      'list_remove_head:130',
      'zil_commit_writer:3194',
      'zil_commit_impl:3688',
    ]);
  });

  it('answers null for a frame of another build: nothing is guessed', () => {
    const sizes = [0x1400, 0x15c0, 0x15cb, 0x15cf, 0x15d1, 0x15e0, 0x1700];
    for (const size of sizes) {
      expect(open.file.frame({ symbol: 'zil_commit_impl', offset: 0x200, size }, true)).toBeNull();
      expect(open.file.fits({ symbol: 'zil_commit_impl', offset: 0x200, size })).toBe(false);
    }
  });
});

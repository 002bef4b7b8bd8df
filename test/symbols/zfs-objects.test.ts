/** Files of ZFS's sources by other compilers than the lab's module, in one relocatable file each. */
import { beforeAll, describe, expect, it } from 'vitest';
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import { findImage, type Image } from '../lab/image.ts';
import { compareFile } from './compare-file.ts';
import { OBJECTS, zfsObject } from './zfs-objects.ts';

const SAMPLE = 3000;

describe('sources of ZFS', () => {
  let image: Image;
  beforeAll(async () => {
    const found = await findImage();
    if (!found) throw new Error('the lab has no image');
    image = found;
  });

  // addr2line names wrong files in clang's DWARF 5 (docs/symbols.md): the code of its DWARF 4 is the same.
  it.each([
    ['gcc-4', 'gcc-4', 'addr2line'],
    ['gcc-5-no-inline', 'gcc-5-no-inline', 'addr2line'],
    ['gcc-5-no-inline', 'gcc-5-no-inline', 'eu-addr2line'],
    ['clang-4', 'clang-4', 'addr2line'],
    ['clang-5', 'clang-4', 'addr2line'],
  ] as const)('compiled as %s have the chains that for %s %s gives', async (name, like, program) => {
    const peer = await zfsObject(image, like);
    const { file, source } = openFile(await zfsObject(image, name));
    try {
      const wanted = program === 'addr2line' ? SAMPLE : SAMPLE / 10;
      const { counts, differing, inlined } = compareFile(peer, peer, file, program, wanted);
      expect(differing).toEqual([]);
      expect(counts.same).toBeGreaterThan(wanted * 0.9);
      expect(inlined).toBeGreaterThan(wanted * 0.2);
    } finally {
      source.dispose();
    }
  });

  it('are of four kinds, each with a build-id of its own', async () => {
    const ids = new Set<string | null>();
    for (const name of Object.keys(OBJECTS) as (keyof typeof OBJECTS)[]) {
      const { file, source } = openFile(await zfsObject(image, name));
      ids.add(file.buildId);
      source.dispose();
    }
    expect([ids.size, ids.has(null)]).toEqual([4, false]);
  });
});

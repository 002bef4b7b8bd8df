/** A sample of the addresses of a real zfs.ko against addr2line; `npm run bench -- symbols` takes more. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import { findImage } from '../lab/image.ts';
import { type Class, classify, sampleOffsets, show } from './comparison.ts';
import { labModule } from './lab-module.ts';
import { askTool, codeSections } from './tools.ts';

const SAMPLE = 3000;
/** At least so many of each section, however small it is. */
const LEAST = 150;

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
    const sections = codeSections(path);
    const whole = sections.reduce((sum, { size }) => sum + size, 0);
    const counts: Record<Class, number> = { same: 0, 'nothing-known': 0, 'padding-file': 0, different: 0 };
    const differing: string[] = [];
    let inlined = 0;
    for (const section of sections) {
      const count = Math.max(Math.min(LEAST, section.size), Math.round((SAMPLE * section.size) / whole));
      const offsets = sampleOffsets(count, section.size, 4711);
      const theirs = askTool('addr2line', path, section, offsets, true);
      for (const [index, offset] of offsets.entries()) {
        const ours = open.file.at({ section: section.name, offset });
        inlined += ours.length > 1 ? 1 : 0;
        const kind = classify(ours, theirs[index] ?? []);
        counts[kind]++;
        if (kind === 'different') {
          differing.push(`${section.name}+${offset}: ${show(ours)} | ${show(theirs[index] ?? [])}`);
        }
      }
    }
    expect(differing).toEqual([]);
    expect(counts.same).toBeGreaterThan(SAMPLE * 0.9);
    expect(inlined).toBeGreaterThan(SAMPLE * 0.2);
  });

  it('has the chain of a frame that is four functions deep', () => {
    const found = open.file.frame({ symbol: 'zil_commit_impl', offset: 0x200, size: 0x15ca }, true);
    expect(found?.address.section).toBe('.text');
    expect(found?.lines.map(({ function: name, line }) => `${name}:${line}`)).toEqual([
      'list_del:238',
      'list_remove_head:130',
      'zil_commit_writer:3194',
      'zil_commit_impl:3688',
    ]);
  });

  it('answers null for a frame of another build: nothing is guessed', () => {
    expect(open.file.frame({ symbol: 'zil_commit_impl', offset: 0x200, size: 0x1400 }, true)).toBeNull();
    expect(open.file.frame({ symbol: 'zil_commit_impl', offset: 0x200, size: 0x1700 }, true)).toBeNull();
  });
});

import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { UnpackedFiles } from '../../../src/cli/unpacked.ts';

const sample = 'test/unit/server/modules/sample';
const folder = mkdtempSync(path.join(tmpdir(), 'zscope-unpacked-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('keeps the three that were used last, all of one run, and no leftovers', async () => {
  const cache = path.join(folder, 'cache');
  const packed = [0, 1, 2, 3, 4].map((i) => path.join(folder, `zlog${i}.ko.xz`));
  const made: string[] = [];
  for (const [i, file] of packed.entries()) {
    copyFileSync(path.join(sample, 'zlog.ko.xz'), file);
    made.push(await new UnpackedFiles(cache).get(file));
    utimesSync(made[i] ?? '', i, i);
    if (i === 2) {
      // The oldest is used again.
      expect(await new UnpackedFiles(cache).get(packed[0] ?? '')).toBe(made[0]);
      utimesSync(made[0] ?? '', 2.5, 2.5);
    }
  }
  expect(readFileSync(made[4] ?? '').equals(readFileSync(path.join(sample, 'zlog.ko')))).toBe(true);
  const names = (files: readonly string[]) => files.map((file) => path.basename(file)).sort();
  expect(readdirSync(cache).sort()).toEqual(names([made[0], made[3], made[4]].map(String)));

  // 4194305 is larger than any pid (PID_MAX_LIMIT).
  const dead = path.join(cache, 'a.elf.4194305');
  const alive = path.join(cache, `b.elf.${process.ppid}`);
  writeFileSync(dead, '');
  writeFileSync(alive, '');
  const run = new UnpackedFiles(cache);
  for (const file of packed) {
    await run.get(file);
  }
  expect(readdirSync(cache).sort()).toEqual(names([...made, alive]));
});

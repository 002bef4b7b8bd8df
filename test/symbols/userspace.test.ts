/** A library of userspace and its separate debug file, compressed as Debian ships it. */
import { describe, expect, it } from 'vitest';
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import { compareFile } from './compare-file.ts';
import { libc } from './libc.ts';

describe('the debug file of the C library', () => {
  it.each(['addr2line', 'eu-addr2line'] as const)('has the chains that %s gives', async (program) => {
    const { code, debug } = await libc(() => {});
    const { file, source } = openFile(debug);
    try {
      const { counts, differing } = compareFile(debug, code, file, program, 1500);
      expect(differing).toEqual([]);
      expect(counts.same).toBeGreaterThan(800);
    } finally {
      source.dispose();
    }
  });
});

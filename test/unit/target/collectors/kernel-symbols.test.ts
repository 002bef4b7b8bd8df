import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kernelSymbols } from '../../../../src/target/collectors/kernel-symbols.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zscope-symbols-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What is said of addresses by a kernel with this /proc/kallsyms. */
async function named(kallsyms: string, addresses: readonly string[]): Promise<string[]> {
  const file = join(folder, 'kallsyms');
  await writeFile(file, kallsyms);
  const params = { addresses };
  const script = kernelSymbols.script(params).replace('/proc/kallsyms', file);
  const { stdout } = await promisify(execFile)('sh', ['-c', script]);
  return kernelSymbols
    .decode(stdout, params)
    .split('\n')
    .filter((line) => line !== '');
}

const KALLSYMS = `0000000000000000 A fixed_percpu_data
0000000000001000 A cpu_debug_store
ffffffff81000000 T _text
ffffffff81000100 T do_one_initcall
ffffffff81000200 T do_syscall_64
ffffffffc0a1b310 t zil_lwb_flush\t[zfs]
ffffffffc0a1b200 t zil_commit\t[zfs]
ffffffffc0a00000 t spl_panic\t[spl]
`;

test('an address is in the nearest symbol below it, whose size is known by the next one', async () => {
  expect(
    await named(KALLSYMS, ['ffffffffc0a1b23d', 'ffffffff81000150', 'ffffffffc0a1b330', 'ffffffffc0a00010']),
  ).toEqual([
    'ffffffff81000150 do_one_initcall+0x50/0x100',
    'ffffffffc0a00010 spl_panic+0x10 [spl]',
    'ffffffffc0a1b23d zil_commit+0x3d/0x110 [zfs]',
    'ffffffffc0a1b330 zil_lwb_flush+0x20 [zfs]',
  ]);
});

test('no address has the name of a symbol whose own is hidden, or no address at all', async () => {
  const hidden = KALLSYMS.replace(/^[0-9a-f]{16}/gm, '0000000000000000');
  expect(await named(hidden, ['ffffffffc0a1b23d', 'ffffffff81000150'])).toEqual([]);
  expect(await named(KALLSYMS, ['ffffffff80000000'])).toEqual([]);
});

import { describe, expect, test } from 'vitest';
import { KERNEL, moduleIds } from '../../../../src/target/collectors/module-ids.ts';

const note = (id: string) => `040000001400000003000000474e5500${id}`;
const zfs = '4f265041fc3ac07423f9fbe835c9271f18fba8d7';
const spl = '7073e47e806f2682c85d3640d14753c69c65104d';

describe('the builds that are loaded', () => {
  const decode = (output: string) => moduleIds.decode(output, { modules: [] });

  test('have the ids of their notes, however od breaks the lines', () => {
    const hex = `${note(zfs)}${note(spl)}`.replace(/(..)/g, ' $1').replace(/(.{48})/g, '$1\n');
    const builds = decode(`build zfs A/\nbuild spl B/\nbuild nosuch \nnotes zfs spl\n${hex}\n`);
    expect([...builds]).toEqual([
      ['zfs', { sign: 'A/', buildId: zfs }],
      ['spl', { sign: 'B/', buildId: spl }],
      ['nosuch', { sign: '', buildId: null }],
      [KERNEL, { sign: '', buildId: null }],
    ]);
  });

  test('the kernel has its own behind others of its notes', () => {
    const linux = '0600000004000000000100004c696e757800000002000000';
    const kernel = `${'c0ffee'.repeat(6)}0011`;
    const xen = '04000000080000000300000058656e0000000080ffffffff';
    const builds = decode(`build zfs A/\nnotes zfs\n${note(zfs)}${linux}${xen}${note(kernel)}${linux}\n`);
    expect([builds.get('zfs')?.buildId, builds.get(KERNEL)?.buildId]).toEqual([zfs, kernel]);
    // Asked for alone.
    expect(decode(`notes\n${linux}${note(kernel)}\n`).get(KERNEL)?.buildId).toBe(kernel);
    // A note that claims to go on for ever.
    expect(decode(`notes\nffffffffffffffff00000000${note(kernel)}\n`).get(KERNEL)?.buildId).toBeNull();
  });

  test('have no id where the notes are none', () => {
    expect(decode('build zfs x\nnotes zfs\n 04 00 00 00 zz\n').get('zfs')).toEqual({
      sign: 'x',
      buildId: null,
    });
    expect([...decode('')]).toEqual([[KERNEL, { sign: '', buildId: null }]]);
  });

  test('are asked for by names of modules only', () => {
    const script = moduleIds.script({ modules: ['zfs', '$(reboot)', '../x', 'dm-mod'] });
    expect(script).toContain('set -- zfs dm_mod\n');
  });
});

/** Members and parameters of a real zfs.ko against gdb. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import { findImage } from '../lab/image.ts';
import { labModule } from './lab-module.ts';

const STRUCTS = [
  'zilog_t',
  'spa_t',
  'zio_t',
  'dbuf_dirty_record_t',
  'arc_buf_hdr_t',
  'vdev_t',
  'znode_t',
  'page',
];
const FUNCTIONS = ['zil_commit', 'zio_create', 'arc_read', 'spa_sync', 'zfs_write', 'dmu_tx_assign'];

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

  function gdb(commands: readonly string[]): string[] {
    const args = ['-nx', '-batch', ...commands.flatMap((command) => ['-ex', command]), path];
    return execFileSync('gdb', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n')
      .filter((line) => line !== '');
  }

  it('has structures laid out as gdb has them', () => {
    const near = open.file.symbols('zil_commit')[0];
    const wanted: string[] = [];
    const commands: string[] = [];
    for (const name of STRUCTS) {
      const found = open.file.struct(name, near);
      if (!found) throw new Error(`no struct ${name}`);
      const type = name.endsWith('_t') ? name : `struct ${name}`;
      commands.push(`printf "${name} %d\\n", sizeof(${type})`);
      wanted.push(`${name} ${found.size}`);
      for (const member of found.members.filter(({ bits, name: text }) => bits === null && text !== '')) {
        const lvalue = `((${type} *)0)->${member.name}`;
        commands.push(`printf "${name}.${member.name} %ld %d\\n", (long)&${lvalue}, sizeof(${lvalue})`);
        wanted.push(`${name}.${member.name} ${member.offset} ${member.size ?? 0}`);
      }
    }
    expect(wanted.length).toBeGreaterThan(300);
    expect(gdb(commands)).toEqual(wanted);
  });

  it('has parameters of the types and in the registers that gdb tells', () => {
    const told = gdb(
      FUNCTIONS.flatMap((name) => [`echo == ${name}\\n`, `whatis ${name}`, `info scope *'${name}'`]),
    )
      .join('\n')
      .split(/^== /m)
      .slice(1);
    expect(told.length).toBe(FUNCTIONS.length);
    for (const text of told) {
      const name = /^\w+/.exec(text)?.[0] ?? '';
      const [symbol] = open.file.symbols(name);
      const parameters = symbol ? open.file.parameters(symbol) : null;
      if (!parameters) throw new Error(`no parameters of ${name}`);
      expect(text).toContain(`(${parameters.map(({ type }) => type).join(', ')})\n`);
      for (const { name: parameter, location } of parameters) {
        if (location.kind === 'register') {
          // Symbol zilog is multi-location: / Base address 0x...  Range 0x...-0x...: a variable in $rdi
          const place = new RegExp(`Symbol ${parameter} is (?:multi-location:\\s.*?Range [^:]*: )?([^\\n]*)`);
          expect(`${parameter} ${place.exec(text)?.[1]}`).toContain(`$${location.register}`);
        }
      }
    }
  });
});

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { isFailure } from '../../../../src/core/failure.ts';
import { buildIdOfHead } from '../../../../src/core/symbols/elf/identity.ts';
import { type ModuleFileParams, moduleFile } from '../../../../src/target/collectors/module-file.ts';
import { flavours, runScript } from './flavours.ts';

const wanted: ModuleFileParams = {
  module: 'zfs',
  program: null,
  buildId: '4f265041fc3ac07423f9fbe835c9271f18fba8d7',
  debugLink: null,
  zfsHangs: false,
  folders: [],
  skip: [],
  resume: null,
};
const file = { path: '/lib/modules/6.1/zfs.ko.xz', size: 1000, mtime: 5, packing: 'xz' } as const;

describe('the file of a module', () => {
  const header = (line: string, params: Partial<ModuleFileParams> = {}) => {
    try {
      return moduleFile.header(line, { ...wanted, ...params });
    } catch (error) {
      return isFailure(error) ? error.code : error;
    }
  };

  test('is told by the first line', () => {
    expect(header('file\txz\t1000\t5\t0\t1000\t/lib/modules/6.1/zfs.ko.xz')).toEqual({
      file,
      offset: 0,
      total: 1000,
    });
    expect(header('file\tgz\t1000\t5\t0\t-\t/a\tb')).toEqual({
      file: { path: '/a\tb', size: 1000, mtime: 5, packing: 'gz' },
      offset: 0,
      total: null,
    });
    expect([header('none'), header('none other')]).toEqual(['none', 'other-build']);
    expect(header('hangs')).toBe('unsupported');
    const ofProgram = { ...wanted, module: 'zdb', program: '/sbin/zdb' };
    expect(() => moduleFile.header('hangs', ofProgram)).toThrow('reading a program there would hang');
  });

  test('goes on only where it was told to', () => {
    const line = 'file\txz\t1000\t5\t300\t1000\t/lib/modules/6.1/zfs.ko.xz';
    expect(header(line)).toBe('bad-output');
    expect(header(line, { resume: { file, offset: 300 } })).toMatchObject({ offset: 300 });
    expect(header(line, { resume: { file, offset: 301 } })).toBe('bad-output');
  });

  test.each([
    '',
    'file',
    'file\txz\t-1\t5\t0\t1\t/a',
    'file\trar\t1\t5\t0\t1\t/a',
    'file\txz\t1\t5\t0\t1\t',
    `file\txz\t${5e9}\t5\t0\t1\t/a`,
  ])('is not what %j says', (line) => expect(header(line)).toBe('bad-output'));

  test('is asked for by harmless words only', () => {
    const script = (params: Partial<ModuleFileParams>) =>
      moduleFile
        .script({ ...wanted, ...params })
        .split('\n')
        .slice(0, 11)
        .join('\n');
    expect(
      script({
        skip: ["/a'b", '/c d'],
        debugLink: 'x; reboot',
        folders: ['/home/me/my zfs/', 'relative'],
        resume: { file: { ...file, path: "/e'f" }, offset: 7 },
      }),
    ).toBe(
      `module=zfs program=
id=${wanted.buildId}
link=
known='xz 1000 5 /e'\\''f' offset=7 hangs=no
bytes='\\117\\046\\120\\101\\374\\072\\300\\164\\043\\371\\373\\350\\065\\311\\047\\037\\030\\373\\250\\327'
folders() {
:
printf '%s\\n' '/home/me/my zfs'
}
skipped() { case $1 in '/a'\\''b'|'/c d') return 0 ;; esac; return 1; }
read -r cmdline </proc/cmdline`,
    );
    expect(script({ module: '' })).toMatch(/^module= program=$/m);
    expect(script({ module: 'zdb', program: "/x/z'db" })).toMatch(/^module= program='\/x\/z'\\''db'$/m);
    expect(() => script({ module: 'zfs; reboot' })).toThrow('nothing with a build-id');
    expect(() => script({ module: 'zdb', program: 'zdb' })).toThrow('nothing with a build-id');
    expect(() => script({ buildId: '$(reboot)' })).toThrow('nothing with a build-id');
  });
});

describe('the file of a program', () => {
  const program = path.join(import.meta.dirname, '../../core/symbols/fixtures/program-clang-5.bin');
  const buildId = buildIdOfHead(readFileSync(program)) ?? '';
  const folder = mkdtempSync(path.join(tmpdir(), "zscope program's "));
  mkdirSync(path.join(folder, '.debug'));
  const zdb = path.join(folder, 'zdb');
  const debug = path.join(folder, '.debug/zdb.debug');
  copyFileSync(program, zdb);
  copyFileSync(program, debug);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(flavours.filter(({ present }) => present))('is read by $name', (flavour) => {
    const first = (params: Partial<ModuleFileParams>) => {
      const asked = { ...wanted, module: 'zdb', program: zdb, buildId, ...params };
      const [line = ''] = runScript(moduleFile.script(asked), flavour).stdout.split('\n');
      const told = moduleFile.header(line, asked);
      return typeof told === 'string' ? told : told.file.path;
    };
    expect(first({})).toBe(zdb);
    expect(first({ debugLink: 'zdb.debug' })).toBe(debug);
    expect(first({ debugLink: 'zdb.debug', skip: [debug] })).toBe(zdb);
    expect(first({ buildId: 'ff'.repeat(20) })).toBe('other-build');
    expect(first({ program: path.join(folder, 'none') })).toBe('none');
  });
});

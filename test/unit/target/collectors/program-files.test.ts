import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildIdOfHead } from '../../../../src/core/symbols/elf/identity.ts';
import { programFiles } from '../../../../src/target/collectors/program-files.ts';
import { failureOf } from '../../../support/failure-of.ts';
import { flavours, runScript } from './flavours.ts';

const PROGRAM = path.join(import.meta.dirname, '../../core/symbols/fixtures/program-clang-5.bin');
const content = readFileSync(PROGRAM);
const buildId = buildIdOfHead(content) ?? 'none';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "zscope programs'"));
  for (const sub of ['.libs', 'lib/libzpool/.libs', 'cmd/zdb/.libs']) {
    mkdirSync(path.join(folder, sub), { recursive: true });
  }
  copyFileSync(PROGRAM, path.join(folder, '.libs/zdb'));
  copyFileSync(PROGRAM, path.join(folder, 'lib/libzpool/.libs/libzpool.so.5.0.0'));
  symlinkSync('libzpool.so.5.0.0', path.join(folder, 'lib/libzpool/.libs/libzpool.so'));
  // What libtool writes beside the real program, and what was cut short.
  writeFileSync(path.join(folder, '.libs/ztest'), '#!/bin/sh\nexec .libs/lt-ztest "$@"\n');
  writeFileSync(path.join(folder, 'cmd/zdb/.libs/zdb'), content.subarray(0, 100));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const params = (names: readonly string[]) => ({ names, zfsHangs: true, folders: [`${folder}/`, 'relative'] });

describe('the programs of a target', () => {
  test.each(flavours.filter(({ present }) => present))('are found with their builds by $name', (flavour) => {
    const wanted = params(['zdb', 'ztest', 'libzpool', 'x;reboot', '-n']);
    const { stdout, status } = runScript(programFiles.script(wanted), flavour);
    const found = programFiles.decode(stdout, wanted).filter((file) => file.path.startsWith(folder));
    expect([status, found]).toEqual([
      0,
      [
        { name: 'zdb', path: path.join(folder, '.libs/zdb'), buildId },
        { name: 'libzpool', path: path.join(folder, 'lib/libzpool/.libs/libzpool.so.5.0.0'), buildId },
      ],
    ]);
  });

  test('are not read where that would hang', async () => {
    const failure = await failureOf((async () => programFiles.decode('hangs\n', params([])))());
    expect([failure.code, failure.message]).toEqual(['unsupported', expect.stringContaining('a program')]);
  });

  test('are none in what is no answer', () => {
    for (const text of [
      '',
      'file\t',
      'file\tzdb\n',
      'file\tzdb\t/sbin/zdb\n 7f 45 4c 46\n',
      'zdb /sbin/zdb 00\n',
    ]) {
      expect(programFiles.decode(text, params([]))).toEqual([]);
    }
  });
});

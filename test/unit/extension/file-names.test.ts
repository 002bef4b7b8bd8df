import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

interface Language {
  readonly id: string;
  readonly extensions?: readonly string[];
  readonly filenames?: readonly string[];
  readonly filenamePatterns?: readonly string[];
  readonly firstLine?: string;
}

const { contributes } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  contributes: { languages: readonly Language[] };
};

/** The pattern as VS Code reads it; those of this extension have * and [0-9] only. */
function glob(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`, 'i');
}

/** The language of a file by its name; null when other extensions, or VS Code itself, may have it. */
function byName(name: string): string | null {
  const found = contributes.languages.find(
    ({ filenames = [], filenamePatterns = [], extensions = [] }) =>
      filenames.includes(name) ||
      filenamePatterns.some((pattern) => glob(pattern).test(name)) ||
      extensions.some((extension) => name.endsWith(extension)),
  );
  return found?.id ?? null;
}

describe('files whose names say what they hold', () => {
  test.each([
    ['dmesg', 'kernel-stack'],
    ['dmesg.0', 'kernel-stack'],
    ['kern.log', 'kernel-stack'],
    ['kern.log.1', 'kernel-stack'],
    ['vmcore-dmesg.txt', 'kernel-stack'],
    ['node3_dmesg_2026-01-02.log', 'kernel-stack'],
    ['core.txt.4', 'kernel-stack'],
    ['zfs-panic-2.txt', 'kernel-stack'],
    ['Oops.txt', 'kernel-stack'],
    ['sysrq-w.txt', 'kernel-stack'],
    ['ztest-backtrace.txt', 'kernel-stack'],
    ['hang.kstack', 'kernel-stack'],
    ['dbgmsg', 'zfs-dbgmsg'],
    ['txg.dbgmsg', 'zfs-dbgmsg'],
    ['latency.bt', 'bpftrace'],
  ])('%s is %s', (name, language) => {
    expect(byName(name)).toBe(language);
  });

  test.each(['README.txt', 'notes.txt', 'dmesg.c', 'core.txt', 'panic.c', 'build.log', 'kern.log.1.gz'])(
    '%s is not claimed',
    (name) => {
      expect(byName(name)).toBeNull();
    },
  );
});

describe('files without such a name', () => {
  const first = new RegExp(
    contributes.languages.find(({ id }) => id === 'kernel-stack')?.firstLine ?? '(?!)',
  );

  test.each([
    '[  247.109472]  txg_wait_synced+0x10/0x40 [zfs]',
    '<4>[  247.109472][ T1234] Call Trace:',
    '[Mon Feb 21 13:08:47 2028] zfs: module',
    'Nov  2 07:45:55 node3 kernel: [71706.375798] SysRq : Show Blocked State',
    '2028-06-06T06:51:45.535325+00:00 node3 kernel: INFO: task txg_quiesce:1309',
    'INFO: task txg_sync:1608 blocked for more than 120 seconds.',
    '[<0>] cv_wait_common+0xe5/0x120 [spl]',
  ])('%s: a log of a kernel', (line) => {
    expect(first.test(line)).toBe(true);
  });

  test.each([
    '',
    '[section]',
    '[1.0] released',
    '# Notes',
    'Nov  2 07:45:55 node3 sshd[12]: Accepted',
    'INFO: started',
    '#!/bin/sh',
  ])('%j: not known', (line) => {
    expect(first.test(line)).toBe(false);
  });
});

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A small tree laid out like OpenZFS's, written for these tests. */
export const sampleFiles: Readonly<Record<string, string>> = {
  META: 'Meta:          1\nName:          zfs\nVersion:       2.3.9\nRelease:       1\n',
  'module/zfs/zlog.c': [
    '#include <sys/zlog.h>',
    '',
    'static void',
    'zlog_write_all(zlog_t *log, const char *tag)',
    '{',
    '\tzlog_issue(log, 0);',
    '}',
    '',
    '/* Writes what is pending and waits. */',
    'void',
    'zlog_commit(zlog_t *log, uint64_t foid)',
    '{',
    '\tif (log->zl_ops->commit(log) == 0)',
    '\t\tzlog_write_all(log, FTAG);',
    '}',
    '',
  ].join('\n'),
  'module/zfs/vgeom.c': 'int\nvgeom_open(vgeom_t *vg)\n{\n\treturn (zlog_issue(vg->log, 1));\n}\n',
  'module/os/linux/zfs/vgeom.c': 'int\nvgeom_bio(struct bio *bio)\n{\n\treturn (0);\n}\n',
  'module/os/freebsd/zfs/zfile.c': 'int\nzfile_sync(void)\n{\n\treturn (1);\n}\n',
  'module/os/linux/zfs/zfile.c': '\nint\nzfile_sync(struct file *f)\n{\n\treturn (0);\n}\n',
  'include/sys/zlog.h': [
    'static inline int',
    'zlog_issue(zlog_t *log, int flags)',
    '{',
    '\treturn (flags);',
    '}',
    '',
  ].join('\n'),
  'include/sys/list.h': 'struct list;\n',
  'lib/libzpool/kernel.c': 'void\nschedule(void)\n{\n}\n',
  'build/conftest/conftest.c': 'int\nzlog_commit(void)\n{\n\treturn (0);\n}\n',
};

export interface SampleTree {
  readonly root: string;
  readonly path: (relative: string) => string;
  readonly remove: () => void;
}

/** Writes the sample tree into a fresh temporary folder. */
export function writeSampleTree(files: Readonly<Record<string, string>> = sampleFiles): SampleTree {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'zscope tree ')));
  const at = (relative: string) => path.join(root, relative);
  for (const [relative, text] of Object.entries(files)) {
    mkdirSync(path.dirname(at(relative)), { recursive: true });
    writeFileSync(at(relative), text);
  }
  return { root, path: at, remove: () => rmSync(root, { recursive: true, force: true }) };
}

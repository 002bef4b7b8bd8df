/** A small module with debug info, made by sample/make.sh. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

const folder = path.join(import.meta.dirname, 'sample');

export function sample(name: 'zlog.ko' | 'stripped.ko' | 'zlog.ko.xz' | 'zlog.ko.zst' | 'zlog.c'): Buffer {
  return readFileSync(path.join(folder, name));
}

/** Of zlog.ko and of stripped.ko, which is the same build without its debug info. */
export const BUILD = 'bf15fb229f9d6e43ae644a2ff40b56c673ec8fe6';

/** Another build with the same content. */
export const OTHER_BUILD = 'ffff15fb229f9d6e43ae644a2ff40b56c673ec8f';

/** The sample as if it were another build. */
export function asBuild(id: string, content: Buffer = sample('zlog.ko')): Buffer {
  const copy = Buffer.from(content);
  const at = copy.indexOf(Buffer.from(BUILD, 'hex'));
  copy.write(id, at, 'hex');
  return copy;
}

/** A return address behind a call in `zlog_write_all`, which is inlined into `zlog_commit`. */
export const FRAME = { symbol: 'zlog_commit', offset: 0x1b, size: 0x25, module: 'zfs', reliable: true };

/** What `addr2line -i -f` says of the byte before it: function and line. */
export const LINES = [
  ['zlog_write_all', 10],
  ['zlog_commit', 18],
];

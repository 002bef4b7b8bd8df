/**
 * eu-stack: `#0  0x00007f6f5cd8 pause`, with -m ` - /usr/lib/libc.so.6`; and systemd-coredump, which
 * unwinds with the same library: `#0  0x00007f6f5cd8 raise (libc.so.6 + 0x3bebc)`, without the offset before systemd 246.
 */
import { NUMBERED } from '../characters.ts';
import type { Line } from '../line.ts';
import type { Output } from '../output.ts';
import { baseName, type Format, frameInBody } from './format.ts';

const ENTRY =
  /^#\d{1,4} +0x([\da-f]{8,16})(?: +- 1)? +([A-Za-z_.~][\w.$@:~<>]*(?:\([^()]{0,400}\))?)(?: - (\/\S{1,512}| ?\[vdso\])| \(([^\s()]{1,256})(?: \+ 0x([\da-f]{1,13}))?\))?(?: (?:\/|\.\/)\S{1,512}:\d.*)?$/;

/** Android's tombstones: `#01  pc 0x1f739b  /system/lib64/libc.so (abort+164)` (libunwindstack, Unwinder.cpp). */
const TOMBSTONE =
  /^#\d{1,4} +pc (?:0x)?[\da-f]{1,16} +(\S{1,512}) \(([A-Za-z_.][\w.$@:~]*(?:\([^()]{0,400}\))?)\+(\d{1,8})\)/;

export function elfutilsFormat(): Format {
  return {
    needs: NUMBERED,
    read(line, out) {
      const { body } = line;
      const match = body.length > 2048 ? null : ENTRY.exec(body);
      const name = match?.[2];
      if (match === null || name === undefined) {
        return readTombstone(line, out);
      }
      const library = match[3] ?? match[4];
      const [, pc = '', , , , offset] = match;
      if (name !== 'n' && name !== 'n/a') {
        frameInBody(line, out, body.indexOf(` ${name}`) + 1, name, {
          module: library === undefined ? null : baseName(library),
          ...(offset === undefined
            ? {}
            : { at: { address: Number.parseInt(offset, 16), pc: Number.parseInt(pc, 16) } }),
        });
        // With -s the place follows on the next line, or behind a newline that became two.
        out.leaveOpen(2);
      }
      return true;
    },
  };
}

function readTombstone(line: Line, out: Output): boolean {
  const { body } = line;
  const [whole, library = '', name = '', offset = ''] =
    (body.length > 2048 ? null : TOMBSTONE.exec(body)) ?? [];
  if (whole === undefined) {
    return false;
  }
  frameInBody(line, out, body.indexOf(` (${name}`) + 2, name, {
    offset: Number(offset),
    module: baseName(library),
    length: name.length + 1 + offset.length,
  });
  return true;
}

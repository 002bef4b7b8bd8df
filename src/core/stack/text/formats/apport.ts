/**
 * What Launchpad's reports of crashes show of a stack: under `StacktraceTop:` GDB's entries without number and
 * address, `zpool_iter (hdl=0x55d0c0) at libzfs_config.c:439`, `free () from /lib/libc.so.6` (apport, report.py).
 */
import { COLON, PAREN } from '../characters.ts';
import { baseName, type Format, frameInBody } from './format.ts';

const ENTRY = /^([A-Za-z_.$~][\w.$@:~<>]*) \(.{0,4000}\)(?: at [^\s:]{1,512}:\d{1,7}| from (\/\S{1,512})|$)/;

export function apportFormat(): Format {
  let isOpen = false;
  return {
    needs: 0,
    any: PAREN | COLON,
    read(line, out) {
      const { body } = line;
      if (!isOpen) {
        isOpen = body === 'StacktraceTop:';
        return isOpen;
      }
      const [whole, name = '', library] = ENTRY.exec(body) ?? [];
      if (whole === undefined) {
        isOpen = body === '?? ()';
        return isOpen;
      }
      frameInBody(line, out, 0, name, { module: library === undefined ? null : baseName(library) });
      return true;
    },
  };
}

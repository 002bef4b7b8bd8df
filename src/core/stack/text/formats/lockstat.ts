/**
 * lockstat of illumos and FreeBSD: the column Lock names a lock, the column Caller a place in the code;
 * with -s a stack follows in the last column of the histogram.
 */
import { LETTER } from '../characters.ts';
import { type Format, frameInBody, objectName } from './format.ts';

const HEADER = /^Count +indv +cuml +rcnt +.* Lock +(?:Hottest )?Caller/;
const ROW =
  /^\d+ +\d+% +\d+% +[\d.]+ +\d+ .*\s(?:([\w.-]{1,64})`)?([A-Za-z_.][\w.$]*)(?:\+0x([\da-f]{1,12}))?$/;
const STACK = /^\d+ +\|[@ ]*\| *\d+ +(?:([\w.-]{1,64})`)?([A-Za-z_.][\w.$]*)(?:\+0x([\da-f]{1,12}))?$/;

export function lockstatFormat(): Format {
  let inside = false;
  return {
    needs: LETTER,
    read(line, out) {
      if (!inside && !line.body.startsWith('Count ')) {
        return false;
      }
      const { body } = line;
      if (HEADER.test(body)) {
        inside = true;
        return true;
      }
      if (body.length > 1024) {
        return false;
      }
      const match = ROW.exec(body) ?? STACK.exec(body);
      if (match === null) {
        // A rule, a blank line or the next table's title.
        inside = /^(?:-+|[A-Z].*:.*)?$/.test(body) || /^\d/.test(body) || body.startsWith('nsec');
        return false;
      }
      const [, module, name = '', offset] = match;
      if (offset !== undefined || module !== undefined) {
        const length = name.length + (offset === undefined ? 0 : 3 + offset.length);
        frameInBody(line, out, body.length - length, name, {
          offset: offset === undefined ? null : Number.parseInt(offset, 16),
          module: module === undefined ? null : objectName(module),
          length,
        });
      }
      return true;
    },
  };
}

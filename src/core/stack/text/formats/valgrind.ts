/** Valgrind: `==123==    by 0x40A7CF: main (zdb.c:12)`, `at 0x4C2: malloc (in /usr/lib/libc.so.6)`. */
import { ADDRESS, COLON, PAREN } from '../characters.ts';
import { baseName, type Format, frameInBody } from './format.ts';

const ENTRY =
  /^(?:at|by) 0x[\dA-F]{4,16}: ([A-Za-z_~][^\s]{0,400}?(?:\([^()]{0,400}\))?) \((?:in ([^()]{1,512})|[^():]{1,256}:\d{1,7})\)$/;

export function valgrindFormat(): Format {
  return {
    needs: COLON | PAREN | ADDRESS,
    read(line, out) {
      const { body } = line;
      const match = body.length > 2048 ? null : ENTRY.exec(body);
      const name = match?.[1];
      if (match === null || name === undefined) {
        return false;
      }
      frameInBody(line, out, body.indexOf(': ') + 2, name, {
        module: match[2] === undefined ? null : baseName(match[2]),
      });
      return true;
    },
  };
}

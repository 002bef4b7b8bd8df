/**
 * What a program prints of its own stack from libunwind's names, with the registers that it unwound by, as NFS-Ganesha
 * does: ` #3 dispatch_op + 0x8c [ip=0x7f90b1a10859] [sp=0x7ffd49d53c00]` (src/log/log_functions.c, gsh_libunwind).
 * The offset is hexadecimal, and `0` at the beginning of a function.
 */
import { ADDRESS, BRACKET, NUMBERED } from '../characters.ts';
import { type Format, frameInBody } from './format.ts';

const ENTRY = /^#\d{1,4} +([A-Za-z_.][\w.$@]*)( \+ (?:0x)?)([\da-f]{1,12}) \[ip=0x[\da-f]{1,16}\]/;

export function libunwindFormat(): Format {
  return {
    needs: NUMBERED | BRACKET | ADDRESS,
    read(line, out) {
      const { body } = line;
      const match = body.length > 1024 || !body.includes(' [ip=0x') ? null : ENTRY.exec(body);
      if (match === null) {
        return false;
      }
      const [, name = '', plus = '', offset = ''] = match;
      frameInBody(line, out, body.indexOf(` ${name}`) + 1, name, {
        offset: Number.parseInt(offset, 16),
        length: name.length + plus.length + offset.length,
      });
      return true;
    },
  };
}

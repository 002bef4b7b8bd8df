/**
 * Frames of the kernel as people type them off a screen, with blanks around the sign: `[<c18aede1>] ? zil_commit + 0x19a/0x23d`.
 * Without an address and a size it would be a sum.
 */
import { BRACKET, SUM } from '../characters.ts';
import { moduleName } from '../linux.ts';
import { type Format, frameInBody } from './format.ts';

const SPACED =
  /^\[?<?[\da-f]{7,16}>?\]? (\? ?)?([A-Za-z_.][\w.$]{0,255}) \+ 0x([\da-f]{1,8}) ?\/ ?0x([\da-f]{1,8})(?: \[([\w-]{1,64})\])?$/;

export function spacedFormat(): Format {
  return {
    needs: SUM | BRACKET,
    read(line, out) {
      const { body } = line;
      const match = body.length > 512 ? null : SPACED.exec(body);
      if (match === null) {
        return false;
      }
      const [, question, name = '', offset = '', size = '', module] = match;
      const index = body.indexOf(` ${name} +`) + 1;
      frameInBody(line, out, index, name, {
        offset: Number.parseInt(offset, 16),
        size: Number.parseInt(size, 16),
        module: module === undefined ? null : moduleName(module),
        reliable: question === undefined,
        length: body.length - index,
      });
      return true;
    },
  };
}

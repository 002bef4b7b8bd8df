/**
 * Frames of the kernel as people type them off a screen, with blanks around the sign: `[<c18aede1>] ? zil_commit + 0x19a/0x23d`.
 * Without an address or a module, and without a size, it would be a sum.
 */
import { SUM } from '../characters.ts';
import { moduleName } from '../linux.ts';
import { readToken, token } from '../token.ts';
import { type Format, frameInBody } from './format.ts';

/** Groups: address, `?`, name, offset, size, what is behind. */
const SPACED =
  /^(\[?<?[\da-f]{7,16}>?\]? )?(\? ?)?([A-Za-z_.][\w.$]{0,255}) ?\+ ?0x([\da-f]{1,8}) ?\/ ?0x([\da-f]{1,8})(| .{0,128})$/;

export function spacedFormat(): Format {
  return {
    needs: SUM,
    read(line, out) {
      const { body } = line;
      const match = body.length > 512 ? null : SPACED.exec(body);
      if (match === null) {
        return false;
      }
      const [, address = '', question = '', name = '', offset, size, behind] = match;
      // As the kernel prints it.
      const printed = `${question}${name}+0x${offset}/0x${size}${behind}`;
      if (!readToken(printed, question.length + name.length, 0, printed.length)) {
        return false;
      }
      const { moduleStart, moduleEnd, reliable } = token;
      const module = moduleStart < 0 ? null : moduleName(printed.slice(moduleStart, moduleEnd));
      if (address === '' && module === null) {
        return false;
      }
      const index = address.length + question.length;
      frameInBody(line, out, index, name, {
        offset: token.offset,
        size: token.size,
        module,
        reliable,
        length: body.length - (printed.length - token.end) - index,
      });
      return true;
    },
  };
}

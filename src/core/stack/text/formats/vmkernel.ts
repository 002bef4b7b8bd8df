/** ESXi's kernel: `0x451a4a09bd80:[0x42001abb988f]PFrame_Wait@vmkernel#nover+0x94 stack: 0x0`, a module with its version. */
import { AT, OFFSET } from '../characters.ts';
import { type Format, frameInBody } from './format.ts';

const ENTRY =
  /(?:^|\])([A-Za-z_][\w.$]{0,255})@(?:\(?([A-Za-z][\w.-]{0,63})\)?)#(?:<[\w.]{1,64}>|[\w.+-]{1,64})\+0x([\da-f]{1,8})\b/;

export function vmkernelFormat(): Format {
  return {
    needs: AT | OFFSET,
    read(line, out) {
      const { body } = line;
      const match = body.length > 1024 ? null : ENTRY.exec(body);
      if (match === null) {
        return false;
      }
      const [whole, name = '', module, offset = ''] = match;
      frameInBody(line, out, match.index + whole.indexOf(name), name, {
        offset: Number.parseInt(offset, 16),
        module: module ?? null,
      });
      return true;
    },
  };
}

/** WinDbg: `ffffd08f OpenZFS!spl_panic+0x9f [C:\src\spl.c @ 123]`. */
import { BANG } from '../characters.ts';
import { allMatches } from '../matches.ts';
import { type Format, frameInBody } from './format.ts';

const ENTRY =
  /(?:^|\s|: )([A-Za-z_][\w.-]{0,63})!([A-Za-z_?@$][\w.$:~<>?@]{0,400})(?:\+0x([\da-f]{1,12}))?(?=[\s:]|$)/gi;

export function windowsFormat(): Format {
  return {
    needs: BANG,
    read(line, out) {
      const { body } = line;
      if (body.length > 16_384) {
        return false;
      }
      let found = false;
      for (const match of allMatches(body, ENTRY)) {
        const [whole, module = '', name = '', offset] = match;
        // Without an offset only behind addresses: prose uses the character too.
        if (
          offset === undefined &&
          !/^(?:[\da-f]{2} +)?(?:[\da-f`]{8,17} +){1,2}(?:: (?:[\da-f`]{8,17} ){1,4}: ?)?$/i.test(
            body.slice(0, match.index + 1),
          )
        ) {
          continue;
        }
        const at = match.index + whole.indexOf(`!${name}`) + 1;
        frameInBody(line, out, at, name, {
          offset: offset === undefined ? null : Number.parseInt(offset, 16),
          module,
          length: name.length + (offset === undefined ? 0 : 3 + offset.length),
        });
        found = true;
      }
      return found;
    },
  };
}

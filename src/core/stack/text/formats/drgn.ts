/**
 * drgn: `#0  context_switch (./kernel/sched/core.c:4683:2)`, `#0  context_switch at kernel/sched/core.c:5381:9`.
 * Its frames with an offset have a size too and need no reader of their own.
 */
import { COLON, NUMBERED } from '../characters.ts';
import { type Format, frameInBody } from './format.ts';

const ENTRY =
  /^#\d{1,4} +(?:0x[\da-f]{8,16} in )?([A-Za-z_.~][\w.$:~<>]*) (?:\([^\s():]{1,512}:\d{1,7}(?::\d{1,6})?\)|at [^\s:]{1,512}:\d{1,7}(?::\d{1,6})?)(?: \(inlined\))?$/;

export function drgnFormat(): Format {
  return {
    needs: NUMBERED | COLON,
    read(line, out) {
      const { body } = line;
      const name = body.length > 2048 ? undefined : ENTRY.exec(body)?.[1];
      if (name === undefined) {
        return false;
      }
      frameInBody(line, out, body.indexOf(` ${name} `) + 1, name, {});
      return true;
    },
  };
}

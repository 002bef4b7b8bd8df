/**
 * Kernel stacks that were given source lines: syzkaller's `kmalloc_slab mm/slab.c:42 [inline]`, and
 * decode_stacktrace.sh's `zio_wait (module/zfs/zio.c:2345 (discriminator 3)) zfs`, which prints no offsets.
 */
import { BRACKET, COLON, PAREN, PLACED } from '../characters.ts';
import type { Line } from '../line.ts';
import type { Output } from '../output.ts';
import { type Format, frameInBody, isMessage } from './format.ts';

/** Behind an address, `RIP:`, `pc :`, `at:` and other words that name the place the processor was at, too. */
const INLINED =
  /(?:^|[\s:(\]])(\? )?([A-Za-z_][\w.$]{0,255}) [\w./+~-]{1,512}\.\w{1,3}:-?\d{1,7} \[inline\]/g;
const INLINE = '[inline]';
const FILES = '[\\w./+~-]{1,512}(?:\\.\\w{1,3})?:\\d{1,7}(?: \\(discriminator \\d{1,6}\\))?';
/** Groups: what names the place the processor was at, `?`, name, files, module. */
const DECODED = new RegExp(
  `^(.{0,400}?(?: at \\S{1,512}:\\d{1,7} |: [\\da-f]{16} [\\da-f]{16} |: |:|\\[<?[\\da-f]{8,16}>?\\] ))?(\\? )?([A-Za-z_][\\w.$]*) (\\((?:${FILES}|\\?\\?:[\\d?]{1,7})(?: ${FILES}){0,16}\\))(?: \\([A-Z]{1,3}\\))?(?: ([\\w-]{1,64}))?$`,
);

/** Ends with the name of a register, a place, or what is no word of prose before a colon: a bracket, a number. */
const PLACE =
  /(?: at \S{1,512}:\d{1,7} |(?:^|[\s,])(?:[A-Za-z]{2,3}|at|[Tt]race) ?: ?|[\d)\]>]: ?|:[\da-f]{4}:|: [\da-f]{4}:|PSW : [\da-f]{16} [\da-f]{16} |\[<?[\da-f]{8,16}>?\] )$/;

export function inlinedFormat(): Format {
  return {
    needs: COLON | BRACKET,
    read: readInlined,
  };
}

/** Reads the functions of a line that are said to be inlined; false when there is none. */
export function readInlined(line: Line, out: Output): boolean {
  const { body } = line;
  if (body.length > 65_536 || !body.includes(INLINE)) {
    return false;
  }
  let found = false;
  for (const match of body.matchAll(INLINED)) {
    const name = match[2] ?? '';
    frameInBody(line, out, match.index + match[0].indexOf(`${name} `), name, {
      reliable: match[1] === undefined,
    });
    found = true;
  }
  return found;
}

export function decodedFormat(): Format {
  return {
    needs: COLON | PAREN | PLACED,
    read(line, out) {
      const { body } = line;
      const match = body.length > 4096 ? null : DECODED.exec(body);
      if (match === null) {
        return false;
      }
      const [, before, question, name = '', files = '', module] = match;
      // Behind words, prose may name a file so; a kernel's has a folder.
      if (before !== undefined && (!files.includes('/') || !PLACE.test(before))) {
        return false;
      }
      if (module === undefined && question === undefined && isMessage(name, files)) {
        return false;
      }
      frameInBody(line, out, body.lastIndexOf(`${name} ${files}`), name, {
        module: module ?? null,
        reliable: question === undefined,
      });
      return true;
    },
  };
}

/**
 * FreeBSD: DDB `spl_panic() at spl_panic+0x1c9/frame 0xfffffe0077abe500`, panics
 * `#6 0xffffffff81a7274a at arc_prune_task+0x7a`, and lines that hold a whole stack: procstat -kk and
 * Ctrl-T (sys/kern/subr_stack.c, sys/ddb).
 */
import { LETTER, PAREN, PLUS } from '../characters.ts';
import { type Format, frameInBody } from './format.ts';

const DDB =
  /^(?:[A-Za-z_.][\w.$]*\(.{0,400}?\) at |#\d{1,3} +0x[\da-f]{8,16} at |Stopped at +|(?:pc|lr) = 0x[\da-f]{8,16} \()(?:netbsd:)?([A-Za-z_.][\w.$]*)(?:\+0x([\da-f]{1,12}))?(?=\/frame 0x[\da-f]{8,16}$|$|:|\)| (?:[A-Za-z_][\w.]{0,255} )?[\w./+~-]{1,512}\.[chS]:-?\d)/;
const NAME_ONLY = /^([A-Za-z_.][\w.$]*)\(.{0,400}?\) at \1$/;
const WORD = /(?<=^|\s)([A-Za-z_.][\w.$]*)\+0x([\da-f]{1,8})(?=\s|$)/g;

export function ddbFormat(): Format {
  return {
    needs: LETTER,
    any: PLUS | PAREN,
    read(line, out) {
      const { body } = line;
      if (body.length > 1024 || !(body.includes(' at ') || body.includes(' = 0x'))) {
        return false;
      }
      const match = DDB.exec(body);
      const name = match?.[1];
      if (match === null || name === undefined || (match[2] === undefined && !NAME_ONLY.test(body))) {
        return false;
      }
      const offset = match[2];
      const index =
        offset === undefined ? body.lastIndexOf(name) : body.lastIndexOf(`${name}+`, match[0].length);
      frameInBody(line, out, index, name, {
        offset: offset === undefined ? null : Number.parseInt(offset, 16),
        length: name.length + (offset === undefined ? 0 : 3 + offset.length),
      });
      return true;
    },
  };
}

/** Two frames and more on one line, and nothing behind the first but frames. */
export function stackLineFormat(): Format {
  return {
    needs: PLUS,
    read(line, out) {
      const { body } = line;
      if (body.length > 65_536) {
        return false;
      }
      const words = [...body.matchAll(WORD)];
      const first = words[0];
      const last = words.at(-1);
      if (first === undefined || last === undefined || words.length < 2) {
        return false;
      }
      const between = body.slice(first.index, last.index + last[0].length).replace(WORD, '');
      if (
        between.trim() !== '' ||
        /\S/.test(body.slice(last.index + last[0].length).replace(/^\s*(?:<[^>]{0,40}>|\.\.\.)?/, ''))
      ) {
        return false;
      }
      for (const word of words) {
        const [whole, name = '', offset = ''] = word;
        frameInBody(line, out, word.index, name, {
          offset: Number.parseInt(offset, 16),
          length: whole.length,
        });
      }
      return true;
    },
  };
}

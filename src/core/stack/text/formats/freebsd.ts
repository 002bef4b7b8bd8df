/**
 * FreeBSD: DDB `spl_panic() at spl_panic+0x1c9/frame 0xfffffe0077abe500`, panics
 * `#6 0xffffffff81a7274a at arc_prune_task+0x7a`, and lines that hold a whole stack: procstat -kk and
 * Ctrl-T (sys/kern/subr_stack.c, sys/ddb).
 */
import { LETTER, OFFSET, PAREN } from '../characters.ts';
import type { Line } from '../line.ts';
import { moduleName } from '../linux.ts';
import { allMatches } from '../matches.ts';
import type { Output } from '../output.ts';
import { readInlined } from './decoded.ts';
import { type Format, frameInBody } from './format.ts';

const DDB =
  /^(?:[A-Za-z_.][\w.$]*\(.{0,400}?\) at |#\d{1,3} +0x[\da-f]{8,16} at |Stopped at +|(?:pc|lr) = 0x[\da-f]{8,16} \()(?:([A-Za-z_]\w{0,63}):)?([A-Za-z_.][\w.$]*)(?:\+0x([\da-f]{1,12}))?(?=\/frame(?: 0x[\da-f]{8,16})?$|$|:|\)|[G-Z]| (?:[A-Za-z_][\w.]{0,255} )?[\w./+~-]{1,512}\.[chS]:-?\d)/;
/** Named twice, it may have anything behind it. */
const TWICE = /^([A-Za-z_.][\w.$]*)\(.{0,400}?\) at (?:([A-Za-z_]\w{0,63}):)?(\1)\+0x([\da-f]{1,12})(?=\s)/;
/** Without an offset the function is named twice, or its frame is. */
const NAME_ONLY = /^([A-Za-z_.][\w.$]*)\(.{0,400}?\) at (?:[A-Za-z_]\w{0,63}:)?(?:\1$|\1\/frame\b)/;

/** Its symbol was not found, as calltrap's on i386. */
const UNPLACED = /^([A-Za-z_.][\w.$]*)\(.{0,400}?\) at 0x[\da-f]{6,16}\/frame 0x/;
/** What NetBSD's messages name a place by. */
const NETBSD = /(?<=^|[\s(])netbsd:([A-Za-z_]\w{0,255})\+0x([\da-f]{1,8})\b/;

export function ddbFormat(): Format {
  return {
    needs: LETTER,
    any: OFFSET | PAREN,
    read(line, out) {
      const { body } = line;
      if (body.length > 1024 || ((line.classes & OFFSET) === 0 && !body.includes(') at '))) {
        return false;
      }
      const plain = DDB.exec(body);
      const match = plain ?? TWICE.exec(body);
      const [module, name, offset] = match?.slice(plain === null ? 2 : 1) ?? [];
      if (match === null || name === undefined || (offset === undefined && !NAME_ONLY.test(body))) {
        return readElsewhere(line, out);
      }
      // syzkaller prints the line again for each function that was inlined there, with that one's name behind it, and
      // last as it was (pkg/report/bsd.go).
      if (readInlined(line, out)) {
        return true;
      }
      const index = body.lastIndexOf(offset === undefined ? name : `${name}+`, match[0].length);
      frameInBody(line, out, index, name, {
        offset: offset === undefined ? null : Number.parseInt(offset, 16),
        // NetBSD's kernel and its modules have their names before those of functions.
        module: module === undefined || module === 'netbsd' ? null : module,
        length: name.length + (offset === undefined ? 0 : 3 + offset.length),
      });
      return true;
    },
  };
}

function readElsewhere(line: Line, out: Output): boolean {
  const { body } = line;
  const [, unplaced] = UNPLACED.exec(body) ?? [];
  if (unplaced !== undefined) {
    frameInBody(line, out, 0, unplaced, {});
    return true;
  }
  const match = body.includes('netbsd:') ? NETBSD.exec(body) : null;
  if (match === null) {
    return false;
  }
  const [, name = '', offset = ''] = match;
  frameInBody(line, out, match.index + 7, name, {
    offset: Number.parseInt(offset, 16),
    length: name.length + 3 + offset.length,
  });
  return true;
}

/**
 * A frame among others on its line, with the arguments of mdb or a module behind it. Groups: name, offset,
 * what is behind, module.
 */
const AMONG =
  /(?<=^|\s)([A-Za-z_.][\w.$]*)\+0x([\da-f]{1,8})(\([\da-fx, ]{0,400}\)| \[(?:\/[^\]\s]{0,512}\/)?([\w.-]{1,128})(?:\+0x[\da-f]+)?\])?(?=\s|$)/g;
/** What may stand between them: blanks, arrows, addresses of frames or code, and klockstat's counts and times. */
const BETWEEN =
  /^\s+(?:\d{1,3} (?=\[<))?(?:(?:(?:0x)?[\da-f]{8,16}|\[<[\da-f]{8,16}>\]|(?:<-|->|=>|\u2190|\u2192))\s+){0,2}(?:\d{1,12}(?:\.\d+)?(?: [mun]s)?\s+){0,4}$/;

/** Two frames and more on one line, and nothing behind the first but frames; or three and more together. */
export function stackLineFormat(): Format {
  return {
    needs: OFFSET,
    read(line, out) {
      const { body } = line;
      if (body.length > 65_536 || !body.includes('+0x')) {
        return false;
      }
      let found = false;
      let run: RegExpExecArray[] = [];
      let end = 0;
      const emit = (rest: string) => {
        const isAll = run.length === 2 && run.every((word) => word[3] === undefined) && ENDS.test(rest);
        if (run.length > 2 || isAll) {
          found = true;
          for (const { index, 1: name = '', 2: offset = '', 4: module } of run) {
            frameInBody(line, out, index, name, {
              offset: Number.parseInt(offset, 16),
              module: module === undefined ? null : moduleName(module),
              length: name.length + 3 + offset.length,
            });
          }
        }
        run = [];
      };
      for (const word of allMatches(body, AMONG)) {
        if (run.length > 0 && !BETWEEN.test(body.slice(end, word.index))) {
          emit(body.slice(end));
        }
        run.push(word);
        end = word.index + word[0].length;
      }
      emit(body.slice(end));
      return found;
    },
  };
}

/** Nothing, or where the program stopped. */
const ENDS = /^\s*(?:<[^>]{0,40}>|\.\.\.)?$/;

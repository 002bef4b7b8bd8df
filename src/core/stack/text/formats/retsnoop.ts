/**
 * retsnoop: `    73us [-ENOMEM]  __x64_sys_bpf+0x1a   (kernel/bpf/syscall.c:5067:1)`, inlined rows
 * `. do_syscall_x64   (arch/x86/entry/common.c:50:12)`, calls `→ bpf_prog_load`.
 */
import { ARROW, BRACKET, LETTER, PLACED, POINTER } from '../characters.ts';
import type { Line } from '../line.ts';
import type { Output } from '../output.ts';
import { type Format, frameInBody, isMessage } from './format.ts';

const TIMED =
  /^(?:[!*]{1,2} +)?(?:\d{1,9}us \[[^\]]{1,32}\] +)?(\. )?([A-Za-z_][\w.$]*)(?:\+0x([\da-f]{1,12}))?(?: +\(([^()\s]{1,512}:\d{1,7}(?::\d{1,6})?)\)(?: +[\w.*]{1,64}=.{0,600})?)?$/;
/** Into a function, out of it, or both at once. */
const CALL = /^([\u2192\u2190\u2194]) ([A-Za-z_][\w.$]*)(?: +\[[^\]]{1,32}\])?(?: +[\d.]+us)?$/;

/** Last branch records: from, to. */
const BRANCH =
  /^(?:\[#\d{1,3}\] +|(?=[A-Za-z_][\w.$]*\+0x[\da-f]{1,12} +\([^\s()]{1,512}:\d{1,7}(?::\d{1,6})?\) +->))([A-Za-z_][\w.$]*)(?:\+0x([\da-f]{1,12}))? .{0,300}?-> +([A-Za-z_][\w.$]*)(?:\+0x([\da-f]{1,12}))?/;

export function retsnoopFormat(): Format {
  return {
    needs: LETTER,
    any: BRACKET | PLACED | ARROW | POINTER,
    read(line, out) {
      const { text, from } = line;
      // A log's line: nobody prints retsnoop's reports into one.
      if (text.charCodeAt(from) === 91 && text.charCodeAt(from + 1) !== 35) {
        return false;
      }
      const { body } = line;
      if (
        body.length > 1024 ||
        ((line.classes & (PLACED | ARROW | POINTER)) === 0 && !body.includes('us ['))
      ) {
        return false;
      }
      const call = CALL.exec(body);
      if (call !== null) {
        const [, arrow, called = ''] = call;
        // The way out is of the call that an earlier line showed.
        if (arrow !== '\u2190') {
          frameInBody(line, out, 2, called, {});
        }
        return true;
      }
      const branch = BRANCH.exec(body);
      if (branch !== null) {
        const [whole, from = '', fromOffset, to = '', toOffset] = branch;
        readCall(line, out, body.indexOf(from), from, fromOffset);
        readCall(line, out, whole.indexOf(to, whole.indexOf('-> ')), to, toOffset);
        return true;
      }
      const match = TIMED.exec(body);
      if (match === null) {
        return false;
      }
      const [, inlined, name = '', offset, place] = match;
      // A name alone is anything: a time with a result, or a place, says that it is an entry.
      if (!/^[!*\s]*\d{1,9}us \[/.test(body)) {
        const isAlone = place === undefined;
        if (isAlone || (inlined === undefined && offset === undefined && isMessage(name, place))) {
          return false;
        }
      }
      readCall(line, out, body.lastIndexOf(name, body.length - (place?.length ?? 0)), name, offset);
      return true;
    },
  };
}

/** A function, with the digits of its offset if it has one, at `index` of the line's body. */
function readCall(line: Line, out: Output, index: number, name: string, digits: string | undefined): void {
  frameInBody(line, out, index, name, {
    offset: digits === undefined ? null : Number.parseInt(digits, 16),
    length: name.length + (digits === undefined ? 0 : 3 + digits.length),
  });
}

/**
 * perf report's and perf top's graph of calls: below the row of a symbol, `29.36%  z_wr_iss  [zfs]  [k] zio_done`, names alone
 * with bars and shares, `|--71.14%--zio_execute`, or as the browser shows them, `- 71.14% zio_execute  ▒` (perf,
 * ui/stdio/hist.c, ui/browsers/hists.c). The rows are a table of symbols and no stack.
 */
import { BRACKET, LETTER, PIPE, RETURN } from '../characters.ts';
import type { Line } from '../line.ts';
import { moduleName } from '../linux.ts';
import { type Format, frameInBody } from './format.ts';

/** Shares, perhaps task and object, and the symbol behind the mark of what it is of: kernel, user, guest. */
const ROW = /^(?:[-+] {0,8})?\d{1,3}\.\d\d% .{0,400}\[[.kgGuHb]\] \S/;
/** The browser's scroll bar ends the line, as it is or as a terminal without such characters shows it. Old versions name the module. */
const ENTRY =
  /^([| ]{0,400}(?:-{2,3} ?(?:\d{1,3}\.\d\d%-- ?)?|[-+] {1,8})?(?:\d{1,3}\.\d\d% {1,4})?)(?:([A-Za-z_.$~][\w.$@:~<>*&,]*(?:\(.{0,400}\))?)(?: \(inlined\)| {1,40}\[([\w-]{1,64})\])?|\[[\w.]{1,64}\]|0x[\da-f]{1,16})(?: *[\u2592\u25c6]| {2,}[a`])?$/;
const BARS = /^[| ]*$/;
/** A line with a bar alone may stand above what has a mark. */
const MAX_BETWEEN = 3;

export function perfReportFormat(): Format {
  /** The last line of a row and its graph. */
  let last = Number.NEGATIVE_INFINITY;
  return {
    needs: LETTER,
    read(line, out) {
      const isRow = (line.classes & BRACKET) !== 0 && line.string.includes('% ');
      if (!isRow && line.number - last > MAX_BETWEEN && !isOfGraph(line)) {
        return false;
      }
      const { body } = line;
      if (body.length > 1024 || BARS.test(body)) {
        return false;
      }
      if (isRow && ROW.test(body)) {
        last = line.number;
        return true;
      }
      const isSure = isOfGraph(line);
      const isBelow = line.number - last <= MAX_BETWEEN;
      const [whole, mark = '', name, module] = (isBelow || isSure ? ENTRY.exec(body) : null) ?? [];
      // What has no dash stands right below its caller.
      if (
        whole === undefined ||
        (!mark.includes('-') && !isSure && (line.number - last > 1 || (mark === '' && line.indent === 0)))
      ) {
        last = Number.NEGATIVE_INFINITY;
        return false;
      }
      last = line.number;
      if (name !== undefined) {
        frameInBody(line, out, mark.length, name, {
          module: module === undefined ? null : moduleName(module),
        });
      }
      return true;
    },
  };
}

/** Whether the line is of a graph by itself: a share between dashes, or the browser's scroll bar. */
function isOfGraph(line: Line): boolean {
  const { text, to, classes } = line;
  const end = text.charCodeAt((classes & RETURN) === 0 ? to - 1 : to - 2);
  return (
    end === 0x2592 || end === 0x25c6 || ((classes & PIPE) !== 0 && /\|--\d{1,3}\.\d\d%--/.test(line.string))
  );
}

/**
 * Folded stacks, one a line, outermost first: `comm;ret_from_fork;kthread;txg_sync_thread 12`, as bcc's -f
 * and FlameGraph's stackcollapse scripts print. The first part names the program.
 */
import { FOLDED } from '../characters.ts';
import { type Format, frameInBody, objectName } from './format.ts';

/** The count; in a comparison of two profiles there are two. */
const COUNTS = /(?: \d{1,20}){1,2}$/;
/** Longest name of a program. */
const MAX_PROGRAM = 64;
/** Names with an underscore that tell a stack from a table, where an entry has no name and is empty. */
const MIN_NAMED = 3;
/** Groups: module as DTrace has it, name, offset, module. */
const FUNCTION =
  /^(?:([\w.-]{1,128})`)?([A-Za-z_][\w.$@:~]*?)(?:\+0x([\da-f]{1,12}))?(?: \[([\w.+-]{1,128})\])?(?:_\[[a-z]\])?$/;
/** An entry without a name, as only what unwinds writes it. */
const UNKNOWN = '[unknown]';
/** wakeuptime -f ends with the task that was woken, which reads like one more function. */
const WAKES = /^(?:bpf_trace_run\d+|(?:default_|autoremove_)?\w*wake\w*|ttwu_\w+|complete)$/;

export function foldedFormat(): Format {
  /** The last line of a stack, and its program: of the next one's stack little is asked then. */
  let lastLine = Number.NEGATIVE_INFINITY;
  let lastProgram = '';
  return {
    needs: FOLDED,
    read(line, out) {
      const { body } = line;
      const counts = body.length > 65_536 ? null : COUNTS.exec(body);
      if (counts === null) {
        return false;
      }
      const parts = body.slice(0, counts.index).split(';');
      // A blank beside a semicolon is one of prose or code.
      const isNext = line.number - lastLine === 1 && parts[0] === lastProgram;
      if (
        parts.length < (isNext || parts.every((part) => part.includes('`')) ? 2 : 3) ||
        (parts[0]?.length ?? 0) > MAX_PROGRAM ||
        parts.some((part, index) => index > 0 && part.trim() !== part) ||
        (parts.includes('', 1) &&
          parts.filter((part) => FUNCTION.test(part) && part.includes('_')).length < MIN_NAMED)
      ) {
        return false;
      }
      const last = parts.length - 1;
      const woken = parts[last] === parts[0] || parts[last - 1] === '' || WAKES.test(parts[last - 1] ?? '');
      // DTrace names no program.
      if (
        !isNext &&
        !parts.includes(UNKNOWN) &&
        !parts.some(
          (part, index) => (index > 0 || part.includes('`')) && FUNCTION.test(part) && part.includes('_'),
        )
      ) {
        return false;
      }
      lastLine = line.number;
      lastProgram = parts[0] ?? '';
      let at = 0;
      for (const [index, part] of parts.entries()) {
        const isTask = (index === 0 && !part.includes('`')) || (woken && index === last);
        const match = isTask ? null : FUNCTION.exec(part);
        const name = match?.[2];
        if (name !== undefined) {
          const [, ticked, , offset, module = ticked] = match ?? [];
          frameInBody(line, out, at + (ticked === undefined ? 0 : ticked.length + 1), name, {
            offset: offset === undefined ? null : Number.parseInt(offset, 16),
            module: module === undefined ? null : objectName(module),
          });
        }
        at += part.length + 1;
      }
      return true;
    },
  };
}

/**
 * Folded stacks, one a line, outermost first: `comm;ret_from_fork;kthread;txg_sync_thread 12`, as bcc's -f
 * and FlameGraph's stackcollapse scripts print. The first part names the program.
 */
import { SEMICOLON } from '../characters.ts';
import { moduleName } from '../linux.ts';
import { type Format, frameInBody } from './format.ts';

/** No blank touches a semicolon, as it does in prose and code. Files of two profiles have two counts. */
const FOLDED = /^[^;]{1,64}(?:;[^\s;](?:[^;]{0,500}?[^\s;])?){2,600}(?: \d{1,20}){1,2}$/;
const COUNTS = /(?: \d{1,20}){1,2}$/;
/** Groups: name, offset, module. */
const FUNCTION = /^([A-Za-z_][\w.$@:~]*?)(?:\+0x([\da-f]{1,12}))?(?: \[([\w.+-]{1,128})\])?(?:_\[[a-z]\])?$/;
/** wakeuptime -f ends with the task that was woken, which reads like one more function. */
const WAKES = /^(?:bpf_trace_run\d+|(?:default_|autoremove_)?\w*wake\w*|ttwu_\w+|complete)$/;

export function foldedFormat(): Format {
  return {
    needs: SEMICOLON,
    read(line, out) {
      const { body } = line;
      if (body.length > 65_536 || !FOLDED.test(body)) {
        return false;
      }
      const parts = body.replace(COUNTS, '').split(';');
      const last = parts.length - 1;
      const woken = parts[last] === parts[0] || WAKES.test(parts[last - 1] ?? '');
      if (!parts.some((part, index) => index > 0 && FUNCTION.test(part) && part.includes('_'))) {
        return false;
      }
      let at = 0;
      for (const [index, part] of parts.entries()) {
        const match = index === 0 || (woken && index === last) ? null : FUNCTION.exec(part);
        const name = match?.[1];
        if (name !== undefined) {
          const [, , offset, module] = match ?? [];
          frameInBody(line, out, at, name, {
            offset: offset === undefined ? null : Number.parseInt(offset, 16),
            module: module === undefined ? null : moduleName(module),
          });
        }
        at += part.length + 1;
      }
      return true;
    },
  };
}

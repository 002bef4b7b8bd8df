/**
 * FreeBSD's procstat -k, and Ctrl-T where it is told to leave the offsets out: a thread's names on one line,
 * `4471 101202 zpool  -  mi_switch sleepq_wait _cv_wait txg_wait_synced_impl`, which mails and narrow terminals
 * wrap (usr.bin/procstat/procstat_kstack.c, sys/kern/tty_info.c).
 */
import { LETTER } from '../characters.ts';
import type { Line } from '../line.ts';
import type { Output } from '../output.ts';
import { type Format, frameInBody } from './format.ts';

/** What a thread that waits is in; Linux has an event by the name of the second. Before it, where the line does not begin, process, thread and their names. */
const STACK =
  /^(?:\d{1,7} +\d{5,7} +\S.{0,60}? )?(?=(?:sched_switch )?mi_switch [A-Za-z_])((?:[A-Za-z_]\w{0,100}(?: |$)){3,100})$/;
const REST = /^(?:[A-Za-z_]\w{0,100}(?: |$)){1,100}$/;
/** The part of the names that has an underscore. */
const MIN_NAMED = 0.5;

export function procstatFormat(): Format {
  /** The last line of a stack. */
  let last = Number.NEGATIVE_INFINITY;
  return {
    needs: LETTER,
    read(line, out) {
      const { body } = line;
      const isNext = line.number - last === 1;
      if (body.length > 4096 || !(isNext || body.includes('mi_switch '))) {
        return false;
      }
      const [, stack] = STACK.exec(body) ?? [];
      const names = stack ?? (isNext && REST.test(body) ? body : null);
      if (names === null || !readNames(line, out, names)) {
        return false;
      }
      last = line.number;
      return true;
    },
  };
}

/** Reads names that end the line; false where most of them are words. */
function readNames(line: Line, out: Output, text: string): boolean {
  const names = [...text.matchAll(/\w+/g)];
  if (names.filter(([name]) => name.includes('_')).length < names.length * MIN_NAMED) {
    return false;
  }
  const start = line.body.length - text.length;
  for (const { 0: name, index } of names) {
    frameInBody(line, out, start + index, name, {});
  }
  return true;
}

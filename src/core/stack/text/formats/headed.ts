/**
 * Names of functions alone, as people type stacks off or trim them: one on a line, below words that announce a stack or
 * a report of the kernel's (`Call trace:`, then `cv_wait_common`, `? zio_wait [zfs]`, `#2 spa_sync()`,
 * `-> txg_sync_thread`); or, below a frame or a report's first line, several with arrows (`spa_load -> spa_import -> zfs_ioc_pool_import`).
 * And with their places instead of offsets: a log whose frames went through faddr2line, `? zio_wait at module/zfs/zio.c:12`.
 */
import { LETTER } from '../characters.ts';
import type { Line } from '../line.ts';
import { moduleName } from '../linux.ts';
import type { Output } from '../output.ts';
import { Waiting } from '../waiting.ts';
import { type Format, frameInBody } from './format.ts';

/** What ends with a colon and announces a stack; memleak's `Top 2 stacks with outstanding allocations:` has lines of its own for that. */
const ANNOUNCES =
  /(?:\bcall ?(?:trace|stack|chain|path)|\bback ?trace|\bstack(?:s| ?trace)?)\b(?![^:]*\b(?:size|depth|limit|option|setting|parameter|variable|usage|allocation)s?\b)[^:]{0,60}:$/i;
const ENTRY =
  /^(?:#?\d{1,3}[:.)]? +)?(?:(?:->|=>|<-) ?|\(inlined by\) )?(\? ?)?([A-Za-z_][\w.]{2,255})(?:\(\))?(?: \[([\w-]{1,64})\])?( at [\w./+~-]{1,256}\.\w{1,3}:\d{1,7}(?: \(discriminator \d+\))?)?$/;
/** Several on one line. */
const CHAIN =
  /^[A-Za-z_][\w.]{2,255}(?:\(\))?(?: ?(?:->|=>|<-|\u2192|\u2190) ?[A-Za-z_][\w.]{2,255}(?:\(\))?){1,64}$/;
const MEMBER = /\w->\w/;
/** Lines between the words and the first name: empty ones, a fence of Markdown, a mark of the kernel's. */
const MAX_BETWEEN = 3;
/** Names at least, and the part of them that has an underscore: words of a list hardly ever have. */
const MIN_NAMES = 3;
const MIN_NAMED = 0.5;
/** Names that are waited for at most: where so many are words, it is a list of words. */
const MAX_WAITING = 64;

export function headedNamesFormat(): Format {
  const waiting = new Waiting();
  /** The line of the last words, and of the last name. */
  let announced = -MAX_BETWEEN - 1;
  let last = 0;
  let isSure = false;
  return {
    needs: LETTER,
    read(line, out) {
      const { body } = line;
      if (body.endsWith(':') && body.length < 200 && ANNOUNCES.test(body)) {
        announced = line.number;
        waiting.clear();
        isSure = false;
        return false;
      }
      if (line.number - Math.max(out.frameLine, out.headingLine) <= 1 && readChain(line, out)) {
        return true;
      }
      if (line.number - last > 1) {
        waiting.clear();
        isSure = false;
      }
      const isNext = waiting.length > 0 || isSure;
      if (!isNext && line.number - Math.max(announced, out.headingLine) > MAX_BETWEEN) {
        return false;
      }
      const match = body.length > 400 || waiting.length >= MAX_WAITING ? null : ENTRY.exec(body);
      if (match === null) {
        waiting.clear();
        isSure = false;
        return false;
      }
      const [whole, question, name = '', printed, place = ''] = match;
      const module = printed === undefined ? null : moduleName(printed);
      const reliable = question === undefined;
      const index = whole.lastIndexOf(name, whole.length - place.length - (printed?.length ?? 0));
      last = line.number;
      // Below a frame, and in other reports, what inlined it stands so.
      const head = Math.max(announced, out.stackLine);
      const isHeaded = line.number - head <= MAX_BETWEEN && out.frameLine < head;
      if (place !== '' && !isSure && !isHeaded) {
        waiting.clear();
        return false;
      }
      if (place !== '') {
        waiting.emit(out);
        isSure = true;
        frameInBody(line, out, index, name, { module, reliable });
        return true;
      }
      waiting.add(line, index, name.length, { name, offset: null, module, reliable });
      isSure ||= waiting.length >= MIN_NAMES && waiting.named >= waiting.length * MIN_NAMED;
      if (isSure) {
        waiting.emit(out);
      }
      return true;
    },
  };
}

/** Reads names with arrows; false where most of them are words. */
function readChain(line: Line, out: Output): boolean {
  const { body } = line;
  const names = body.length > 4096 || !CHAIN.test(body) ? [] : [...body.matchAll(/[A-Za-z_][\w.]*/g)];
  const [first] = names;
  if (
    first === undefined ||
    names.filter(([name]) => name.includes('_')).length < names.length * MIN_NAMED ||
    // Members of a structure are written so too, behind a variable.
    (!first[0].includes('_') && MEMBER.test(body))
  ) {
    return false;
  }
  for (const { 0: name, index } of names) {
    frameInBody(line, out, index, name, {});
  }
  return true;
}

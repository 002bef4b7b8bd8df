/**
 * bcc's stackcount, offcputime, wakeuptime and profile: names alone on indented lines, which are a stack
 * only because of the line that ends them, a count or the task (bcc, tools/*.py).
 */
import { LETTER, PLUS } from '../characters.ts';
import type { Span } from '../items.ts';
import { moduleName } from '../linux.ts';
import type { Output } from '../output.ts';
import { type Format, frameInBody } from './format.ts';

const ENTRY =
  /^(?:(?:0x)?[\da-f]{8,16} )?(?:b')?([A-Za-z_][\w.$@:~]*|[A-Za-z_~].{0,300}::.{0,300})(?:\+0x([\da-f]{1,12}))?(?: \[([\w.-]{1,128})\])?'?$/;
const UNKNOWN = /^(?:\[[\w.-]{1,64}\]|-{1,2}|0x[\da-f]{4,16}|(?:target|waker): {2,20}\S.{0,32})$/;
const ENDS = /^(?:\*{0,2}\d{1,20}\*{0,2}|.{1,16} \[\d{1,10}\]|- {2,24}.{1,16} \(\d{1,10}\))$/;

/** klockstat: the caller of a lock with its times, then the rest of its stack; Python's b'' around names. */
const CALLER =
  /^(?:b')?([A-Za-z_][\w.$]*)\+0x([\da-f]{1,12})'?(?: +\d{1,20}){2,4}$|^b'([A-Za-z_][\w.$]*)\+0x([\da-f]{1,12})'$/;

export function klockstatFormat(): Format {
  return {
    needs: PLUS,
    read(line, out) {
      const { body } = line;
      const match = body.length > 1024 ? null : CALLER.exec(body);
      if (match === null) {
        return false;
      }
      const name = match[1] ?? match[3] ?? '';
      const offset = match[2] ?? match[4] ?? '';
      frameInBody(line, out, body.indexOf(name), name, {
        offset: Number.parseInt(offset, 16),
        length: name.length + 3 + offset.length,
      });
      return true;
    },
  };
}

/** Names of one stack at most: the kernel's and the program's unwinders stop at 127. */
const MAX_WAITING = 512;

interface Waiting {
  readonly at: Span;
  readonly name: string;
  readonly module: string | null;
}

export function bccFormat(): Format {
  let waiting: Waiting[] = [];
  /** The number of the line that was read last. */
  let last = 0;
  const emitWaiting = (out: Output) => {
    for (const { at, name, module } of waiting) {
      const known = out.name(name);
      out.add({
        kind: 'frame',
        ...at,
        function: known,
        offset: null,
        size: null,
        module,
        reliable: true,
      });
    }
    waiting = [];
  };
  return {
    needs: 0,
    read(line, out) {
      const text = line.to - line.from > 700 || line.indent < 2 ? '' : line.body;
      // Where each newline became two, every other line is empty.
      if (line.number - last > 2) {
        waiting = [];
      }
      last = line.number;
      if (waiting.length > 0 && line.string.trim() === '') {
        return true;
      }
      if (waiting.length > 0 && line.indent >= 4 && ENDS.test(text)) {
        // Words of any list may be followed by a number; names of functions have underscores.
        if (waiting.length > 1 && waiting.some(({ name }) => name.includes('_'))) {
          emitWaiting(out);
        }
        waiting = [];
        return true;
      }
      const match = (line.classes & LETTER) === 0 || waiting.length >= MAX_WAITING ? null : ENTRY.exec(text);
      if (match === null) {
        if (waiting.length === 0 || !UNKNOWN.test(text)) {
          waiting = [];
          return false;
        }
        return true;
      }
      const [, name = '', offset, printed] = match;
      const module = printed === undefined ? null : moduleName(printed);
      const at = text.indexOf(name);
      if (offset !== undefined) {
        // No word of a list: memleak ends its stacks with nothing.
        emitWaiting(out);
        const length = name.length + 3 + offset.length;
        frameInBody(line, out, at, name, { offset: Number.parseInt(offset, 16), module, length });
        return true;
      }
      const start = line.bodyColumn + at;
      waiting.push({ at: line.span(start, start + name.length), name, module });
      return true;
    },
  };
}

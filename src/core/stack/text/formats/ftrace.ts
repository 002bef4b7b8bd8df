/**
 * ftrace and trace-cmd: stacks ` => do_sys_open`, calls `do_sys_open <-sys_open`, and the graph of calls
 * `|  zio_wait [zfs]() {` (kernel/trace/trace_output.c, trace_functions_graph.c).
 */
import { COLON, EQUALS, GREATER, LESS, PAREN, PIPE, POINTER } from '../characters.ts';
import type { Line } from '../line.ts';
import type { Output } from '../output.ts';
import { type Format, frameInBody } from './format.ts';

const STACK =
  /^=> (?![\da-f]{8,16}$)([A-Za-z_.][\w.$]*)(?:\+0x([\da-f]{1,12}))?(?: \[([\w-]{1,64})\])?(?: <[\da-f]{8,16}>| \([\da-f]{8,16}\))?$/;

/**
 * The arrow touches the caller; trace-cmd's is longer, behind the event's name. DTrace's flow of calls has one with a blank behind it.
 * With the option sym-offset: zil_commit+0x0/0x110 <-zpl_fsync+0x17/0x40, which has a size.
 */
const CALL =
  /(?:^|: +|\s)([A-Za-z_.][\w.$]*)(?: \[([\w-]{1,64})\])? +(?:<-|(?<=function: +\S+(?: \S+)? +)<-- )([A-Za-z_.][\w.$]*)(?: \[([\w-]{1,64})\])?$/;

/** What stands behind the last bar: a call that returned at once, or one that calls others. */
const GRAPH =
  /^ +([A-Za-z_.][\w.$]*)(?: \[([\w-]{1,64})\])?\(.{0,400}?\)(?: ?\{|;|$)(?: *(?:\/\*|\(|\[\.\.\.\]).{0,200})?$/;

/** trace-cmd's line that a mail program broke before the function: at its end, and how the rest begins. */
const BROKEN = /graph_entry:\s*(?:[$@*#!+]\s*)?(?:[\d.]+(?: us)?\s*)?\|?\s*$/;
const REST = /^(?:[\d.]+\s+)?(?:us\s*)?\|?\s*([A-Za-z_.][\w.$]*)\(.{0,400}?\)(?: ?\{|;)/;
/** Lines that the rest may take to come. */
const MAX_REST = 2;

/**
 * What stands before it: the CPU, a duration, trace-cmd's name of the event, uftrace's thread. In code, a comma or an
 * operator stands before a number.
 */
const GRAPH_COLUMNS =
  /(?:^|\s)(?<![,=<(&+*/%?!-]\s*|\S\s*>>\s*)\d{1,4}\)(?![ \t]*[A-Za-z_]\w*[ \t]*$)|\d us|graph_entry:|\s\[ *\d{2,8}\] $/;

export function ftraceStackFormat(): Format {
  return {
    needs: EQUALS | GREATER | POINTER,
    read(line, out) {
      const { body } = line;
      const match = body.length > 1024 ? null : STACK.exec(body);
      const name = match?.[1];
      if (match === null || name === undefined) {
        return false;
      }
      const offset = match[2];
      frameInBody(line, out, 3, name, {
        offset: offset === undefined ? null : Number.parseInt(offset, 16),
        module: match[3] ?? null,
        length: name.length + (offset === undefined ? 0 : 3 + offset.length),
      });
      return true;
    },
  };
}

export function ftraceCallFormat(): Format {
  return {
    needs: LESS | POINTER,
    read(line, out) {
      const { body } = line;
      const match = body.length > 1024 || !body.includes('<-') ? null : CALL.exec(body);
      if (match === null) {
        return false;
      }
      const [whole, callee = '', calleeModule, caller = '', callerModule] = match;
      frameInBody(line, out, match.index + whole.indexOf(callee), callee, { module: calleeModule ?? null });
      frameInBody(line, out, match.index + whole.lastIndexOf(caller), caller, {
        module: callerModule ?? null,
      });
      return true;
    },
  };
}

export function ftraceGraphFormat(): Format {
  /** The last line that was broken. */
  let broken = Number.NEGATIVE_INFINITY;
  return {
    needs: 0,
    any: PAREN | COLON,
    read(line, out) {
      if (line.to - line.from > 1024) {
        return false;
      }
      if ((line.classes & COLON) !== 0 && line.string.includes('graph_entry:') && BROKEN.test(line.string)) {
        broken = line.number;
        return true;
      }
      if (line.number - broken <= MAX_REST) {
        const { body } = line;
        const [rest, called = ''] = REST.exec(body) ?? [];
        if (rest !== undefined) {
          frameInBody(line, out, rest.indexOf(`${called}(`), called, {});
          return true;
        }
      }
      return (line.classes & PIPE) !== 0 && (line.classes & PAREN) !== 0 && readGraph(line, out);
    },
  };
}

function readGraph(line: Line, out: Output): boolean {
  // The bar is a table's mark to what takes decoration off, so the whole line is looked at.
  const text = line.string.slice(0, line.bodyColumn + line.body.length);
  const bar = text.lastIndexOf('|');
  if (text[bar - 1] === '|' || !GRAPH_COLUMNS.test(text.slice(0, bar))) {
    return false;
  }
  const match = GRAPH.exec(text.slice(bar + 1));
  const name = match?.[1];
  if (match === null || name === undefined) {
    return false;
  }
  const start = text.indexOf(name, bar);
  out.frame(start, start + name.length, name, { module: match[2] ?? null });
  return true;
}

/**
 * illumos and DTrace: `zfs`arc_read+0xbbc`; panics `ffffff0007c0b8a0 zfs:arc_release+3f (...)`, whose
 * offsets are hexadecimal without 0x (uts/common/os/panic.c, traceback); mdb `thread_start+8`,
 * `ffffff0007c0bc30 cv_wait+0x61(...)`, `[ ffffff0007c0bb30 _resume_from_idle+0xf1() ]`; fmdump's
 * `panicstack = unix:die+89 () | unix:trap+a60 () |`; pstack `08056a96 zpool_open (0) + 4b`.
 */
import { BACKTICK, COLON, LETTER, LONG_HEX, OFFSET, PAREN } from '../characters.ts';
import type { Line } from '../line.ts';
import type { Output } from '../output.ts';
import { Waiting } from '../waiting.ts';
import { type Format, frameInBody, objectName } from './format.ts';

const TICKED =
  /(?<![\w`'".+-])([\w.+-]{1,64})`(\.?[A-Za-z_][\w.$@]*)(?:\+(0x[\da-f]{1,12}|\d{1,8}))?(?![\w`])/g;
/** DTrace's of C++: names have their namespaces and arguments. */
const QUALIFIED = /^([\w.+-]{1,64})`((?=[^`]*(?:::|\())[A-Za-z_~][^`+]{0,2000})\+0x([\da-f]{1,12})(?=\s|$)/;
const TRACEBACK =
  /^([\da-f]{8,16} )?([A-Za-z_][\w.,-]{0,63}):([A-Za-z_.][\w.$]*)\+([\da-f]{1,8})( \(.{0,1000}(?:\)|,|\.{3}))?$/;
/** Several between bars, or one that begins or ends them. */
const BARRED =
  /(?<=^|\| |\bpanicstack = )([A-Za-z_][\w.-]{0,63}):([A-Za-z_.][\w.$]*)\+([\da-f]{1,8}) \([^()|]{0,400}\)(?= \||$)/g;
const MDB =
  /^(?:\[ )?(?:[\da-f]{8,16} )?([A-Za-z_.][\w.$]*)\+(0x[\da-f]{1,12}|[\da-f]{1,3})(?:\((?:[\da-fx, ]{0,600})(?:\)|,|\.{3}|$))?(?: \])?$/;
/** At the beginning of a function no offset is printed; the frame's address or the program says that it is one. */
const MDB_AT_START =
  /^(?:(?=\d*[a-f])[\da-f]{8,16} (?:[\w.+-]{1,64}`)?|[\w.+-]{1,64}`)([A-Za-z_.][\w.$]*)\((?:[\da-fx, ]{0,600})(?:\)|,|\.{3})$/;

export function tickedFormat(): Format {
  return {
    needs: BACKTICK,
    read(line, out) {
      const { body } = line;
      if (body.length > 65_536) {
        return false;
      }
      if (readQualified(line, out)) {
        return true;
      }
      let found = false;
      for (const match of body.matchAll(TICKED)) {
        const [whole, module = '', name = '', offset] = match;
        // Without an offset it has to be all there is, indented as DTrace does: Markdown uses the
        // character too.
        if (
          offset === undefined &&
          !(line.bodyColumn >= 10 && /^\S+(?: +\d+)?$/.test(body)) &&
          !MDB_AT_START.test(body)
        ) {
          continue;
        }
        frameInBody(line, out, match.index + module.length + 1, name, {
          offset: offset === undefined ? null : Number(offset),
          module: objectName(module),
          length: whole.length - module.length - 1,
        });
        found = true;
      }
      return found;
    },
  };
}

function readQualified(line: Line, out: Output): boolean {
  const { body } = line;
  const match = body.includes('::') || body.includes(')+0x') ? QUALIFIED.exec(body) : null;
  if (match === null) {
    return false;
  }
  const [, module = '', name = '', offset = ''] = match;
  frameInBody(line, out, module.length + 1, name, {
    offset: Number.parseInt(offset, 16),
    module: objectName(module),
    length: name.length + 3 + offset.length,
  });
  return true;
}

export function tracebackFormat(): Format {
  return {
    needs: OFFSET | COLON,
    read(line, out) {
      const { body } = line;
      const match = body.length > 2048 ? null : TRACEBACK.exec(body);
      if (match === null) {
        return readBarred(line, out);
      }
      const [, address, module = '', name = '', offset = '', callArguments] = match;
      // Copied without addresses and arguments: a name of a function, not of a part of a list.
      if (callArguments === undefined && address === undefined && !name.includes('_')) {
        return false;
      }
      frameInBody(line, out, body.indexOf(`:${name}`) + 1, name, {
        offset: Number.parseInt(offset, 16),
        module,
        length: name.length + 1 + offset.length,
      });
      return true;
    },
  };
}

function readBarred(line: Line, out: Output): boolean {
  const { body } = line;
  let found = false;
  if (body.length <= 65_536 && (body.includes(') | ') || body.includes('panicstack = '))) {
    for (const { 0: whole, 1: module = '', 2: name = '', 3: offset = '', index } of body.matchAll(BARRED)) {
      frameInBody(line, out, index + whole.indexOf(`:${name}`) + 1, name, {
        offset: Number.parseInt(offset, 16),
        module,
        length: name.length + 1 + offset.length,
      });
      found = true;
    }
  }
  return found;
}

const PSTACK =
  /^((?:[\da-f]{8}){1,2}) (?![\da-f]{8,16} )([A-Za-z_.][\w.$]*) {1,40}\([\da-fx, ]{0,600}\)(?: \+ ([\da-f]{1,6}))?$/;

export function pstackFormat(): Format {
  let last = 0;
  return {
    needs: LETTER | PAREN | LONG_HEX,
    read(line, out) {
      const { body } = line;
      const [whole, address = '', name = '', offset] = (body.length > 1024 ? null : PSTACK.exec(body)) ?? [];
      // Decimal digits alone, then a word and a number in brackets, are anything.
      if (
        whole === undefined ||
        !(/[a-f]/.test(address) || offset !== undefined || line.number - last === 1)
      ) {
        return false;
      }
      last = line.number;
      frameInBody(line, out, address.length + 1, name, {
        offset: offset === undefined ? null : Number.parseInt(offset, 16),
      });
      return true;
    },
  };
}

/** At the beginning of a line. */
const BARE = /^[A-Za-z_.][\w.$]*\+(?:0x[\da-f]{1,12}|[\da-f]{1,3})\([\da-fx, ]{0,600}\)$/;
const BARE_AT_START = /^([a-z_][\w.$]*)\((?:[\da-f]{1,16}(?:, [\da-f]{1,16}){0,12})?\)$/;

export function mdbFormat(): Format {
  /** `vpanic()`, a frame if the next line is one. */
  const waiting = new Waiting();
  let waitingLine = 0;
  return {
    needs: LETTER,
    any: OFFSET | PAREN,
    read(line, out) {
      const { body } = line;
      if (body.length > 1024 || (line.classes & BACKTICK) !== 0) {
        return false;
      }
      if (!body.includes('+')) {
        const first = BARE_AT_START.exec(body)?.[1];
        if (first !== undefined) {
          waiting.clear();
          waiting.add(line, 0, first.length, { name: first, offset: null, module: null });
          waitingLine = line.number;
          return true;
        }
        const name = MDB_AT_START.exec(body)?.[1];
        if (name !== undefined) {
          frameInBody(line, out, body.indexOf(` ${name}(`) + 1, name, {});
        }
        return name !== undefined;
      }
      // Without a blank or an address before it, arguments and a name that is no word have to tell.
      const isBare = line.bodyColumn === 0 && !/^(?:\[|[\da-f]{8,16} )/.test(body);
      const match = isBare && !(BARE.test(body) && body.includes('_')) ? null : MDB.exec(body);
      if (match !== null && waiting.length > 0 && line.number - waitingLine === 1 && body.endsWith(')')) {
        waiting.emit(out);
      }
      waiting.clear();
      if (match === null) {
        return false;
      }
      const [, name = '', offset = ''] = match;
      // Alone on its line with a short number and no arguments: ::stacks indents it deeply.
      if (!offset.startsWith('0x') && !body.endsWith(')') && !body.endsWith(']') && line.bodyColumn < 8) {
        return false;
      }
      frameInBody(line, out, body.indexOf(name), name, {
        offset: Number.parseInt(offset, 16),
        length: name.length + 1 + offset.length,
      });
      return true;
    },
  };
}

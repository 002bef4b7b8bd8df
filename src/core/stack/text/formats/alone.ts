/**
 * `symbol+0xoffset` without a size, with nothing but decoration before it: sdb, bcc's trace, kdb,
 * illumos's ::stacks and ::findstack, perf's and dumps whose lines were cut.
 */
import { BRACKET, LESS, OFFSET } from '../characters.ts';
import type { Line } from '../line.ts';
import { moduleName } from '../linux.ts';
import type { Output } from '../output.ts';
import { readToken, token } from '../token.ts';
import { baseName, type Format, frameInBody } from './format.ts';

/**
 * An address, `?`, or words that name the place the processor was at; then kdb's module, or a bracket around a
 * numbered entry, or around all of it.
 */
const BEFORE =
  /^(?:(?:#\d{1,4}|\d{1,3}(?= +\[<)|\[?<?(?:0x)?[\da-f]{4,16}>?\]?:?|\[<0>\]|[=-]>|at|R?IP:?|[EN]IP:?|(?:pc|PC|lr|LR) ?(?:is at|:)|[\da-f]{4}:|\?)[ \t]*){0,5}(?:\[([A-Za-z][\w-]{0,63})\]|(?!b')([A-Za-z][\w.+-]{0,63})'|(?<=^#\d{1,4} +)\[|(?<!.)\()?$/;

/** A module in brackets, with its build-id where the kernel prints that, arguments, an end in the middle of a size, or an instruction behind DDB's colon. */
const BEHIND =
  /^(?: ?\[((?:\/[^\]\s]{0,512}\/)?[\w.+-]{1,128})(?: [\da-f]{6,40})?\]| \(((?:\/|\[)[^()]{1,512}\]?|[\w.+-]{1,128}\.(?:so|ko)[\w.]*)\)|\((?:[\da-fx, ?]{0,400}|\.\.\.)\)|\/(?:0x?)?(?: ?\[([\w-]{1,64})\])?|(?= (?:[A-Za-z_]\w{0,255} )?[\w./+~-]{1,512}\.[chS]:-?\d)|\]$|:?)(?:[,;:]?\s|\)|$)/;

/** An instruction, of a listing that perhaps has its address before it: DDB's and mdb's. */
const INSTRUCTION = /^:\s+\S/;
const ADDRESS = /^(?:(?:0x)?[\da-f]{4,16}:?\s+)?$/;

export function aloneFormat(): Format {
  return {
    needs: OFFSET,
    isGeneral: true,
    read(line: Line, out: Output): boolean {
      const { body } = line;
      const plus = body.indexOf('+0x');
      if (plus <= 0 || plus > 600 || !readToken(body, plus, 0, body.length) || token.size >= 0) {
        return false;
      }
      const { start, offset, reliable } = token;
      const numbersEnd = plus + 3 + hexLength(body, plus + 3);
      const behind = BEHIND.exec(body.slice(numbersEnd, numbersEnd + 700));
      const before = behind === null ? null : BEFORE.exec(body.slice(0, start));
      // A linker's complaint has more behind its brackets.
      if (behind === null || before === null || (before[0] === '(' && !body.endsWith(')'))) {
        return false;
      }
      if (INSTRUCTION.test(body.slice(numbersEnd, numbersEnd + 64)) && ADDRESS.test(before[0])) {
        return false;
      }
      const printed = before[1] ?? before[2] ?? behind[1] ?? behind[3] ?? behind[2]?.replace(/^\[|\]$/g, '');
      const module =
        printed === undefined
          ? null
          : moduleName(baseName(printed).replace(/\+0x[\da-f]+$|\.ko(?:\.\w+)?$/, ''));
      const at = line.bodyColumn + start;
      out.frame(at, line.bodyColumn + numbersEnd, body.slice(start, plus), { offset, module, reliable });
      return true;
    },
  };
}

function hexLength(text: string, at: number): number {
  return /^[\da-f]*/i.exec(text.slice(at, at + 13))?.[0].length ?? 0;
}

const NAMED = /^\[<0>\] (\? )?([A-Za-z_.][\w.$@:~]*)(?: \[([\w.+-]{1,128})\])?$/;

/** `[<0>] zil_commit [zfs]`: how ZScope's own documents show a frame of a text that gave no offset. */
export function namedStackFormat(): Format {
  return {
    needs: BRACKET | LESS,
    read(line, out) {
      const { body } = line;
      const match = body.length > 1024 ? null : NAMED.exec(body);
      if (match === null) {
        return false;
      }
      const [, question, name = '', module] = match;
      const reliable = question === undefined;
      frameInBody(line, out, reliable ? 6 : 8, name, { module: module ?? null, reliable });
      return true;
    },
  };
}

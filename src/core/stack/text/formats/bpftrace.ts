/**
 * bpftrace: `    ip_output+1` with a decimal offset, in maps `@[ ... ]: 12` and printed; with
 * `kstack(perf)` an address before it and a module behind (bpftrace, src/bpftrace.cpp).
 */
import { AT, BRACKET, OFFSET } from '../characters.ts';
import type { Line } from '../line.ts';
import { moduleName } from '../linux.ts';
import { allMatches } from '../matches.ts';
import type { Output } from '../output.ts';
import { Waiting } from '../waiting.ts';
import { baseName, type Format, frameInBody } from './format.ts';

const ENTRY =
  /^(?:(?:0x)?([\da-f]{6,16}) )?([A-Za-z_.][\w.$@:~]*(?:\([^()]{0,400}\))?)\+(\d{1,8})(?: (?:\[([\w.-]{1,64})\]|\(([^()]{1,512}|\[[^\]]{1,64}\])\)))?(?: at \S{1,512}:\d{1,7})?,?(?: [^\s+\]]{1,16})?(?:\]: \d{1,20})?$/;

/** Several frames together, between blanks. */
const TOGETHER =
  /(?<=^|[\s[])(?:[A-Za-z_.][\w.$@]{0,255}\+\d{1,8}[\s,]+){2,300}[A-Za-z_.][\w.$@]{0,255}\+\d{1,8}(?=[\s,\]]|$)/g;

/** A whole map's key whose newlines were lost. */
const LOST = /^@\w{0,64}\[ ?(.{1,65536}?)\]: \d{1,20}$/;

/** The key of a map begins; it ends with the value. */
const MAP = /^@\w{0,64}\[$/;
const MAP_END = /\]: \S{1,40}$/;

/** Frames at the beginning of their lines, one below the other, that are no sums. */
const MIN_TRIMMED = 3;
/** More of them without names of functions are something else. */
const MAX_TRIMMED = 32;

/** Lines of one key at most: two stacks of 127 entries and a few more. */
const MAX_DEPTH = 300;

export function bpftraceFormat(): Format {
  /** The number of the last line that was a frame: before the first there is none. */
  let last = Number.NEGATIVE_INFINITY;
  /** Where the present map's key began; 0 outside of one. */
  let mapLine = 0;
  /** Frames at the beginning of their lines, too few until now; and the number of the last line with such. */
  const trimmed = new Waiting();
  let trimmedLine = 0;
  return {
    needs: 0,
    read(line, out) {
      const { classes } = line;
      if ((classes & (OFFSET | AT)) === 0 && mapLine === 0) {
        return false;
      }
      const { body } = line;
      if ((classes & AT) !== 0 && (classes & BRACKET) !== 0) {
        if (MAP.test(body)) {
          mapLine = line.number;
          return true;
        }
        if (readLost(line, out)) {
          return true;
        }
      }
      if ((classes & OFFSET) !== 0 && line.to - line.from > 40 && readTogether(line, out)) {
        return true;
      }
      const isInMap = mapLine > 0 && line.number - mapLine <= MAX_DEPTH;
      if (!isInMap || MAP_END.test(body)) {
        mapLine = 0;
      }
      const match = body.length > 2048 ? null : ENTRY.exec(body);
      if (match === null) {
        return false;
      }
      const [whole, address, name = '', offset = '', bracketed, library] = match;
      // A list of sums: behind a frame a comma stands in the key of a map alone.
      if (!isInMap && whole.endsWith(',')) {
        return false;
      }
      const printed = bracketed ?? library?.replace(/^\[|\]$/g, '');
      const module = printed === undefined ? null : moduleName(baseName(printed));
      const length = name.length + 1 + offset.length;
      const at = body.indexOf(name);
      // Arithmetic in prose and code is not indented so, and has blanks, and no module behind it.
      if (
        address === undefined &&
        printed === undefined &&
        line.indent < 4 &&
        !isInMap &&
        line.number - last !== 1
      ) {
        if (line.number - trimmedLine > 1 || trimmed.length >= MAX_TRIMMED) {
          trimmed.clear();
        }
        trimmedLine = line.number;
        trimmed.add(line, at, length, { name, offset: Number(offset), module });
        if (trimmed.length >= MIN_TRIMMED && trimmed.named * 2 >= trimmed.length) {
          trimmed.emit(out);
          last = line.number;
        }
        return true;
      }
      // A stack begins with a name that is no word of a sum.
      if (!name.includes('_') && line.number - last > 3 && !isInMap) {
        return false;
      }
      last = line.number;
      frameInBody(line, out, at, name, { offset: Number(offset), module, length });
      return true;
    },
  };
}

/** Stacks whose newlines were lost; a sum has few names with an underscore. */
function readTogether(line: Line, out: Output): boolean {
  const { body } = line;
  let found = false;
  for (const { index, 0: stack } of body.length > 65_536 ? [] : allMatches(body, TOGETHER)) {
    const entries = [...stack.matchAll(/([A-Za-z_.][\w.$@]*)\+(\d+)/g)];
    if (entries.filter(([entry]) => entry.includes('_')).length * 2 < entries.length) {
      continue;
    }
    for (const entry of entries) {
      const [whole, name = '', offset = ''] = entry;
      frameInBody(line, out, index + entry.index, name, { offset: Number(offset), length: whole.length });
    }
    found = true;
  }
  return found;
}

function readLost(line: Line, out: Output): boolean {
  const match = LOST.exec(line.body);
  if (match === null) {
    return false;
  }
  let found = false;
  for (const entry of (match[1] ?? '').matchAll(/(?<=^|\s)([A-Za-z_.][\w.$@]*)\+(\d{1,8})(?=[\s,]|$)/g)) {
    const [, name = '', offset = ''] = entry;
    const at =
      match[0].indexOf('[') + 1 + (match[0][match[0].indexOf('[') + 1] === ' ' ? 1 : 0) + entry.index;
    frameInBody(line, out, at, name, { offset: Number(offset), length: name.length + 1 + offset.length });
    found = true;
  }
  return found;
}

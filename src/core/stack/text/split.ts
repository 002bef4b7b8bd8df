/**
 * Finds again the entries of a stack whose newlines were lost: `#0 0x7f.. in a () from x.so #1 0x7f.. in b ()`.
 */

import {
  ADDRESS,
  EQUALS,
  FOLDED,
  GREATER,
  HASH,
  LIBRARY,
  LONG_ADDRESS,
  NUMBERED,
  OFFSET,
  PAREN,
  PIPE,
  PLACED,
  POINTER,
  SEMICOLON,
  SUM,
} from './characters.ts';
import { allMatches } from './matches.ts';

/** Shorter lines hold no two entries. */
const MIN_LENGTH = 40;

/** Longest line that is looked at. */
const MAX_LENGTH = 1024 * 1024;

/** Where an entry of some format can only begin. */
const BEGINS = [
  // gdb, crash, eu-stack, drgn: a number, and then an address or a name with what follows names there.
  '#\\d{1,3}:? +(?:\\[[\\da-f]{8,16}\\]|(?:at )?0x[\\da-f]{4,16}\\b|[A-Za-z_][\\w.$:~]* (?:\\(|at ))',
  '\\[exception RIP: ',
  // strace
  '> \\/[^\\s()]{1,256}\\([\\w.]{1,256}\\+0x',
  // glibc
  '\\/[^\\s()]{1,256}\\([\\w.]{0,256}\\+0x[\\da-f]{1,12}\\) ?\\[0x',
  // perf: an address, a name, and a library or the end of the name's offset
  '(?:0x)?[\\da-f]{8,16} [A-Za-z_$.~][\\w.$@:~]*(?:\\+0x[\\da-f]+)? \\([/[]',
  // mdb's $C, and illumos's panics; behind bcc's mark an address begins no entry of theirs
  '(?<!@ )(?=\\d*[a-f])[\\da-f]{16} (?:[\\w.+-]{1,64}`)?[A-Za-z_][\\w.]*(?:\\+0x[\\da-f]+)?\\(',
  '(?=\\d*[a-f])[\\da-f]{16} [A-Za-z_]\\w{0,63}:[A-Za-z_][\\w.]*\\+[\\da-f]+ \\(',
  '[\\da-f]{16} 0x[\\da-f]{8,16}\\(',
  // libspl
  '\\[0x[\\da-f]{8,16}\\] [A-Za-z_]\\w*\\+0x[\\da-f]+ \\(in ',
  // macOS's panics
  '0x[\\da-f]{16} : (?:0x[\\da-f]{16} )?[\\w.-]{1,128} : ',
  // FreeBSD's DDB
  '[A-Za-z_][\\w.]*\\([^()]{0,200}\\) at [A-Za-z_][\\w.]*\\+0x',
  'Stopped at +[A-Za-z_][\\w.]*\\+0x',
  '(?<!0x[\\da-f]{8,16} )(?:mach_kernel|(?:[\\w-]{1,64}\\.){2,8}[\\w-]{1,64}) : [A-Za-z_][\\w$]* \\+ 0x',
  // valgrind
  '(?:==\\d{1,8}== +)?(?:at|by) 0x[\\dA-F]{4,16}: [A-Za-z_]',
  // eu-stack -s: the place of a frame
  '(?<= - \\/\\S{1,256} {1,8})\\.{0,2}\\/\\S{1,256}\\.\\w{1,3}:\\d',
  // decode_stacktrace.sh without offsets, retsnoop
  '(?<=\\.\\w{1,3}:\\d{1,7}(?::\\d{1,4})?(?: \\(discriminator \\d{1,6}\\))?\\)(?: [\\w-]{1,64})? )(?:[?.] )?[A-Za-z_][\\w.$]{0,255}(?:\\+0x[\\da-f]{1,8})? \\([\\w./+~-]{1,256}\\.\\w{1,3}:\\d',
  // folded
  '(?<=;[^\\s;]{1,200} \\d{1,20} )[^;\\s]{1,32};[^\\s;]{1,200};',
  // ftrace's graph of calls; in code, a comma or an operator stands before a number
  '(?<![,=<(&+%?!-] |>> )\\d{1,3}\\) +(?:[\\w.:-]{1,32} +\\| +)?(?:[$@*#!+] +)?(?:[\\d.]+ us +)?\\| ',
  // ftrace
  '=> [A-Za-z_][\\w.]*(?= =>)',
  '(?<==> [\\w.]{1,256} )=> [A-Za-z_][\\w.]*$',
].map((begin) => `(?:${begin})`);
/** Behind one blank, so that a long run of them is not tried from each of its beginnings. */
const BORDER = new RegExp(
  // FreeBSD's panics also where no blank took the newline's place, or another processor's line begins in a line: addresses
  // of the kernel have 16 digits.
  `(?<= |<br ?/?>)(?=${BEGINS.join('|')})|(?<=[\\w:])(?=#\\d{1,3} 0x[\\da-f]{16} at [A-Za-z_.][\\w.]*\\+0x)|(?<=\\/frame 0x[\\da-f]{16}|backtrace:)(?=[A-Za-z_][\\w.]{0,255}\\([^()]{0,200}\\) at [A-Za-z_])`,
  'g',
);

/** Whether a line of these classes of characters, so long, could hold more than one entry. */
export function mayHoldEntries(classes: number, length: number): boolean {
  if (length < MIN_LENGTH || length > MAX_LENGTH) {
    return false;
  }
  const isNamed = (classes & (HASH | PAREN | SEMICOLON)) !== 0 && (classes & (HINTS | ADDRESS)) !== 0;
  return isNamed || (classes & ARROWS) === ARROWS;
}

/** Each entry holds one of these; a log's other lines hardly ever do, and {@link BORDER} is tried at every blank. */
const HINTS = OFFSET | SUM | NUMBERED | FOLDED | PIPE | PLACED | LIBRARY | LONG_ADDRESS;

/** Valgrind's. */
const ADDRESSED = /(?:at|by) 0x/;

/** ftrace's. */
const ARROWS = EQUALS | GREATER | POINTER;

/** Times of the kernel's log: a line holds two only where newlines were lost. */
const TIME = /(?<=^| )\[ {0,5}\d{1,7}\.\d{6}\] /g;

/** Columns where the second and further entries of `text` begin. */
export function entryColumns(text: string, classes: number): number[] {
  const columns: number[] = [];
  if ((classes & HINTS) === 0 && (classes & ARROWS) !== ARROWS && !ADDRESSED.test(text)) {
    return columns;
  }
  const first = Math.max(text.search(/\S/), 0);
  const times = allMatches(text, TIME).map(({ index }) => index);
  for (const { index } of allMatches(text, BORDER)) {
    if (index > first) {
      columns.push(index);
    }
  }
  return times.length > 1
    ? times
        .filter((index) => index > first)
        .concat(columns)
        .sort((a, b) => a - b)
    : columns;
}

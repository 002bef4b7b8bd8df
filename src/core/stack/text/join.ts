/**
 * Joins what a mail program, a terminal or a forum broke: a frame or a source place that begins on
 * one line and ends on the next.
 */

import { beginsSymbol, isHexUnit, isSymbolUnit } from './characters.ts';
import { bodyStart } from './decorations.ts';
import { readToken, token } from './token.ts';
import { goesOnBehindBlank, mayBeRest } from './wrapped.ts';

/** How much of the two lines is looked at. */
const REACH = 700;

/** Quoted-printable lines are broken at 76 characters; what is shorter and ends with = is no such line. */
const SOFT_LENGTH = 70;

/** Lines at least this long may have been broken by a terminal. */
const FULL_LENGTH = 60;

/** Characters of a line without a carriage return at its end. */
export function lengthOf(text: string, from: number, to: number): number {
  return to - from - (text.charCodeAt(to - 1) === 13 ? 1 : 0);
}

/** Where a line ends without its carriage returns. A pattern would look through a long run of them from each. */
function textEnd(line: string): number {
  let end = line.length;
  while (line.charCodeAt(end - 1) === 13) {
    end--;
  }
  return end;
}

/** Mail programs break lines at blanks, in a column between these. */
const MIN_UNWRAPPED = 64;
const MAX_WRAPPED = 80;
/** An entry that was broken so, over all of its lines, with the last of them; no more is looked through. */
const LONGEST_WRAPPED = 1024;

/** Columns of a terminal, which most text that was broken in the middle of words comes from. */
export const TERMINAL_WIDTH = 80;

/** How a line goes on: what of it is dropped at its end, and where the next one's text begins. */
export interface Joint {
  /** Column where the first line's text ends. */
  readonly cut: number;
  /** Column where the second line's text begins. */
  readonly resume: number;
  /** What stands between them when joined. */
  readonly glue: '' | ' ';
}

/** A frame's `?` stands behind an address, another frame, `kernel:`, or nothing: behind a word it asks. */
const QUESTIONED = /(?:^|[\]>):]\s?|(?:^|\s)(?:0x)?[\da-f]{8,16}\s|\/0x[\da-f]{1,5}\s)\?\s*$/;

/** What GDB puts on a line of its own, indented, where a frame is longer than the terminal is wide (gdb/stack.c, print_frame). */
const LIBRARY_FROM = 'from /';

/**
 * Quick look at the first characters of two lines: false for nearly all lines that go on in nothing.
 * `from` and `to` bound the first line, the next one begins at `next`.
 */
export function mayGoOn(text: string, from: number, to: number, next: number): boolean {
  const first = text.charCodeAt(next);
  if (
    (text.charCodeAt(to - 1) === 61 && to - from >= SOFT_LENGTH) ||
    lengthOf(text, from, to) === TERMINAL_WIDTH
  ) {
    return first !== 10;
  }
  // A bracket and a time, or blanks: a line of its own; a module's bracket is not followed by either.
  if (first === 91) {
    const second = text.charCodeAt(next + 1);
    return (
      second !== 32 && second !== 60 && !(second >= 48 && second <= 57 && text.charCodeAt(next + 6) === 46)
    );
  }
  if (first === 32) {
    const last = text.charCodeAt(to - 1);
    // A page that breaks its lines indents them.
    if (last === 63) {
      return true;
    }
    // "  [zfs]" alone, behind the digits of a size
    let bracket = next + 1;
    if (isHexUnit(last) || last === 41) {
      while (text.charCodeAt(bracket) === 32) {
        bracket++;
      }
    }
    if (last === 41) {
      return text.startsWith(LIBRARY_FROM, bracket);
    }
    return text.charCodeAt(bracket) === 91 && text.charCodeAt(bracket + 1) !== 60;
  }
  if (first === 62) {
    return text.charCodeAt(from) === 62;
  }
  if (
    !(isSymbolUnit(first) || first === 43 || first === 47 || first === 93 || first === 40 || first === 45)
  ) {
    return false;
  }
  // Both begin alike: both have the same decoration.
  if (text.charCodeAt(from) === first && text.startsWith(text.slice(from, from + 4), next)) {
    return false;
  }
  const last = text.charCodeAt(to - 1);
  return (
    (to - from <= MAX_WRAPPED && to - from > MIN_UNWRAPPED - 40) ||
    isSymbolUnit(last) ||
    last === 13 ||
    last === 32 ||
    last === 47 ||
    last === 43 ||
    last === 63 ||
    last === 61 ||
    last === 91 ||
    last === 45 ||
    last === 58
  );
}

/** What can stand in the middle of a name, a path or a list, and what begins a line of its own. */
const MIDDLE = /^[\w/+.)\]:;,"'%~$(]/;
const OWN_LINE = /^(?:[A-Z][\w ]{0,30}:|\d{1,8}(?:[ :,)]|\.(?:\s|$)))/;

/**
 * How `first` goes on in `second`; null when it does not. Its last line has `last` characters; `isFull`
 * says that this is where a terminal breaks lines.
 */
export function findJoint(first: string, second: string, last: number, isFull: boolean): Joint | null {
  if (isFull && goesOnFull(first, second)) {
    return { cut: textEnd(first), resume: 0, glue: '' };
  }
  const trimmed = first.trimEnd();
  // In quoted-printable text, a sign of its own is written otherwise.
  const isSoft = trimmed.endsWith('=') && !trimmed.endsWith('==');
  // A quoted-printable line goes on at the first column, also where the mail quotes another.
  if (isSoft && trimmed.length >= SOFT_LENGTH && second.trim() !== '' && !second.startsWith('>')) {
    return { cut: trimmed.length - 1, resume: 0, glue: '' };
  }
  let resume = 0;
  // strace's mark before a path is no quote.
  const quote = /^ ?> \//.test(first) ? undefined : /^[> ]*>/.exec(first)?.[0];
  if (quote !== undefined) {
    const same = /^[> ]*> ?/.exec(second);
    if (same === null) {
      return null;
    }
    resume = same[0].length;
  }
  const soft = isSoft && resume === 0;
  const head = second.slice(resume, resume + REACH).trimEnd();
  if (head === '' || trimmed === '') {
    return null;
  }
  // A forum's mark looks like a module, and begins a line of its own.
  if (head.startsWith('[') && bodyStart(head) > 0) {
    return null;
  }
  const cut = soft ? trimmed.length - 1 : textEnd(first);
  const tail = first.slice(Math.max(0, cut - REACH), cut);
  const joint = (glue: '' | ' '): Joint => ({ cut, resume, glue });
  // "?" or "? " before the symbol.
  if (
    tail.trimEnd().endsWith('?') &&
    QUESTIONED.test(first.slice(bodyStart(first))) &&
    /^\s*[A-Za-z_.][\w.$]*\+0x[\da-f]+\/0x/.test(head)
  ) {
    return joint('');
  }
  if (
    head.trimStart().startsWith(LIBRARY_FROM) &&
    /^\s*#\d{1,4} .*\)\s*$/.test(first.slice(bodyStart(first)))
  ) {
    return { cut: trimmed.length, resume: resume + head.length - head.trimStart().length, glue: ' ' };
  }
  if (!/^\[[\w-]{1,64}(?:[ (][^\]]{0,80})?\]/.test(head.trimStart()) && /^\s/.test(head)) {
    return null;
  }
  const atBlank = first.length <= LONGEST_WRAPPED && isWrapped(last, resume, head) && mayBeRest(first, head);
  // Of most lines nothing more need be looked at.
  if (atBlank || BROKEN.test(tail) || head.includes('+')) {
    const bodyAt = bodyStart(first);
    const body = first.slice(bodyAt, cut);
    if (atBlank && goesOnBehindBlank(body.trimEnd(), head)) {
      return { cut: trimmed.length, resume, glue: ' ' };
    }
    if (entrySpans(body, head.trimStart())) {
      return joint(' ');
    }
    // Frames without a size go on nowhere but here: what else ends with their number may be whole.
    if (/[\w.]\+0x$/.test(body) && /^[\da-f]{1,5}(?:$|[/:[\s])/.test(head)) {
      return joint('');
    }
    if (spans(tail, head, body, bodyAt > 0 || /^\s/.test(first))) {
      return joint('');
    }
  }
  return placeSpans(tail, head) ? joint('') : null;
}

/**
 * Whether a line of so many characters can have been broken before `head`: what breaks at blanks puts as
 * many words on a line as fit.
 */
function isWrapped(length: number, quote: number, head: string): boolean {
  const blank = head.search(/\s/);
  const word = blank < 0 ? head.length : blank;
  return length <= MAX_WRAPPED && length + 1 + word > MIN_UNWRAPPED - quote;
}

/** What a frame, a number or an address has that was broken behind it. */
const BROKEN = /\+|#|0x/;

/** Whether an entry of crash or of a panic of macOS was broken at one of its blanks. */
function entrySpans(body: string, head: string): boolean {
  return (
    (/^#\d{1,3} +\[[\da-f]{8,16}\] \S+ at [\da-f]{8,16}\s*$/.test(body) &&
      /^\[[\w-]{1,64}\]\s*$/.test(head)) ||
    (/^#\d{1,3} +\[[\da-f]{8,16}\](?: \S+(?: at)?)?\s*$/.test(body) &&
      /^(?:\S+ )?(?:at )?[\da-f]{8,16}(?: \[[\w-]{1,64}\])?\s*$/.test(head)) ||
    (/^0x[\da-f]{8,16} : 0x[\da-f]{8,16}(?: [\w.-]{1,128}(?: :(?: [\w$]{1,512}(?: \+)?)?)?)?\s*$/.test(
      body,
    ) &&
      /^(?:(?:[\w.-]{1,128} )?: )?(?:[\w$]{1,512} )?(?:\+ )?0x[\da-f]{1,12}\s*$/.test(head))
  );
}

/** Whether a frame begins in `tail` and ends in `head`. */
function spans(tail: string, head: string, body: string, decorated: boolean): boolean {
  const whole = tail + head;
  const border = tail.length;
  for (
    let plus = whole.indexOf('+', Math.max(0, border - 560));
    plus >= 0;
    plus = whole.indexOf('+', plus + 1)
  ) {
    if (!readToken(whole, plus, 0, whole.length) || token.size < 0) {
      continue;
    }
    const { start, end } = token;
    if (start >= border) {
      return false;
    }
    if (end <= border) {
      continue;
    }
    if (plus >= border) {
      // Broken in the symbol: only where the line before held nothing else.
      return (
        decorated &&
        beginsSymbol(whole.charCodeAt(start)) &&
        (bareSymbol(body, tail.slice(start)) ||
          (tail.length >= FULL_LENGTH && /^\w+[_.]/.test(tail.slice(start)))) &&
        !isWord(tail.slice(start))
      );
    }
    // Broken behind the plus: what is behind must end as a frame does.
    return /^(?:[\])\s,;:<]|$)/.test(whole.slice(end, end + 1)) && continues(tail.slice(start), head);
  }
  return false;
}

/** Two complete things may look like one: `f+0x1/0x2` and `0 [zfs]` are, `f+0x1/0x2` and `face` are not. */
function continues(fragment: string, head: string): boolean {
  if (!/\/0x[\da-f]+$/.test(fragment) || !isHexUnit(head.charCodeAt(0))) {
    return true;
  }
  return /^[\da-f]{1,5}(?:\s?\[[\w-]*[A-Za-z_]|\s*$)/.test(head);
}

/** Whether `body` is an address, a question mark or nothing, and then `symbol`. */
function bareSymbol(body: string, symbol: string): boolean {
  return (
    body.endsWith(symbol) && /^(?:\[?<?[\da-f]{1,16}>?\]? )?(?:\? )?$/.test(body.slice(0, -symbol.length))
  );
}

/** Words that stand alone on lines of logs. */
function isWord(text: string): boolean {
  return /^(?:Code|Stack|Trace|Backtrace|Modules|RIP)$/.test(text);
}

/** Whether a source place begins in `tail` and ends in `head`. */
function placeSpans(tail: string, head: string): boolean {
  return (
    (/^\d{0,6}:[A-Za-z_]\w*\(\)/.test(head) && /\.[chS]:\d{0,6}$/.test(tail)) ||
    (tail.length >= FULL_LENGTH && /^\w[\w./+-]*\.[chS]:\d/.test(head) && /\/[\w.+-]*$/.test(tail)) ||
    (/^[\w./+-]*\.[chS], line:? \d/.test(head) && /\bfile:? [\w./+~-]+$/.test(tail)) ||
    (/^\w*\(\)/.test(head) && /\.[chS]:\d{1,7}:\w*$/.test(tail) && !/\.[chS]:\d{1,7}:\d+$/.test(tail))
  );
}

/** Whether `second` is the rest of a line that a terminal broke, and not a line of its own. */
function goesOnFull(first: string, second: string): boolean {
  return (
    MIDDLE.test(second) &&
    (!OWN_LINE.test(second) || isRestOfPlace(first.slice(-REACH), second)) &&
    bodyStart(second) === 0 &&
    !second.startsWith(first.slice(0, 3)) &&
    !(isFrameEnd(first) && isFrameStart(second)) &&
    !(/\.\w{1,3}:\d{1,7}\r*$/.test(first.slice(-REACH)) && /^[A-Za-z]/.test(second))
  );
}

/** Whether what begins like a line of its own is the rest of a place in the source, or of what is in brackets. */
function isRestOfPlace(first: string, second: string): boolean {
  return (
    (/\.\w{1,3}:\d{0,6}$/.test(first) && /^\d{1,6}[ :,)]/.test(second)) ||
    (/\w\.$/.test(first) && /^S:\d/.test(second)) ||
    (/\([^()\s]*$/.test(first) && /^\d{1,8}\)/.test(second))
  );
}

/** A whole frame, and the end of its colour, that end a line. */
const FRAME_END = /\+0x[\da-f]+(?:\/0x[\da-f]+)?(?: \[[\w-]+\])?(?:\x1b\[[\d;]{0,16}m)*\r*$/;

function isFrameEnd(line: string): boolean {
  return FRAME_END.test(line.slice(-REACH));
}

/** Whether a line begins with a whole frame. */
function isFrameStart(line: string): boolean {
  return /^(?:\? )?[A-Za-z_.][\w.$]*\+0x[\da-f]/.test(line.slice(0, REACH));
}

/**
 * Joins what a mail program, a terminal or a forum broke: a frame or a source place that begins on
 * one line and ends on the next.
 */

import { beginsSymbol, isHexUnit, isSymbolUnit } from './characters.ts';
import { bodyStart } from './decorations.ts';
import { readToken, token } from './token.ts';

/** How much of the two lines is looked at. */
const REACH = 700;

/** How a line goes on: what of it is dropped at its end, and where the next one's text begins. */
export interface Joint {
  /** Column where the first line's text ends. */
  readonly cut: number;
  /** Column where the second line's text begins. */
  readonly resume: number;
  /** What stands between them when joined. */
  readonly glue: '' | ' ';
}

/**
 * Quick look at the first characters of two lines: false for nearly all lines that go on in nothing.
 * `from` and `to` bound the first line, the next one begins at `next`.
 */
export function mayGoOn(text: string, from: number, to: number, next: number): boolean {
  const first = text.charCodeAt(next);
  // A bracket and a time, or blanks: a line of its own; a module's bracket is not followed by either.
  if (first === 91) {
    const second = text.charCodeAt(next + 1);
    return (
      second !== 32 && second !== 60 && !(second >= 48 && second <= 57 && text.charCodeAt(next + 6) === 46)
    );
  }
  if (first === 32) {
    // " [zfs]" alone
    return text.charCodeAt(next + 1) === 91 && text.charCodeAt(next + 2) !== 60;
  }
  if (first === 62) {
    return text.charCodeAt(from) === 62;
  }
  if (!(isSymbolUnit(first) || first === 43 || first === 47 || first === 93)) {
    return false;
  }
  // Both begin alike: both have the same decoration.
  if (text.charCodeAt(from) === first && text.startsWith(text.slice(from, from + 4), next)) {
    return false;
  }
  const last = text.charCodeAt(to - 1);
  return (
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

/** How `first` goes on in `second`; null when it does not. */
export function findJoint(first: string, second: string): Joint | null {
  let resume = 0;
  const quote = /^[> ]*>/.exec(first)?.[0];
  if (quote !== undefined) {
    const same = /^[> ]*> ?/.exec(second);
    if (same === null) {
      return null;
    }
    resume = same[0].length;
  }
  const trimmed = first.trimEnd();
  const soft = trimmed.endsWith('=') && resume === 0;
  const head = second.slice(resume, resume + REACH).trimEnd();
  if (head === '' || trimmed === '') {
    return null;
  }
  const cut = soft ? trimmed.length - 1 : first.replace(/\r+$/, '').length;
  const tail = first.slice(Math.max(0, cut - REACH), cut);
  const bodyAt = bodyStart(first);
  const body = first.slice(bodyAt, cut);
  const joint = (glue: '' | ' '): Joint => ({ cut, resume, glue });
  // "?" or "? " before the symbol.
  if (/(?:^|[\s\]])\?\s*$/.test(tail) && /^\s?[A-Za-z_.][\w.$]*\+0x[\da-f]+\/0x/.test(head)) {
    return joint('');
  }
  if (!/^\[[\w-]{1,64}(?:[ (][^\]]{0,80})?\]/.test(head.trimStart()) && /^\s/.test(head)) {
    return null;
  }
  if (spans(tail, head, body, bodyAt > 0 || /^\s/.test(first))) {
    return joint('');
  }
  return placeSpans(tail, head) ? joint('') : null;
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
        bareSymbol(body, tail.slice(start)) &&
        !isWord(tail.slice(start))
      );
    }
    // Broken behind the plus: what is behind must end as a frame does.
    return /^(?:[\])\s,;:]|$)/.test(whole.slice(end, end + 1)) && continues(tail.slice(start), head);
  }
  return false;
}

/** Two complete things may look like one: `f+0x1/0x2` and `0 [zfs]` are, `f+0x1/0x2` and `face` are not. */
function continues(fragment: string, head: string): boolean {
  if (!/\/0x[\da-f]+$/.test(fragment) || !isHexUnit(head.charCodeAt(0))) {
    return true;
  }
  return /^[\da-f]{1,5}(?:\s?\[|\s*$)/.test(head);
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
    (/\.[chS]:\d{0,6}$/.test(tail) && /^\d{0,6}:[A-Za-z_]\w*\(\)/.test(head)) ||
    (/\.[chS]:\d{1,7}:\w*$/.test(tail) && /^\w*\(\)/.test(head) && !/\.[chS]:\d{1,7}:\d+$/.test(tail))
  );
}

/**
 * What macros call: `#define cv_wait(cvp, mp) __cv_wait(cvp, mp)`. A stack shows the function; the
 * source shows the macro.
 */
import {
  canBeFunctionName,
  type Directive,
  isBlank,
  isDigit,
  isIdentifierUnit,
  skipComment,
  skipQuoted,
} from './c-lexer.ts';
import type { ScannedMacro } from './scanned-source.ts';

/** Calls that are kept of one macro; longer ones are tables. */
const MAX_CALLS = 64;

const SLASH = 47;
const QUOTE = 34;
const APOSTROPHE = 39;
const OPEN = 40;
const HASH = 35;
const BACKSLASH = 92;

/** Reads the `#define` that is given; null when its body calls nothing. */
export function readMacro(text: string, { nameEnd, end }: Directive): ScannedMacro | null {
  let start = nameEnd;
  while (start < end && isBlank(text.charCodeAt(start))) {
    start++;
  }
  const afterName = wordEnd(text, start, end);
  if (afterName === start || isDigit(text.charCodeAt(start))) {
    return null;
  }
  // Parameters follow the name without a blank; they hold no parentheses.
  const hasParameters = text.charCodeAt(afterName) === OPEN;
  const body = hasParameters ? text.indexOf(')', afterName) + 1 : afterName;
  if (hasParameters && (body === 0 || body > end)) {
    return null;
  }
  const calls = callsIn(text, body, end);
  if (calls.length === 0) {
    const alias = /^[\s\\]*([A-Za-z_]\w{0,127})\s*$/.exec(text.slice(body, Math.min(end, body + 256)))?.[1];
    if (alias === undefined || !canBeFunctionName(alias)) {
      return null;
    }
    calls.push(alias);
  }
  return { name: text.slice(start, afterName), calls };
}

function callsIn(text: string, from: number, end: number): string[] {
  const calls: string[] = [];
  let i = from;
  let word = '';
  while (i < end && calls.length < MAX_CALLS) {
    const unit = text.charCodeAt(i);
    if (isIdentifierUnit(unit)) {
      const after = wordEnd(text, i, end);
      word = isDigit(unit) || isMember(text, i, from) ? '' : text.slice(i, after);
      i = after;
    } else if (unit === OPEN) {
      if (word !== '' && canBeFunctionName(word) && !calls.includes(word)) {
        calls.push(word);
      }
      word = '';
      i++;
    } else if (unit === SLASH) {
      i = skipComment(text, i);
    } else if (unit === QUOTE || unit === APOSTROPHE) {
      word = '';
      i = skipQuoted(text, i);
    } else {
      word = isBlank(unit) || unit === BACKSLASH ? word : '';
      i++;
    }
  }
  return calls;
}

/** Whether `.`, `->` or `##` stands before the word: it names no function. */
function isMember(text: string, start: number, from: number): boolean {
  let before = start - 1;
  while (before > from && isBlank(text.charCodeAt(before))) {
    before--;
  }
  const unit = text.charCodeAt(before);
  return unit === 46 || unit === HASH || (unit === 62 && text.charCodeAt(before - 1) === 45);
}

function wordEnd(text: string, from: number, limit: number): number {
  let end = from;
  while (end < limit && isIdentifierUnit(text.charCodeAt(end))) {
    end++;
  }
  return end;
}

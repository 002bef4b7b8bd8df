/** What a parenthesis in C source calls. */
import { canBeFunctionName, isBlank, isDigit, isIdentifierUnit } from './c-lexer.ts';

const DOT = 46;
const GREATER = 62;
const MINUS = 45;

/**
 * The function whose name stands before an opening parenthesis, and the offset of that name; null where
 * none can be called: behind a keyword, a member, another parenthesis.
 */
export function calledBefore(text: string, parenthesis: number): { name: string; start: number } | null {
  let end = parenthesis;
  while (end > 0 && isBlank(text.charCodeAt(end - 1))) {
    end--;
  }
  let start = end;
  while (start > 0 && isIdentifierUnit(text.charCodeAt(start - 1))) {
    start--;
  }
  if (start === end || isDigit(text.charCodeAt(start)) || isMember(text, start)) {
    return null;
  }
  const name = text.slice(start, end);
  return canBeFunctionName(name) ? { name, start } : null;
}

/** Whether `.` or `->` stands before the name. */
function isMember(text: string, start: number): boolean {
  let before = start - 1;
  while (before >= 0 && isBlank(text.charCodeAt(before))) {
    before--;
  }
  const unit = text.charCodeAt(before);
  return unit === DOT || (unit === GREATER && text.charCodeAt(before - 1) === MINUS);
}

/**
 * The lexical ground of C that the function scanner stands on: what to step over (comments, strings,
 * preprocessor lines) and which words are no function names.
 */

const SLASH = 47;
const STAR = 42;
const BACKSLASH = 92;
const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
const APOSTROPHE = 39;

/** 1 for the bytes that an identifier is made of, digits included. */
const identifierBytes: Uint8Array = (() => {
  const table = new Uint8Array(256);
  for (let code = 0; code < 128; code++) {
    table[code] = /[A-Za-z0-9_$]/.test(String.fromCharCode(code)) ? 1 : 0;
  }
  return table;
})();

/** True for a UTF-16 unit that can stand in an identifier (ASCII only; nobody names a function otherwise). */
export function isIdentifierUnit(unit: number): boolean {
  return unit < 128 && identifierBytes[unit] === 1;
}

export function isDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57;
}

export function isBlank(unit: number): boolean {
  return unit === 32 || (unit >= 9 && unit <= 13);
}

/** Offset behind the comment that may start at the slash at `at`; `at + 1` when none does. */
export function skipComment(text: string, at: number): number {
  const next = text.charCodeAt(at + 1);
  if (next === STAR) {
    const end = text.indexOf('*/', at + 2);
    return end < 0 ? text.length : end + 2;
  }
  return next === SLASH ? endOfLogicalLine(text, at + 2) : at + 1;
}

/** Offset of the newline that ends the line at `at`, lines continued by a backslash included. */
function endOfLogicalLine(text: string, at: number): number {
  let end = text.indexOf('\n', at);
  while (end >= 0 && isContinued(text, end, at)) {
    end = text.indexOf('\n', end + 1);
  }
  return end < 0 ? text.length : end;
}

function isContinued(text: string, newline: number, from: number): boolean {
  let last = newline - 1;
  if (last >= from && text.charCodeAt(last) === RETURN) {
    last--;
  }
  return last >= from && text.charCodeAt(last) === BACKSLASH;
}

/**
 * Offset behind the string or character constant whose quote stands at `at`. An unterminated one
 * ends at its line's end, so that one wrong apostrophe cannot swallow a file.
 */
export function skipQuoted(text: string, at: number): number {
  const quote = text.charCodeAt(at);
  let i = at + 1;
  for (; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === quote) {
      return i + 1;
    }
    if (unit === BACKSLASH) {
      i += text.charCodeAt(i + 1) === RETURN ? 2 : 1;
    } else if (unit === NEWLINE) {
      return i;
    }
  }
  return text.length;
}

/** A preprocessor line that was stepped over. */
export interface Directive {
  /** `if`, `define` ...; empty for a lone `#`. */
  readonly name: string;
  /** Offset behind the name. */
  readonly nameEnd: number;
  /** Offset of the newline that ends the line, or the text's end. */
  readonly end: number;
}

/** Whether only blanks stand between the line's start and `at`. */
export function isFirstOnLine(text: string, at: number): boolean {
  let i = at - 1;
  while (i >= 0) {
    const unit = text.charCodeAt(i);
    if (unit === NEWLINE) {
      return true;
    }
    if (unit !== 32 && unit !== 9) {
      return false;
    }
    i--;
  }
  return true;
}

/** Reads the directive whose `#` stands at `at`. */
export function readDirective(text: string, at: number): Directive {
  let start = at + 1;
  while (text.charCodeAt(start) === 32 || text.charCodeAt(start) === 9) {
    start++;
  }
  let nameEnd = start;
  while (nameEnd < text.length && isIdentifierUnit(text.charCodeAt(nameEnd))) {
    nameEnd++;
  }
  const name = text.slice(start, nameEnd);
  // The rest of these two is prose: an apostrophe in it opens nothing.
  const prose = name === 'error' || name === 'warning';
  return { name, nameEnd, end: prose ? endOfLogicalLine(text, nameEnd) : directiveEnd(text, nameEnd) };
}

function directiveEnd(text: string, from: number): number {
  // Most end with their line: nothing in it can make it longer.
  const newline = text.indexOf('\n', from);
  if (newline < 0 || (!isContinued(text, newline, from) && !opensComment(text, from, newline))) {
    return newline < 0 ? text.length : newline;
  }
  let i = from;
  while (i < text.length) {
    const unit = text.charCodeAt(i);
    if (unit === NEWLINE) {
      if (!isContinued(text, i, from)) {
        return i;
      }
      i++;
    } else if (unit === SLASH) {
      i = skipComment(text, i);
    } else if (unit === QUOTE || unit === APOSTROPHE) {
      i = skipQuoted(text, i);
    } else {
      i++;
    }
  }
  return text.length;
}

/** Whether a comment may begin in a line and end behind it. */
function opensComment(text: string, from: number, end: number): boolean {
  for (let i = from; i < end; i++) {
    if (text.charCodeAt(i) === SLASH && text.charCodeAt(i + 1) === STAR) {
      return true;
    }
  }
  return false;
}

/** Words that stand before a parenthesis in a statement and call nothing. */
const operators = [
  'if for while switch return sizeof do else case goto defined typeof __typeof__ __typeof',
  '_Alignof alignof __alignof__ _Generic asm __asm__ __asm __attribute__ __attribute',
  '_Static_assert static_assert _Alignas alignas __declspec _Pragma __extension__',
].flatMap((line) => line.split(' '));

/** Words that can stand before a parenthesis in a declaration as a part of its type. */
const typeWords = [
  'void char short int long float double signed unsigned _Bool bool const volatile restrict static',
  'extern inline struct union enum register typedef __inline __inline__ __volatile__ __restrict',
].flatMap((line) => line.split(' '));

const noCall: ReadonlySet<string> = new Set([...operators, ...typeWords]);

/** Whether `word(` can be a call or the head of a function called `word`. */
export function canBeFunctionName(word: string): boolean {
  return !noCall.has(word);
}

/** Macros that the kernel writes behind a parameter list or before a declaration (compiler_types.h, sparse.h). */
const kernelAttributes = new Set([
  ...['__acquires', '__releases', '__must_hold', '__aligned', '__packed', '__section', '__printf'],
  ...['__printflike', '__scanf', '__nonnull', '__counted_by', '__malloc', '__alloc_size', '__no_sanitize'],
]);

/** Whether `word(...)` is an attribute of the kernel's kind, never a function. */
export function isKernelAttribute(word: string): boolean {
  return kernelAttributes.has(word);
}

/** The word that covers or touches `column` of a line; null when there is none, or it names a member (`a->b`). */
export function wordAt(lineText: string, column: number): string | null {
  let start = Math.min(Math.max(column, 0), lineText.length);
  let end = start;
  while (start > 0 && isIdentifierUnit(lineText.charCodeAt(start - 1))) {
    start--;
  }
  while (end < lineText.length && isIdentifierUnit(lineText.charCodeAt(end))) {
    end++;
  }
  const word = lineText.slice(start, end);
  const isMember = /(?:\.|->)\s*$/.test(lineText.slice(Math.max(0, start - 16), start));
  return /^[A-Za-z_$]/.test(word) && !isMember ? word : null;
}

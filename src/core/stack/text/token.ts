/**
 * `symbol+0xoffset/0xsize [module]`, as the kernel's `%pS` and `%pB` print it (kernel/kallsyms.c,
 * __sprint_symbol), wherever it stands in a line.
 */
import { beginsSymbol, isHexUnit, isSymbolUnit } from './characters.ts';

/** Longest symbol that is read; the kernel's KSYM_NAME_LEN is 512. */
const MAX_SYMBOL = 512;
/** Longest module name; the kernel's MODULE_NAME_LEN is 56 or 64 less the size of a long. */
const MAX_MODULE = 64;
/** Characters of taint letters and a build-id at most, with the bracket that ends them. */
const MAX_ANNOTATION = 81;
/** Blanks between a frame and its module: who lines modules up puts many. */
const MAX_BLANKS = 64;
/** Longest path in brackets. */
const MAX_PATH = 512;

/** A token that was found. One object is used for all, and overwritten by the next read. */
export interface Token {
  /** Column of the symbol's first character. */
  start: number;
  /** Column behind the symbol, where a `+` stands, or a blank before one. */
  nameEnd: number;
  /** Column of the `+`. */
  plus: number;
  /** A number that equal symbols have in common, and different ones hardly ever. */
  hash: number;
  offset: number;
  /** -1 when the text has none. */
  size: number;
  /** Where the module's name stands; both -1 when there is none. */
  moduleStart: number;
  moduleEnd: number;
  /** Column behind the last character that belongs to it. */
  end: number;
  reliable: boolean;
}

export const token: Token = {
  start: 0,
  nameEnd: 0,
  plus: 0,
  hash: 0,
  offset: 0,
  size: 0,
  moduleStart: -1,
  moduleEnd: -1,
  end: 0,
  reliable: true,
};

/**
 * Reads the token whose `+` stands at `plus` into {@link token}; its symbol begins no earlier than
 * `floor`, nothing of it ends behind `limit`. False when there is none.
 */
export function readToken(text: string, plus: number, floor: number, limit: number): boolean {
  const zero = text.charCodeAt(plus + 1);
  // The letter is a misread digit.
  const hasMark = (zero === 48 || zero === 79) && (text.charCodeAt(plus + 2) | 32) === 120;
  // Xen writes no mark before 0.
  if (!hasMark && (zero !== 48 || !text.startsWith('/0x', plus + 2))) {
    return false;
  }
  // Who types a frame off may put a blank there; behind it too, it would be a sum.
  const isSpaced = text.charCodeAt(plus - 1) === 32;
  const nameEnd = isSpaced ? plus - 1 : plus;
  // The mark of Clang's jump tables is a part of the name.
  const isTable = text.charCodeAt(nameEnd - 1) === 93 && text.startsWith('[jt]', nameEnd - 4);
  const start = symbolStart(text, isTable ? nameEnd - 4 : nameEnd, floor);
  if (start < 0) {
    return false;
  }
  let at = hasMark ? plus + 3 : plus + 1;
  let offset = 0;
  const offsetStart = at;
  for (let unit = text.charCodeAt(at); at < limit && isHexUnit(unit); unit = text.charCodeAt(++at)) {
    offset = offset * 16 + hexValue(unit);
  }
  // More than 12 digits are an address, not an offset; none at all may be one that a scanner misread, +Ox23.
  if ((at === offsetStart && MISREAD[text.charAt(at)] === undefined) || at - offsetStart > 12) {
    return false;
  }
  const offsetEnd = at;
  let size = -1;
  const sizeStart = sizeDigits(text, at);
  if (sizeStart > 0) {
    let end = sizeStart;
    let value = 0;
    for (let unit = text.charCodeAt(end); end < limit && isHexUnit(unit); unit = text.charCodeAt(++end)) {
      value = value * 16 + hexValue(unit);
    }
    // Of a symbol that lies behind the next one the size is negative: 16 digits.
    if (end > sizeStart && end <= limit && end - sizeStart <= 16) {
      size = value;
      at = end;
    }
  }
  // With blanks, an expression of C may look so, hardly ever with a sum that lies in the function.
  if ((isSpaced || sizeStart > offsetEnd + 3) && size < offset) {
    return false;
  }
  const next = at < limit ? text.charCodeAt(at) : 0;
  const isCut = size < 0 && next === 47;
  if (isCut || (isSymbolUnit(next) && next !== 46)) {
    const misread = readMisread(text.slice(plus, Math.min(limit, plus + 32)));
    if (misread !== null) {
      ({ offset, size } = misread);
      at = plus + misread.length;
    } else if (!isCut && (size < 0 || /^[\w.$]*\+/.test(text.slice(at, Math.min(limit, at + MAX_SYMBOL))))) {
      return false;
    }
    // Behind a whole frame it is what a console or a pager left of another line, +0x121/0x140It, but for a symbol:
    // where that begins cannot be known.
  }
  token.start = start;
  token.nameEnd = nameEnd;
  token.plus = plus;
  token.offset = offset;
  token.size = size;
  token.end = at;
  token.reliable = !isQuestioned(text, start, floor);
  readModule(text, at, limit);
  if (text.charCodeAt(token.end) === 32) {
    token.reliable &&= !isUnreliable(text, token.end + 1, limit);
  }
  return true;
}

const UNRELIABLE = 'unreliable';

/** Whether powerpc's mark stands at `at`: decode_stacktrace.sh takes its brackets off. */
function isUnreliable(text: string, at: number, limit: number): boolean {
  if (text.charCodeAt(at) === 40) {
    return text.startsWith(`${UNRELIABLE})`, at + 1);
  }
  const end = at + UNRELIABLE.length;
  return text.startsWith(UNRELIABLE, at) && (end >= limit || text.charCodeAt(end) <= 32);
}

/** Ways to part an offset and a size, where a frame was typed off. */
const SPACED: readonly string[] = [' / 0x', ' /0x', '/ 0x'];

/** Where the digits of the size begin, behind an offset that ends at `at`; -1 where there is none. */
function sizeDigits(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === 47 && text.charCodeAt(at + 1) === 48 && text.charCodeAt(at + 2) === 120) {
    return at + 3;
  }
  // A page marks up a part of the frame: +0xfb</font>/0x140
  if (first === 60) {
    const tag = /^<\/\w{1,6}>\/0x/.exec(text.slice(at, at + 12));
    return tag === null ? -1 : at + tag[0].length;
  }
  const sign = first === 47 || first === 32 ? SPACED.find((one) => text.startsWith(one, at)) : undefined;
  return sign === undefined ? -1 : at + sign.length;
}

/** Digits as the reading of a photo by a program mistakes them, each way it does. */
const MISREAD: Readonly<Record<string, string>> = {
  Z: '2',
  z: '2',
  O: '0',
  o: '0',
  l: '1',
  I: '1',
  S: '5',
  s: '5',
  q: '9',
};

/** Offset and size of which a digit or two were mistaken when a photo of a screen was read: `+0x1fZ/0x4a0`. */
function readMisread(text: string): { offset: number; size: number; length: number } | null {
  const match = /^\+[0O]x([\da-fZzOolISsq]{1,6})\/[0O]x([\da-fZzOolISsq]{1,6})(?![\w.$])/.exec(text);
  const [whole, offset = '', size = ''] = match ?? [''];
  if (match === null || (offset + size).replace(/[\da-f]/g, '').length > 2) {
    return null;
  }
  const value = (digits: string) =>
    Number.parseInt(
      digits.replace(/[G-Zg-z]/g, (one) => MISREAD[one] ?? one),
      16,
    );
  return { offset: value(offset), size: value(size), length: whole.length };
}

/** Where the symbol before `end` begins; -1 when what stands there is none. */
function symbolStart(text: string, end: number, floor: number): number {
  let start = end;
  let hash = 0;
  const first = Math.max(floor, end - MAX_SYMBOL);
  while (start > first) {
    const unit = text.charCodeAt(start - 1);
    if (!isSymbolUnit(unit)) {
      break;
    }
    hash = (hash * 31 + unit) | 0;
    start--;
  }
  token.hash = hash;
  while (text.charCodeAt(start) === 46 && text.charCodeAt(start + 1) === 46) {
    start += 2;
  }
  return start < end && beginsSymbol(text.charCodeAt(start)) ? start : -1;
}

/** A question mark before the symbol: the unwinder could not tell whether it belongs to the chain. */
export function isQuestioned(text: string, start: number, floor: number): boolean {
  let at = start - 1;
  while (at >= floor && text.charCodeAt(at) === 32) {
    at--;
  }
  return at >= floor && text.charCodeAt(at) === 63;
}

/**
 * ` [zfs]`, ` [zfs(POE)]`, with a build-id ` [zfs 4f0a...]` (CONFIG_STACKTRACE_BUILD_ID), or
 * ` [zfs@bf0a1000+0x2290]`, read into {@link token}; blanks before the bracket may be lost or many.
 */
function readModule(text: string, from: number, limit: number): void {
  token.moduleStart = -1;
  token.moduleEnd = -1;
  let at = from;
  while (at < limit && at - from < MAX_BLANKS && isBlank(text.charCodeAt(at))) {
    at++;
  }
  if (at >= limit || text.charCodeAt(at) !== 91) {
    return;
  }
  const start = baseNameStart(text, at + 1, limit);
  let end = start;
  let letters = 0;
  let hex = 0;
  for (; end < limit && end - start <= MAX_MODULE; end++) {
    const unit = text.charCodeAt(end);
    if (!isModuleUnit(unit)) {
      break;
    }
    letters += unit > 57 ? 1 : 0;
    hex += isHexUnit(unit) ? 1 : 0;
  }
  const length = end - start;
  // Digits alone are a time or a process; eight hexadecimal digits and more are an address.
  if (letters === 0 || length > MAX_MODULE || (length >= 8 && hex === length)) {
    return;
  }
  let close = end;
  let isCut = false;
  const next = text.charCodeAt(close);
  if (next === 40 || next === 32 || next === 64) {
    // No farther: a line of many brackets that are not closed would be looked through from each.
    const behind = text.slice(close, Math.min(close + MAX_ANNOTATION, limit));
    const bracket = behind.indexOf(']');
    isCut = bracket < 0;
    if (isCut ? !CUT.test(behind) : !isAnnotation(behind.slice(0, bracket))) {
      return;
    }
    close += isCut ? behind.length - 1 : bracket;
  }
  if (!isCut && (close >= limit || text.charCodeAt(close) !== 93)) {
    return;
  }
  if (NOT_A_MODULE.has(text.slice(start, end))) {
    return;
  }
  token.moduleStart = start;
  token.moduleEnd = end;
  token.end = close + 1;
}

/**
 * Where the name begins that stands from `from` on in brackets: SystemTap's programs and libraries have their
 * whole path. One slash alone begins a forum's tag.
 */
function baseNameStart(text: string, from: number, limit: number): number {
  if (text.charCodeAt(from) !== 47) {
    return from;
  }
  let start = from;
  for (let at = from + 1; at < limit && at - from < MAX_PATH; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 47) {
      start = at + 1;
    } else if (unit === 93 || unit === 32) {
      break;
    }
  }
  return start;
}

/** Words in brackets that forums, and printers of inlined functions, put behind a frame. */
const NOT_A_MODULE: ReadonlySet<string> = new Set(['inline', 'inlined', 'code', 'quote', 'pre', 'noparse']);

/** The first part of a build-id, at which a line was cut: a narrow terminal's, an excerpt's. */
const CUT = /^ [\da-f]{1,39}\s*$/;

/** Taint letters, a build-id, or both; or where the module lies and its size, as OpenWrt prints them. */
function isAnnotation(text: string): boolean {
  return /^(?:\([A-Z+-]{1,12}\))?(?:@[\da-f]{6,16}\+0x[\da-f]{1,8})?(?: [\da-f]{8,64})?$/.test(text);
}

function isModuleUnit(unit: number): boolean {
  return (isSymbolUnit(unit) && unit !== 46 && unit !== 36) || unit === 45;
}

function isBlank(unit: number): boolean {
  return unit === 32 || unit === 9;
}

function hexValue(unit: number): number {
  return unit <= 57 ? unit - 48 : (unit | 32) - 87;
}

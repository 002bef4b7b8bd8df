/**
 * Classes of characters, and of a few that stand together, one bit each. A line's bits, or-ed together,
 * tell which readers could find something in it.
 */

export const PLUS = 1 << 0;
export const HASH = 1 << 1;
export const COLON = 1 << 2;
export const AT = 1 << 3;
export const PAREN = 1 << 4;
const CLOSE = 1 << 5;
export const SEMICOLON = 1 << 6;
export const BACKTICK = 1 << 7;
export const BANG = 1 << 8;
export const GREATER = 1 << 9;
export const LESS = 1 << 10;
export const PIPE = 1 << 11;
export const COMMA = 1 << 12;
export const BRACKET = 1 << 13;
const X = 1 << 14;
export const EQUALS = 1 << 15;
export const LETTER = 1 << 16;
export const RETURN = 1 << 17;
/** What has to be taken out or replaced before a line can be read. */
export const UNCLEAN = 1 << 18;
/** \u2190 to \u2199, which tracers draw calls with. */
export const ARROW = 1 << 19;
/** An offset: `+0x`, or behind what can be a name a `+` and a hexadecimal number. */
export const OFFSET = 1 << 20;
/** `+ 1`, as offsets are printed that are apart from the name. */
export const SUM = 1 << 21;
/** `#1`, `# 1`: the number of an entry. */
export const NUMBERED = 1 << 22;
/** `->`, `<-`, `=>` */
export const POINTER = 1 << 23;
/** A place in brackets ends: `:12)`, `??)`, `discriminator 3))`. */
export const PLACED = 1 << 24;
/** A library, a module or `inlined` in brackets begins: `([`, `(/`, `(inl`. */
export const LIBRARY = 1 << 25;
/** A semicolon that nothing separates from what follows, as in a folded stack. */
export const FOLDED = 1 << 26;
/** `0x1` */
export const ADDRESS = 1 << 27;
/** Eight hexadecimal digits or more, and sixteen. */
export const LONG_HEX = 1 << 28;
export const LONG_ADDRESS = 1 << 30;
/** A name with an ending of up to three characters, and a number: `.c:12`, `.c: 12`. */
export const SOURCE = 1 << 29;

/** All of what stands together. */
export const TOGETHER =
  OFFSET | SUM | NUMBERED | POINTER | PLACED | LIBRARY | FOLDED | ADDRESS | LONG_HEX | LONG_ADDRESS | SOURCE;

/** Control characters that are met in logs of terminals; colours begin with the last. */
export const CONTROLS = '\0\x07\x08\x0b\x0c\x1b';

/** Bits of every character below 256; of those above see {@link wideClass}. */
export const CLASS_OF = new Uint32Array(256);

const classes: readonly (readonly [string, number])[] = [
  ['+', PLUS],
  ['#', HASH],
  [':', COLON],
  ['@', AT],
  ['(', PAREN],
  [')', CLOSE],
  [';', SEMICOLON],
  ['`', BACKTICK],
  ['!', BANG],
  ['>', GREATER],
  ['<', LESS],
  ['|', PIPE],
  [',', COMMA],
  ['[', BRACKET],
  ['=', EQUALS],
  ['\r', RETURN],
  ['\\', UNCLEAN],
  ['&', UNCLEAN],
  ['\u00a0', UNCLEAN],
  ['\u00ad', UNCLEAN],
  // Blogs make a multiplication of 0x1.
  ['\u00d7', UNCLEAN],
];
for (const control of CONTROLS) {
  CLASS_OF[control.charCodeAt(0)] = UNCLEAN;
}
for (const [character, bit] of classes) {
  CLASS_OF[character.charCodeAt(0)] = bit;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_';
for (const letter of LETTERS) {
  CLASS_OF[letter.charCodeAt(0)] = letter === 'x' ? LETTER | X : LETTER;
}

/** Bits of a character beyond 255: blanks of all widths, and marks that show nothing. */
export function wideClass(unit: number): number {
  const blank = (unit >= 0x2000 && unit <= 0x200f) || unit === 0x202f || unit === 0x2060 || unit === 0x3000;
  if (unit >= 0x2190 && unit <= 0x2199) {
    return ARROW;
  }
  return blank || unit === 0xfeff ? UNCLEAN : 0;
}

/** 1: a part of a symbol's name, A-Z a-z 0-9 _ . $. 2: a hexadecimal digit. */
const KIND = new Uint8Array(256);
for (const unit of `${LETTERS}0123456789.$`) {
  KIND[unit.charCodeAt(0)] = 1;
}
for (const unit of '0123456789abcdefABCDEF') {
  KIND[unit.charCodeAt(0)] = 3;
}

export function isSymbolUnit(unit: number): boolean {
  return unit < 256 && ((KIND[unit] ?? 0) & 1) !== 0;
}

export function isHexUnit(unit: number): boolean {
  return unit < 256 && ((KIND[unit] ?? 0) & 2) !== 0;
}

export function isDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57;
}

/** What a symbol can begin with: a letter, _ or the dot of the 64-bit PowerPC's entry points. */
export function beginsSymbol(unit: number): boolean {
  return (unit >= 65 && unit <= 90) || (unit >= 97 && unit <= 122) || unit === 95 || unit === 46;
}

/** Classes of the characters that {@link togetherClass} looks beside. */
const BESIDE = PLUS | HASH | COLON | GREATER | LESS | PAREN | CLOSE | SEMICOLON | X;

/** All bits of the characters of `text` from `from` to `to`. */
export function classesOf(text: string, from: number, to: number): number {
  let classes = 0;
  let digits = 0;
  for (let at = from; at < to; at++) {
    const unit = text.charCodeAt(at);
    const bits = unit < 256 ? (CLASS_OF[unit] ?? 0) : wideClass(unit);
    classes |= bits;
    digits = isHexUnit(unit) ? digits + 1 : 0;
    if (digits >= 8) {
      classes |= digits >= 16 ? LONG_HEX | LONG_ADDRESS : LONG_HEX;
    }
    if ((bits & BESIDE) !== 0) {
      classes |= togetherClass(text, at, from, unit);
    }
  }
  return classes;
}

/** Bits of the character at `at` together with those beside it; the line begins at `from`. */
function togetherClass(text: string, at: number, from: number, unit: number): number {
  const next = text.charCodeAt(at + 1);
  const before = at > from ? text.charCodeAt(at - 1) : 0;
  switch (unit) {
    case 43: // +
      if (next === 32) {
        return isDigit(text.charCodeAt(at + 2)) ? SUM : 0;
      }
      return isOffset(text, at + 1, before) ? OFFSET : 0;
    case 35: // #
      return isDigit(next) || (next === 32 && isDigit(text.charCodeAt(at + 2))) ? NUMBERED : 0;
    case 58: // :
      return hasEnding(text, at, from) && isDigit(next === 32 ? text.charCodeAt(at + 2) : next) ? SOURCE : 0;
    case 62: // >
      return before === 45 || before === 61 ? POINTER : 0;
    case 60: // <
      return next === 45 ? POINTER : 0;
    case 40: // (
      return next === 91 || next === 47 || (next === 105 && text.charCodeAt(at + 3) === 108) ? LIBRARY : 0;
    case 41: // )
      return endsPlace(text, at, from) ? PLACED : 0;
    case 59: // ;
      return next > 32 ? FOLDED : 0;
    case 120: // x
      return before === 48 && isHexUnit(next) ? ADDRESS : 0;
    default:
      return 0;
  }
}

/** Longest offset that is printed without 0x. */
const MAX_DIGITS = 12;

/** Whether an offset begins at `from`, with `before` before its `+`. */
function isOffset(text: string, from: number, before: number): boolean {
  if ((text.charCodeAt(from + 1) | 32) === 120) {
    return true;
  }
  let end = from;
  while (end - from <= MAX_DIGITS && isHexUnit(text.charCodeAt(end))) {
    end++;
  }
  return end > from && before > 32 && !isSymbolUnit(text.charCodeAt(end));
}

/** Whether a name's ending, a dot and up to three characters, stands before `at`. */
function hasEnding(text: string, at: number, from: number): boolean {
  for (let dot = at - 2; dot >= at - 4 && dot >= from; dot--) {
    if (text.charCodeAt(dot) === 46) {
      return true;
    }
  }
  return false;
}

/** Whether the number of a line, or the second bracket behind one, stands before the bracket at `at`. */
function endsPlace(text: string, at: number, from: number): boolean {
  let start = at;
  while (start > from && at - start < 8 && isDigit(text.charCodeAt(start - 1))) {
    start--;
  }
  const before = start > from ? text.charCodeAt(start - 1) : 0;
  return before === 63 || before === 41 || (before === 58 && start < at);
}

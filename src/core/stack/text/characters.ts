/**
 * Classes of characters, one bit each. A line's bits, or-ed together while its end is looked for,
 * tell which readers could find something in it.
 */

export const PLUS = 1 << 0;
export const HASH = 1 << 1;
export const COLON = 1 << 2;
export const AT = 1 << 3;
export const PAREN = 1 << 4;
export const BRACE = 1 << 5;
export const SEMICOLON = 1 << 6;
export const BACKTICK = 1 << 7;
export const BANG = 1 << 8;
export const GREATER = 1 << 9;
export const LESS = 1 << 10;
export const PIPE = 1 << 11;
export const COMMA = 1 << 12;
export const BRACKET = 1 << 13;
export const SLASH = 1 << 14;
export const EQUALS = 1 << 15;
export const LETTER = 1 << 16;
export const QUOTE = 1 << 17;
export const RETURN = 1 << 18;
/** What has to be taken out or replaced before a line can be read. */
export const BACKSLASH = 1 << 19;
export const AMPERSAND = 1 << 20;
export const CONTROL = 1 << 21;
export const ODD_BLANK = 1 << 22;
/** \u2190 to \u2199, which tracers draw calls with. */
export const ARROW = 1 << 23;

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
  ['{', BRACE],
  [';', SEMICOLON],
  ['`', BACKTICK],
  ['!', BANG],
  ['>', GREATER],
  ['<', LESS],
  ['|', PIPE],
  [',', COMMA],
  ['[', BRACKET],
  ['/', SLASH],
  ['=', EQUALS],
  ['"', QUOTE],
  ["'", QUOTE],
  ['\r', RETURN],
  ['\\', BACKSLASH],
  ['&', AMPERSAND],
  ['\u00a0', ODD_BLANK],
  ['\u00ad', ODD_BLANK],
];
for (const control of CONTROLS) {
  CLASS_OF[control.charCodeAt(0)] = CONTROL;
}
for (const [character, bit] of classes) {
  CLASS_OF[character.charCodeAt(0)] = bit;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_';
for (const letter of LETTERS) {
  CLASS_OF[letter.charCodeAt(0)] = LETTER;
}

/** Bits of a character beyond 255: blanks of all widths, and marks that show nothing. */
export function wideClass(unit: number): number {
  const blank = (unit >= 0x2000 && unit <= 0x200f) || unit === 0x202f || unit === 0x2060 || unit === 0x3000;
  if (unit >= 0x2190 && unit <= 0x2199) {
    return ARROW;
  }
  return blank || unit === 0xfeff ? ODD_BLANK : 0;
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

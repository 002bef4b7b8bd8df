/** Longest text that {@link inert} returns by default, in UTF-16 units without the mark of a cut. */
const INERT_LIMIT = 4096;

/** Stands where {@link inert} cut a text. */
const CUT = '…';

/**
 * What a terminal, an editor or a reader's eye may obey instead of show:
 * C0, DEL and C1 controls (so every ANSI, OSC and DCS sequence loses its introducer), line and
 * paragraph separators, the bidirectional controls of UAX #9, zero-width and other invisible format
 * characters, tag characters, and lone surrogates.
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;

/**
 * Text of a target made safe to show on one line: each character that would act instead of being
 * seen is replaced by a visible stand-in. C0 controls become their control pictures (`␛`), others
 * `<U+202E>`; a lone surrogate becomes U+FFFD. Longer text is cut and ends in `…`.
 */
export function inert(text: string, limit: number = INERT_LIMIT): string {
  return cut(text, limit).replace(UNSAFE, standIn);
}

/** As {@link inert}, but tabs and newlines stay: for text that is shown as a block. */
export function inertBlock(text: string, limit: number = INERT_LIMIT): string {
  return cut(text, limit).replace(UNSAFE, (c) => (c === '\n' || c === '\t' ? c : standIn(c)));
}

function standIn(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) {
    return String.fromCodePoint(0x2400 + code);
  }
  if (code === 0x7f) {
    return '\u2421';
  }
  if (code >= 0xd800 && code <= 0xdfff) {
    return '\ufffd';
  }
  return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
}

function cut(text: string, limit: number): string {
  if (text.length <= limit) {
    return text;
  }
  // not between the halves of a surrogate pair
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit) + CUT;
}

/**
 * Takes out of a line what hides the text of a stack: colours, HTML entities, escapes of JSON and
 * Markdown, quoted-printable characters, blanks of other kinds, and the sign of a multiplication that
 * blogs make of the x of a number.
 */
import { CONTROLS, EQUALS, HASH, RETURN, UNCLEAN } from './characters.ts';
import type { Piece } from './line.ts';

/** What blogs make of the x between digits. */
const TIMES = '\u00d7';

/** A line that was made of a raw one; newlines written as escapes make several of one. */
export interface CleanLine {
  readonly text: string;
  readonly pieces: readonly Piece[];
}

const colour =
  '\\x1b(?:\\\\?\\[[\\d;:?]{0,32}[ -/]{0,2}[@-~]|\\][^\\x07\\x1b]{0,256}(?:\\x07|\\x1b\\\\)|[@-_])?';
// A backslash is doubled by each string that a text is put into; without a limit, a long run of them would be looked
// through from each.
const escapedColour = '\\\\{1,16}(?:u001[bB]|x1[bB]|033|e)\\[[\\d;]{0,32}m';
const entity = '&(?:amp;)?(?:lt|gt|amp|quot|apos|nbsp|times|#\\d{1,5}|#x[\\da-fA-F]{1,4});';
/** A newline, unless a path goes on behind it (C:\new.c), or it ends a string among the arguments that GDB prints. */
const escapedNewline =
  '\\\\{1,16}[nr](?!"(?:\\)|, \\w+=))(?=[\\s[<>"\'\\\\\\d(#@=?|:-]|$|[A-Za-z_.][\\w.$]{0,200}[+(])';
/** PHP escapes these too; before a size nothing else is meant. */
const escapedSlash = '\\\\/(?=0x)';
const jsonEscape = '\\\\{1,16}(?:u[\\da-fA-F]{4}|["/]|t(?=[\\s[<"\\\\\\d]|[A-Za-z_][\\w.]{0,200}\\+))';
const markdownEscape = '\\\\{1,4}[_[\\]<>()*#+.!|{}~`-]';
const hexEscape = '\\\\x[\\da-fA-F]{2}';
/**
 * Also what Latin-1 and UTF-8 have for blanks, dashes and quote marks, of which only a border of words is needed. `=A0` may
 * stand in `a=A0B1`, a value in hex digits; of a name behind the blank, `=A0dbuf_read`, the digits are small letters.
 */
const quotedPrintable = '=(?:3D|20|09|5F|2E|5B|5D|C2=A0|A0(?![\\dA-F]{2})|E2=80=[\\dA-F]{2}|0A(?==?$))';
const blanks = '[\\x00-\\x08\\x0b-\\x1f\\xa0\\xad\\xd7\\u2000-\\u200f\\u202f\\u2060\\u3000\\ufeff]';

/** syslog daemons write control characters so. */
const octal = '#0(?:11|12|15)';

/** In a string of JSON there is no doubt. */
const jsonNewline = '\\\\{1,16}[nr](?![\\w-]{1,64}(?:\\\\\\\\|\\.[chS]:))';
const jsonBackslash = '\\\\\\\\';
const jsonTab = '\\\\{1,16}t';

/** At the end of a line: C strings that go on in the next. */
const lastNewline = '\\\\n\\\\?$';

const plain = new RegExp(
  [
    lastNewline,
    octal,
    colour,
    escapedColour,
    entity,
    hexEscape,
    escapedSlash,
    markdownEscape,
    quotedPrintable,
    blanks,
  ].join('|'),
  'g',
);
const quoted = new RegExp(
  [
    octal,
    colour,
    escapedColour,
    entity,
    escapedNewline,
    jsonEscape,
    hexEscape,
    markdownEscape,
    quotedPrintable,
    blanks,
  ].join('|'),
  'g',
);

const json = new RegExp(
  [
    octal,
    colour,
    escapedColour,
    entity,
    jsonNewline,
    jsonTab,
    jsonEscape,
    hexEscape,
    markdownEscape,
    jsonBackslash,
    blanks,
  ].join('|'),
  'g',
);

/** Any of these makes a text one whose lines are looked at character by character. */
const NOT_PLAIN: readonly string[] = [...CONTROLS, '\r', '\\', '&', '\u00a0', '\u00ad', TIMES];

/**
 * Whether no line of a text needs cleaning. Searches for single characters are many times faster
 * than one look at each character.
 */
export function isPlain(text: string): boolean {
  return (
    !/[\u0100-\uffff]/.test(text) &&
    !NOT_PLAIN.some((one) => text.includes(one)) &&
    !text.includes('#01') &&
    !(text.includes('=') && QUOTED_PRINTABLE.test(text))
  );
}

/**
 * What is only written so where a text is quoted-printable: of what {@link quotedPrintable} takes out, `a=20` alone is also an
 * assignment, and `=20=` and `=0A=` are not.
 */
const QUOTED_PRINTABLE = /=(?:3D|5F|2E|5B|5D|C2=A0|A0(?![\dA-F]{2})|E2=80=[\dA-F]{2}|20=|0A=)/;

/** Whether a line with these classes, or one that a `=` says is quoted-printable, needs cleaning. */
export function needsCleaning(classes: number, text: string, from: number, to: number): boolean {
  if ((classes & UNCLEAN) !== 0) {
    return true;
  }
  if ((classes & HASH) !== 0 && text.slice(from, to).includes('#01')) {
    return true;
  }
  if ((classes & RETURN) !== 0) {
    const first = text.indexOf('\r', from);
    let end = to;
    while (end > first && text.charCodeAt(end - 1) === 13) {
      end--;
    }
    return first < end;
  }
  return (classes & EQUALS) !== 0 && QUOTED_PRINTABLE.test(text.slice(from, Math.min(to, from + 4096)));
}

/** The lines that `raw`, line `number` of the document, is read as. */
export function cleanLines(raw: string, number: number): CleanLine[] {
  const lines: CleanLine[] = [];
  const pattern =
    /^\s*(?:[{[]\s*)*"/.test(raw) || (raw.split('\\n', 5).length > 4 && !/\b[A-Za-z]:\\/.test(raw))
      ? json
      : /["']/.test(raw) || raw.split('\\n', 3).length > 2
        ? quoted
        : plain;
  let text = '';
  let pieces: Piece[] = [{ column: 0, line: number, rawColumn: 0 }];
  let at = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(raw); match !== null; match = pattern.exec(raw)) {
    text += raw.slice(at, match.index);
    at = match.index + match[0].length;
    const instead = replacement(match[0]);
    if (instead === '\n') {
      lines.push({ text, pieces });
      text = '';
      pieces = [];
    } else {
      text += instead;
    }
    pieces.push({ column: text.length, line: number, rawColumn: at });
  }
  lines.push({ text: text + raw.slice(at), pieces });
  return lines;
}

const NAMED: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  times: 'x',
};

function replacement(found: string): string {
  const first = found.charCodeAt(0);
  if (first === 0x1b) {
    return '';
  }
  if (found[0] === '&') {
    const name = found.slice(1, -1).replace('amp;', '');
    const code = name[1] === 'x' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return name[0] === '#' ? printable(code) : (NAMED[name] ?? '');
  }
  if (found[0] === '#') {
    return found === '#011' ? '\t' : '\n';
  }
  if (found[0] === '=') {
    return found.length > 3 || found === '=A0'
      ? ' '
      : found === '=0A'
        ? '\n'
        : printable(Number.parseInt(found.slice(1), 16));
  }
  if (found[0] === '\\' && found.endsWith('m') && found.includes('[')) {
    return '';
  }
  if (found === '\\\\') {
    return '\\';
  }
  if (found[0] === '\\') {
    return unescaped(found.replace(/^\\+/, ''));
  }
  if (found === TIMES) {
    return 'x';
  }
  // A carriage return in the middle of a line is where a terminal went back to its beginning.
  if (first === 13) {
    return '\n';
  }
  return first === 0xad || (first >= 0x200b && first <= 0x200f) || first === 0x2060 || first === 0xfeff
    ? ''
    : ' ';
}

function unescaped(sequence: string): string {
  switch (sequence[0]) {
    case 'n':
    case 'r':
      return '\n';
    case 't':
      return '\t';
    case 'u':
    case 'x': {
      const code = Number.parseInt(sequence.slice(1), 16);
      return code === 10 ? '\n' : printable(code);
    }
    default:
      return sequence;
  }
}

/** The character, or a blank for one that shows nothing. */
function printable(code: number): string {
  if (code === 0xd7) {
    return 'x';
  }
  return code < 32 || code === 0xa0 || Number.isNaN(code) ? ' ' : String.fromCharCode(code);
}

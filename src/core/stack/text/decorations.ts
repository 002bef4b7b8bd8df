import { isDigit } from './characters.ts';

/**
 * What logs, mails, forums and terminals put before a line: time, level, host, caller, quote mark.
 * A line's body is what is left when all of it is taken off.
 */

/** One time of day; Linux and BSD logs write fractions with a dot or, by locale, with a comma. */
const CLOCK = '\\d{1,2}:\\d\\d:\\d\\d(?:[.,]\\d{1,9})?';
/** Forums' marks; some write them in capitals. */
const BBCODE = `(?:${anyCase('code|quote|pre|noparse|spoiler|font|color|size|b|i|u')})`;
const NAME = '(?:[^\\s\\d:<>[\\]()+#|"]{1,12}|\\d{1,2}[\u6708\uc6d4])';
const YEAR = '(?:19|20)\\d\\d';

/** What a word can begin with: all but blanks and what ends one. */
const WORD = '^\\s:<>[\\]()+#|"';

/** Each with the characters that it begins with, as they stand between the brackets of a pattern. */
const sources: readonly (readonly [string, string])[] = [
  ['\\s', '\\s+'],
  // Marks of mail quoting and of tables. ">" before a path is strace's, and harmless to lose.
  ['>|\u2502\u2503', '[>|\\u2502\\u2503](?=\\s|>|$)'],
  // A list's mark, before what can begin an entry.
  [
    '*\u2022-',
    '[-*\\u2022](?= {1,40}(?:[[<]|#\\d|\\? |0x|[\\da-f]{8,16} |[A-Za-z_][\\w.$]*(?:\\+|\\(|:[A-Za-z_][\\w.$]*\\+)))',
  ],
  // <6>, and what is left of colours when the escape character was lost.
  ['<', '<\\d{1,3}>'],
  ['\\[\\^', '(?:\\^\\[)?\\[[\\d;]{0,12}m'],
  // printk times [  123.456789], deltas [ +0,010730], and dates.
  ['\\[', '\\[ {0,12}[+<]? {0,8}\\d{1,8}[.,]\\d{1,9}>?\\]'],
  // FreeBSD's seconds since the boot.
  ['\\[', '\\[\\d{1,10}\\](?= )'],
  ['\\[', `\\[(?:${NAME} ){1,2} ?\\d{1,2} ${CLOCK}(?: ${YEAR})?\\]`],
  ['\\[', `\\[${YEAR}-\\d\\d-\\d\\d[T ]${CLOCK}[^\\]]{0,8}\\]:?`],
  // CONFIG_PRINTK_CALLER: thread or CPU.
  ['\\[', '\\[ {0,8}[TC] ?\\d{1,8}\\]'],
  ['12', `${YEAR}-\\d\\d-\\d\\d[T ]${CLOCK}(?:Z|[+-]\\d\\d:?\\d\\d)?`],
  ['12', `${YEAR}/\\d\\d/\\d\\d ${CLOCK}`],
  ['\\d', `\\d{1,2}[/.]\\d{1,2}[/.](?:\\d\\d)?\\d\\d,? ${CLOCK}(?: ?[AP]M)?`],
  // Containers of Kubernetes, and Android.
  ['s', '(?:stdout|stderr) [FP](?=\\s)'],
  ['\\d', `\\d\\d-\\d\\d ${CLOCK} {1,6}\\d{1,8} {1,6}\\d{1,8} [VDIWEF] \\w{1,32} {0,16}:`],
  // syslog: a month by its name in any language, and a day.
  [WORD, `(?:${YEAR} )?(?:${NAME} {1,2}){1,2}\\d{1,2}\\.? (?:${YEAR} )?${CLOCK}(?: ${YEAR})?`],
  ['\\d', `\\d{1,2}\\.? ${NAME} (?:${YEAR} )?${CLOCK}`],
  ['\\d', `${CLOCK}(?=\\s)`],
  // The program that wrote it, with or without the host before it.
  [
    WORD,
    '(?:[^\\s:<>[\\]()+#|"]{1,64} )?(?:kernel|vmunix|systemd-coredump|netconsole|user)(?:\\[\\d{1,8}\\])?:',
  ],
  ['\\w.-', '[\\w.-]{1,64} (?=\\[ {0,12}\\d{1,8}\\.\\d{6}\\])'],
  [
    '\\w.-',
    '(?:[\\w.-]{1,64}: )?(?:kern|user|daemon|syslog) {0,4}[.:] ?(?:emerg|alert|crit|err|warning|warn|notice|info|debug) {0,4}:?',
  ],
  // illumos's syslog
  ['\\w.-', '(?:[\\w.-]{1,64} )?(?:unix|genunix|zfs): \\[ID \\d{1,12} [\\w.]{1,32}\\]'],
  // /dev/kmsg: priority, sequence, microseconds, flags.
  ['\\d', '\\d{1,4},\\d{1,20},\\d{1,20},[-c+][^;]{0,80};'],
  ['\\[', `\\[/?${BBCODE}(?:=[^\\]]{0,40})?\\]`],
  ['<', '</?(?:pre|code|p|br|div|span|td|tr|li|tt|samp)(?: [^>]{0,80})?/?>'],
  ['`', '`{3,}'],
  // Keys of JSON records around the text.
  ['{[\\s"', '[{[]?\\s?"[\\w@.]{1,32}"\\s?:\\s?"'],
  ['"\'', '["\'](?=[\\s[<#@]|$|[\\da-f]{8,16} )'],
  // A line that Markdown shows as code.
  ['`', '`(?=#|\\[|[\\da-f]{8,16} )'],
  // A key that ended the program.
  ['\\^', '\\^C(?=\\s)'],
  // containers: name_1  |; behind another bar it is in the row of a table.
  ['\\w.-', '(?<!\\| {0,8})[\\w.-]{1,64} {1,8}\\|(?=[ \\t])'],
  ['=', '==\\d{1,8}=='],
];
/** Of {@link sources} those that begin with a character; made when it is first met. */
const byFirst: (RegExp | undefined)[] = [];
const whole = decoration(sources);

function decoration(of: typeof sources): RegExp {
  return of.length === 0 ? /(?!)/y : new RegExp(of.map(([, source]) => `(?:${source})`).join('|'), 'y');
}

function decorationWith(first: number): RegExp {
  if (!(first < 128)) {
    return whole;
  }
  let known = byFirst[first];
  if (known === undefined) {
    const character = String.fromCharCode(first);
    known = decoration(sources.filter(([begins]) => new RegExp(`[${begins}]`).test(character)));
    byFirst[first] = known;
  }
  return known;
}

/** Pieces of decoration that are taken off one line at most. */
const MAX_DECORATIONS = 16;

/** Column where the body of a line begins. */
export function bodyStart(text: string): number {
  let at = timeEnd(text, 0);
  // <TASK>, <IRQ>, </TASK>: no tag of a forum follows a time.
  if (
    at > 0 &&
    (isLetter(text.charCodeAt(at)) || (text.charCodeAt(at) === 60 && !isDigit(text.charCodeAt(at + 1))))
  ) {
    return at;
  }
  for (let count = 0; count < MAX_DECORATIONS; count++) {
    const pattern = decorationWith(text.charCodeAt(at));
    pattern.lastIndex = at;
    if (!pattern.test(text) || pattern.lastIndex === at) {
      break;
    }
    at = pattern.lastIndex;
  }
  return at;
}

/** What forums, tables and JSON put behind a line. */
const BEHIND = new RegExp(
  `(?:\\s|\\s\\||<br ?/?>|</(?:pre|code|p|div|span|td|tr|li|tt|samp)>|\\[/${BBCODE}\\])+$`,
  'i',
);

/** A string of JSON, or Markdown's code, ends whose beginning was taken off, or is on another line: nothing opens the quote. */
const CLOSED = /(?<=^[^"]*)"[}\]),]{0,8}$|(?<=^[^']*)'[}\]),]{0,8}$|(?<=^[^`]*)`$/;

/** A quote that ends a line, and what closes behind it. */
const CLOSES = /["'`][}\]),]*$/;

/** Column where the body of a line that begins at `from` ends. */
export function bodyEnd(text: string, from: number): number {
  // Nearly all lines.
  if (endsBody(text.charCodeAt(text.length - 1))) {
    return Math.max(from, text.length);
  }
  const trimmed = isPrinted(text.charCodeAt(text.length - 1)) ? text : text.trimEnd();
  if (trimmed.length <= from) {
    return from;
  }
  if (!endsMarked(trimmed.charCodeAt(trimmed.length - 1)) && !/["'],$/.test(trimmed.slice(-2))) {
    return trimmed.length;
  }
  // Looked for in the last characters only: the pattern may begin anywhere.
  const tail = Math.max(from, trimmed.length - 64);
  const end = tail + (BEHIND.exec(trimmed.slice(tail))?.index ?? trimmed.length - tail);
  if (!CLOSES.test(text.slice(Math.max(tail, from, end - 9), end))) {
    return end;
  }
  return end - (CLOSED.exec(text.slice(Math.max(tail, from), end))?.[0].length ?? 0);
}

/**
 * Where the line goes on behind printk's `[  123.456789] `, which is on most lines that are ever read: past it without a
 * pattern. `from`, where the line begins, if it is not there.
 */
export function timeEnd(text: string, from: number): number {
  if (text.charCodeAt(from) !== 91) {
    return from;
  }
  let at = from + 1;
  let dots = 0;
  for (; at < from + 24; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 46) {
      dots++;
    } else if (!(unit === 32 && dots === 0) && !(unit >= 48 && unit <= 57)) {
      break;
    }
  }
  if (text.charCodeAt(at) !== 93 || dots !== 1) {
    return from;
  }
  at++;
  while (text.charCodeAt(at) === 32) {
    at++;
  }
  return at;
}

/** Whether nothing can stand behind the body of a line that ends with this character: it is no blank, mark or comma. */
export function endsBody(unit: number): boolean {
  return isPrinted(unit) && !endsMarked(unit) && unit !== 44;
}

/** What is put behind ends so, with one of > ] | } " ' `; a line of a log ends otherwise. */
function endsMarked(unit: number): boolean {
  return (
    unit === 62 || unit === 93 || unit === 124 || unit === 125 || unit === 34 || unit === 39 || unit === 96
  );
}

/** One of ASCII's characters that are no blanks. */
function isPrinted(unit: number): boolean {
  return unit > 32 && unit < 127;
}

function isLetter(unit: number): boolean {
  return (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90);
}

/** The source of a pattern of words, in small letters or in capitals. */
function anyCase(words: string): string {
  return words.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}

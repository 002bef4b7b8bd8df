import { isDigit } from './characters.ts';

/**
 * What logs, mails, forums and terminals put before a line: time, level, host, caller, quote mark.
 * A line's body is what is left when all of it is taken off.
 */

/** One time of day; Linux and BSD logs write fractions with a dot or, by locale, with a comma. */
const CLOCK = '\\d{1,2}:\\d\\d:\\d\\d(?:[.,]\\d{1,9})?';
const NAME = '(?:[^\\s\\d:<>[\\]()+#|"]{1,12}|\\d{1,2}[\u6708\uc6d4])';
const YEAR = '(?:19|20)\\d\\d';

const sources: readonly string[] = [
  '\\s+',
  // Marks of mail quoting and of tables. ">" before a path is strace's, and harmless to lose.
  '[>|\\u2502\\u2503](?=\\s|>|$)',
  // A list's mark, before what can begin an entry.
  '[-*\\u2022](?= {1,40}(?:[[<]|#\\d|\\? |0x|[\\da-f]{8,16} |[A-Za-z_][\\w.$]*(?:\\+|\\(|:[A-Za-z_][\\w.$]*\\+)))',
  // <6>, and what is left of colours when the escape character was lost.
  '<\\d{1,3}>',
  '(?:\\^\\[)?\\[[\\d;]{0,12}m',
  // printk times [  123.456789], deltas [ +0,010730], and dates.
  '\\[ {0,12}[+<]? {0,8}\\d{1,8}[.,]\\d{1,9}>?\\]',
  // FreeBSD's seconds since the boot.
  '\\[\\d{1,10}\\](?= )',
  `\\[(?:${NAME} ){1,2} ?\\d{1,2} ${CLOCK}(?: ${YEAR})?\\]`,
  `\\[${YEAR}-\\d\\d-\\d\\d[T ]${CLOCK}[^\\]]{0,8}\\]:?`,
  // CONFIG_PRINTK_CALLER: thread or CPU.
  '\\[ {0,8}[TC] ?\\d{1,8}\\]',
  `${YEAR}-\\d\\d-\\d\\d[T ]${CLOCK}(?:Z|[+-]\\d\\d:?\\d\\d)?`,
  `${YEAR}/\\d\\d/\\d\\d ${CLOCK}`,
  `\\d{1,2}[/.]\\d{1,2}[/.](?:\\d\\d)?\\d\\d,? ${CLOCK}(?: ?[AP]M)?`,
  // Containers of Kubernetes, and Android.
  '(?:stdout|stderr) [FP](?=\\s)',
  `\\d\\d-\\d\\d ${CLOCK} {1,6}\\d{1,8} {1,6}\\d{1,8} [VDIWEF] \\w{1,32} {0,16}:`,
  // syslog: a month by its name in any language, and a day.
  `(?:${YEAR} )?(?:${NAME} {1,2}){1,2}\\d{1,2}\\.? (?:${YEAR} )?${CLOCK}(?: ${YEAR})?`,
  `\\d{1,2}\\.? ${NAME} (?:${YEAR} )?${CLOCK}`,
  `${CLOCK}(?=\\s)`,
  // The program that wrote it, with or without the host before it.
  '(?:[^\\s:<>[\\]()+#|"]{1,64} )?(?:kernel|vmunix|systemd-coredump|netconsole|user)(?:\\[\\d{1,8}\\])?:',
  '[\\w.-]{1,64} (?=\\[ {0,12}\\d{1,8}\\.\\d{6}\\])',
  '(?:[\\w.-]{1,64}: )?(?:kern|user|daemon|syslog) {0,4}[.:] ?(?:emerg|alert|crit|err|warning|warn|notice|info|debug) {0,4}:?',
  // illumos's syslog
  '(?:[\\w.-]{1,64} )?(?:unix|genunix|zfs): \\[ID \\d{1,12} [\\w.]{1,32}\\]',
  // /dev/kmsg: priority, sequence, microseconds, flags.
  '\\d{1,4},\\d{1,20},\\d{1,20},[-c+][^;]{0,80};',
  '\\[/?(?:code|quote|pre|noparse|spoiler)(?:=[^\\]]{0,40})?\\]',
  '</?(?:pre|code|p|br|div|span|td|tr|li|tt|samp)(?: [^>]{0,80})?/?>',
  '`{3,}',
  // Keys of JSON records around the text.
  '[{[]?\\s?"[\\w@.]{1,32}"\\s?:\\s?"',
  '["\'](?=[\\s[<#@]|$|[\\da-f]{8,16} )',
  // A line that Markdown shows as code.
  '`(?=#|\\[|[\\da-f]{8,16} )',
  // A key that ended the program.
  '\\^C(?=\\s)',
  // containers: name_1  |
  '[\\w.-]{1,64} {1,8}\\|(?=\\s)',
  '==\\d{1,8}==',
];
const DECORATION = new RegExp(sources.map((source) => `(?:${source})`).join('|'), 'y');

/** Pieces of decoration that are taken off one line at most. */
const MAX_DECORATIONS = 16;

/** Column where the body of a line begins. */
export function bodyStart(text: string): number {
  let at = behindTime(text);
  // <TASK>, <IRQ>, </TASK>: no tag of a forum follows a time.
  if (
    at > 0 &&
    (isLetter(text.charCodeAt(at)) || (text.charCodeAt(at) === 60 && !isDigit(text.charCodeAt(at + 1))))
  ) {
    return at;
  }
  for (let count = 0; count < MAX_DECORATIONS; count++) {
    DECORATION.lastIndex = at;
    const match = DECORATION.exec(text);
    if (match === null || match[0] === '') {
      break;
    }
    at = DECORATION.lastIndex;
  }
  return at;
}

/** What forums, tables and JSON put behind a line. */
const BEHIND =
  /(?:\s|\s\||<br ?\/?>|<\/(?:pre|code|p|div|span|td|tr|li|tt|samp)>|\[\/(?:code|quote|pre)\])+$/;

/** A string of JSON, or Markdown's code, ends whose beginning was taken off, or is on another line: nothing opens the quote. */
const CLOSED = /(?<=^[^"]*)"[}\]),]{0,8}$|(?<=^[^']*)'[}\]),]{0,8}$|(?<=^[^`]*)`$/;

/** Column where the body of a line that begins at `from` ends. */
export function bodyEnd(text: string, from: number): number {
  // Nearly all lines end with neither a blank nor a mark.
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
  return end - (CLOSED.exec(text.slice(Math.max(tail, from), end))?.[0].length ?? 0);
}

/** printk's `[  123.456789] ` is on most lines that are ever read: past it without a pattern; 0 if it is not there. */
function behindTime(text: string): number {
  if (text.charCodeAt(0) !== 91) {
    return 0;
  }
  let at = 1;
  let dots = 0;
  for (; at < 24; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 46) {
      dots++;
    } else if (!(unit === 32 && dots === 0) && !(unit >= 48 && unit <= 57)) {
      break;
    }
  }
  if (text.charCodeAt(at) !== 93 || dots !== 1) {
    return 0;
  }
  at++;
  while (text.charCodeAt(at) === 32) {
    at++;
  }
  return at;
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

/**
 * Finds kernel frames and source references in any text. A frame is found by its `+0x`, whatever
 * stands before it on the line, so no decoration has to be known: printk times, `[<0>]`, syslog
 * prefixes, mail quotes, ftrace's ` => `. Linear in the text's length; never throws.
 */
import type { Frame } from './frame.ts';

/** A range within one line; UTF-16 units, 0-based, end exclusive. */
export interface TextRange {
  /** 0-based. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

/** A frame `symbol+0xoff/0xsize [module]`, with the range from the symbol to the module's bracket. */
export interface TextFrame extends TextRange {
  readonly frame: Frame;
}

/** A place that a text names: `zil.c:3194:zil_commit()`, `/build/module/zfs/zap_micro.c:1415:22`. */
export interface SourceReference extends TextRange {
  /** As written: a base name or a longer path. Untrusted. */
  readonly path: string;
  /** 1-based. */
  readonly sourceLine: number;
  /** The function named behind the line; null when there is none. */
  readonly function: string | null;
}

export interface StackText {
  readonly frames: readonly TextFrame[];
  readonly references: readonly SourceReference[];
}

/** Longest symbol, path and module that are read; the kernel's KSYM_NAME_LEN is 512. */
const MAX_SYMBOL = 512;
const MAX_PATH = 1024;
const MAX_MODULE = 64;

/** Frames and references that are read from one text; what follows is left alone. */
const MAX_FOUND = 200_000;

/** Reads a whole text. */
export function readStackText(text: string): StackText {
  const frames: TextFrame[] = [];
  const references: SourceReference[] = [];
  let line = 0;
  for (let from = 0; from <= text.length && frames.length + references.length < MAX_FOUND; line++) {
    const newline = text.indexOf('\n', from);
    const end = newline < 0 ? text.length : newline;
    readLine(text.slice(from, end), line, frames, references);
    from = end + 1;
  }
  return { frames, references };
}

function readLine(text: string, line: number, frames: TextFrame[], references: SourceReference[]): void {
  for (let at = text.indexOf('+0x'), free = 0; at >= 0; at = text.indexOf('+0x', at + 3)) {
    const found = frameAt(text, at, free, line);
    if (found !== null) {
      frames.push(found);
      free = found.end;
    }
  }
  sourceSuffix.lastIndex = 0;
  let free = 0;
  for (let match = sourceSuffix.exec(text); match !== null; match = sourceSuffix.exec(text)) {
    const found = referenceAt(text, match.index, free, line);
    if (found !== null) {
      references.push(found);
      free = found.end;
    }
  }
}

/** Reads the frame whose `+0x` stands at `plus`; its symbol begins no earlier than `free`. */
function frameAt(text: string, plus: number, free: number, line: number): TextFrame | null {
  const start = wordStart(text, plus, Math.max(free, plus - MAX_SYMBOL), isSymbolUnit);
  const symbol = text.slice(start, plus);
  if (!/^[A-Za-z_]/.test(symbol) || text[start - 1] === '/') {
    return null;
  }
  const offset = hexAt(text, plus + 3);
  if (offset === null) {
    return null;
  }
  const size = text.startsWith('/0x', offset.end) ? hexAt(text, offset.end + 3) : null;
  if (size === null && !standsAlone(text, start, offset.end)) {
    return null;
  }
  const numbersEnd = size?.end ?? offset.end;
  const module = moduleAt(text, numbersEnd);
  const end = module?.end ?? numbersEnd;
  const reliable = !isQuestioned(text, start) && !text.startsWith(' (unreliable)', end);
  const frame: Frame = {
    symbol,
    offset: offset.value,
    size: size?.value ?? null,
    module: module?.name ?? null,
    reliable,
  };
  return { line, start, end, frame };
}

/**
 * Without a size the text around must say that it is a frame: nothing but decoration before it,
 * an end of the word behind it.
 */
function standsAlone(text: string, start: number, end: number): boolean {
  const before = text.slice(Math.max(0, start - 128), start);
  return bareBefore.test(before) && /^(?:[\s),]|$)/.test(text.slice(end, end + 1));
}

/** Blanks; before them perhaps a bracket's end (time, address), ftrace's arrow, gdb's `#3 0x... in`. */
const bareBefore = /^(?:.*(?:\]|=>|#\d{1,4}|\b(?:0x)?[\da-f]{8,16}))?\s*(?:(?:at|in) )?(?:\? )?$/;

function isQuestioned(text: string, start: number): boolean {
  return text[start - 1] === ' ' && text[start - 2] === '?';
}

/** ` [zfs]`, ` [zfs(POE)]`, or with a build-id: ` [zfs 4f0a...]` (CONFIG_STACKTRACE_BUILD_ID). */
function moduleAt(text: string, at: number): { name: string; end: number } | null {
  if (text[at] !== ' ' || text[at + 1] !== '[') {
    return null;
  }
  const match = /^([A-Za-z_][\w-]*)(?:\([A-Z+-]{1,12}\))?(?: [\da-f]{8,64})?\]/.exec(
    text.slice(at + 2, at + 2 + MAX_MODULE + 80),
  );
  const name = match?.[1];
  if (match === null || name === undefined || name.length > MAX_MODULE) {
    return null;
  }
  return { name, end: at + 2 + match[0].length };
}

/** At most 12 digits: more is an address, not an offset. */
function hexAt(text: string, at: number): { value: number; end: number } | null {
  let end = at;
  while (end - at < 13 && isHexUnit(text.charCodeAt(end))) {
    end++;
  }
  return end === at || end - at > 12 || isSymbolUnit(text.charCodeAt(end))
    ? null
    : { value: Number.parseInt(text.slice(at, end), 16), end };
}

/** The end of a source file's name with the colon and the first digit of the line. */
const sourceSuffix = /\.[chS]:\d/g;

/** Reads the reference whose `.c:` stands at `dot`; its path begins no earlier than `free`. */
function referenceAt(text: string, dot: number, free: number, line: number): SourceReference | null {
  const start = wordStart(text, dot, Math.max(free, dot - MAX_PATH), isPathUnit);
  const path = text.slice(start, dot + 2);
  if (!/(?:^|[/\\])[\w+-][\w.+-]*$/.test(path.slice(-256, -2))) {
    return null;
  }
  const tail = /^(\d{1,9})(?::(?:([A-Za-z_]\w{0,511})\(\)|\d{1,6}(?!\d)))?/.exec(
    text.slice(dot + 3, dot + 560),
  );
  const sourceLine = Number(tail?.[1] ?? 0);
  if (tail === null || sourceLine === 0) {
    return null;
  }
  return { line, start, end: dot + 3 + tail[0].length, path, sourceLine, function: tail[2] ?? null };
}

function wordStart(text: string, from: number, limit: number, belongs: (unit: number) => boolean): number {
  let start = from;
  while (start > limit && belongs(text.charCodeAt(start - 1))) {
    start--;
  }
  return start;
}

function isDigitOrLetter(unit: number): boolean {
  return (unit >= 48 && unit <= 57) || (unit >= 65 && unit <= 90) || (unit >= 97 && unit <= 122);
}

/** A-Z a-z 0-9 _ . $ */
function isSymbolUnit(unit: number): boolean {
  return isDigitOrLetter(unit) || unit === 95 || unit === 46 || unit === 36;
}

/** What {@link isSymbolUnit} takes, and / - + ~ @ \ and any letter beyond ASCII. */
function isPathUnit(unit: number): boolean {
  return isSymbolUnit(unit) || unit > 127 || [45, 47, 43, 126, 64, 92].includes(unit);
}

function isHexUnit(unit: number): boolean {
  return (unit >= 48 && unit <= 57) || (unit >= 97 && unit <= 102) || (unit >= 65 && unit <= 70);
}

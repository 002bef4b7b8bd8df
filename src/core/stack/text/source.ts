/**
 * Places in source files: `zil.c:3194:zil_commit()`, `/build/module/zfs/zap_micro.c:1415:22`,
 * `file: ../../common/fs/zfs/arc.c, line: 1234`, `[C:\src\zfs\arc.c @ 123]`.
 */
import { AT, COLON, COMMA, isDigit, isSymbolUnit, SOURCE } from './characters.ts';
import type { Line } from './line.ts';
import type { Output } from './output.ts';

/** Longest path that is read. */
const MAX_PATH = 1024;

/** Frames of one line among which a place's function is looked for. */
const MAX_BESIDE = 100;

/** Longest arguments between a frame and its place: a line of many places is not looked through from each. */
const MAX_ARGUMENTS = 4000;

/** Endings of the files of kernels, file systems and debuggers. */
const EXTENSIONS: ReadonlySet<string> = new Set('c h S s cc cpp cxx hh hpp inc C H'.split(' '));

/** Reads the places that `line` names. */
export function readSources(line: Line, out: Output): void {
  if ((line.classes & COLON) !== 0) {
    const { text, from, to } = line;
    let free = from;
    for (
      let colon = (line.classes & SOURCE) === 0 ? -1 : text.indexOf(':', from);
      colon >= 0 && colon < to;
      colon = text.indexOf(':', colon + 1)
    ) {
      if (colon >= free) {
        free = readPlace(line, out, colon, free);
      }
    }
    // Where a frame stands alone on its line, no words do.
    if ((out.frames.length === 0 || out.named) && to - from < 4096) {
      if (line.string.includes('f file ')) {
        readCounted(line, out);
      } else if (line.string.includes(' : ASSERT')) {
        readSpaced(line, out);
      }
    }
  }
  if ((line.classes & COMMA) !== 0 && line.to - line.from < 4096) {
    readWorded(line, out);
  }
  if ((line.classes & AT) !== 0 && line.to - line.from < 4096 && line.string.includes('@ ')) {
    for (const match of line.string.matchAll(/([\w\\/:.+~-]{1,512}\.(?:c|h|cpp)) @ (\d{1,7})\b/g)) {
      const name = out.frames.find(({ end }) => match.index - end === 2 && line.string.startsWith(' [', end));
      out.source(
        match.index,
        match.index + match[0].length,
        match[1] ?? '',
        Number(match[2]),
        name?.function ?? null,
      );
    }
  }
}

/** Reads the place whose path ends at `colon`; returns where the next may begin. */
function readPlace(line: Line, out: Output, colon: number, floor: number): number {
  const { text, from, to } = line;
  // SPL on macOS: held by 'zfs_znode.c':1324
  const pathEnd = text.charCodeAt(colon - 1) === 39 ? colon - 1 : colon;
  const dot = extensionDot(text, pathEnd, floor);
  if (dot < 0) {
    return floor;
  }
  let at = colon + 1;
  // crash's `bt -l` writes a blank, and nothing else stands on its line.
  const spaced = text.charCodeAt(at) === 32;
  at += spaced ? 1 : 0;
  const digits = at;
  let sourceLine = 0;
  while (at < to && at - digits < 8 && isDigit(text.charCodeAt(at))) {
    sourceLine = sourceLine * 10 + text.charCodeAt(at++) - 48;
  }
  if (
    at === digits ||
    at - digits > 7 ||
    sourceLine === 0 ||
    (isSymbolUnit(text.charCodeAt(at)) && text.charCodeAt(at) !== 46)
  ) {
    return floor;
  }
  const start = pathStart(text, dot, Math.max(floor, dot - MAX_PATH));
  const path = text.slice(start, pathEnd);
  // //host/... is what is left of a URL.
  if (path.startsWith('//') || !/(?:^|[/\\])[\w+-][\w.+-]*$/.test(path.slice(-256))) {
    return floor;
  }
  if (
    spaced &&
    (!path.includes('/') || line.bodyColumn !== start - from || text.slice(at, to).trim() !== '')
  ) {
    return floor;
  }
  const tail = TAIL.exec(text.slice(at, Math.min(to, at + 640)));
  const end = at + (tail?.[1]?.length ?? 0);
  const name =
    tail?.[2] ??
    tail?.[3] ??
    tail?.[4] ??
    tail?.[5] ??
    tail?.[6] ??
    nameBeside(line, out, start - from, end - from);
  out.source(start - from, end - from, path, sourceLine, name);
  return end;
}

/**
 * Behind the line: `:function()`, in GlusterFS's brackets `:function]`, `:column`, FreeBSD's locks `(function)`, or a C
 * library's assertion `: type function(...): Assertion`.
 * Group 1 belongs to the place. Behind a blank, `function()` ends the line.
 */
const TAIL =
  /^(:([A-Za-z_]\w{0,511})(?:\(\)|(?=\]))|:\d{1,6}(?!\d)|(?= ([A-Za-z_]\w{0,511})\(\)\s*$|(?:, function |\/)([A-Za-z_]\w{0,511})\(\))|(?= \(([A-Za-z]\w*_\w{0,255})\)(?:\s|$))|(?=: (?:[\w*]{1,64} ){0,6}\*{0,3}([A-Za-z_~][\w:~]{0,255})(?:\([^()]{0,200}\))?: Assertion )|)/;

/** The dot of the ending before `end`; -1 when what stands there is no source file. */
function extensionDot(text: string, end: number, floor: number): number {
  for (let dot = end - 2; dot >= end - 4 && dot > floor; dot--) {
    if (text.charCodeAt(dot) === 46) {
      return EXTENSIONS.has(text.slice(dot + 1, end)) ? dot : -1;
    }
  }
  return -1;
}

function pathStart(text: string, dot: number, limit: number): number {
  let start = dot;
  while (start > limit && isPathUnit(text.charCodeAt(start - 1))) {
    start--;
  }
  // macOS's panics: "message"@zio.c:462
  while (text.charCodeAt(start) === 64) {
    start++;
  }
  // A drive: C:\src
  if (
    start - 2 >= limit &&
    text[start - 1] === ':' &&
    text[start] === '\\' &&
    /[A-Za-z]/.test(text[start - 2] ?? '')
  ) {
    return start - 2;
  }
  return start;
}

/** What symbols hold, and / - + ~ @ \ and letters beyond ASCII. */
function isPathUnit(unit: number): boolean {
  return (
    isSymbolUnit(unit) ||
    unit === 47 ||
    unit === 45 ||
    unit === 43 ||
    unit === 126 ||
    unit === 64 ||
    unit === 92 ||
    unit > 0xbf
  );
}

/**
 * The function that the text says the place is in: the frame directly before it or behind it, the name
 * before `at`, or of GDB's frames whose arguments take more lines, the frame of a line before.
 */
function nameBeside(line: Line, out: Output, start: number, end: number): string | null {
  const text = line.string.length > 65_536 ? '' : line.string;
  const before = text.slice(Math.max(Math.min(line.bodyColumn, start), start - 600), start);
  if (/^\s*(?:at )?$/.test(before) || (out.frames.length === 0 && before.endsWith(') at '))) {
    const open = out.takeOpen(before);
    if (open !== null) {
      return open;
    }
  }
  // faddr2line: `name at`, `(inlined by) name at`; drgn: `in name at`; GDB's line when a program stops.
  // But `called from invalid context at`, broken before its last words.
  const named =
    /(?:(?:^\s*|\(inlined by\) |\b0x[\da-f]{4,16}: |\bin |#\d{1,3} +)(?!context )([a-z_][\w.$:~]*(?<!:))|\bin ([A-Za-z_][\w.$:~]*) ?\(.{0,500}\)|\b([A-Za-z_]\w*)\(\)|^\s*(?:(?:Thread .{1,60} hit |Temporary )?\w{5,20}point [\d.]{1,9}, )?([A-Za-z_][\w.$:~]*) \(.{0,500}\)) at $|\bis in ([A-Za-z_][\w.$:~]*) \($|\bin function ([A-Za-z_]\w*) $|(?:^|[\s(])([A-Za-z_]\w*_\w*)\($/.exec(
      before,
    );
  const last =
    out.frames.length > MAX_BESIDE ? undefined : out.frames.findLast((frame) => frame.end <= start);
  if (last !== undefined && start - last.end <= MAX_ARGUMENTS) {
    const words = text.slice(last.end, start);
    // GDB: name (arguments) at
    if (/^ ?\(.*\) at $/.test(words)) {
      return last.function;
    }
    // Several places in one pair of brackets are inlined into each other: only the last is the frame's.
    const more = /^(?: \(discriminator \d+\))? [^\s)]*\.[chS]:\d/.test(text.slice(end, end + 600));
    if (
      !more &&
      /^(?: ?\[[\w-]+\]| \+ \d+| \(in [\w.+-]+\))?(?:\s{1,80}|\)?\s{1,40}at |\s{0,80}\((?:\S+ )*)$/.test(
        words,
      )
    ) {
      return last.function;
    }
  }
  return (
    named?.slice(1).find((name) => name !== undefined) ??
    out.frames.find((frame) => isBehind(text, end, frame.start))?.function ??
    null
  );
}

/** WARNING: at arc.c:12 arc_read+0x1/0x2; since Linux 6.18: WARNING: arc.c:12 at arc_read+0x1/0x2. */
function isBehind(text: string, end: number, start: number): boolean {
  return start - end === 1 || (start - end === 4 && text.startsWith(' at ', end));
}

/** `file function line : ASSERT3( ...`, as SPL of macOS prints what failed (include/sys/debug.h). */
function readSpaced(line: Line, out: Output): void {
  const pattern =
    /(?<=^|[\s"])([\w\\/.+~-]{1,512}\.(?:c|h|cc|cpp)) ([A-Za-z_]\w{0,255}) (\d{1,7})(?= : ASSERT)/g;
  for (const match of line.string.matchAll(pattern)) {
    const [whole, path = '', name = '', digits = ''] = match;
    out.source(match.index, match.index + whole.length, path, Number(digits), name);
  }
}

/** `Internal error F at line N of file P`, as XFS tells where it found its data damaged (fs/xfs/xfs_error.c). */
function readCounted(line: Line, out: Output): void {
  // A macro's name, in capitals, is no function.
  const pattern =
    /(?:\bInternal error ([a-z_]\w{0,255})(?:\(\d\))? at )?\bline (\d{1,7}) of file ([\w\\/.+~-]{1,512}\.(?:c|h|cc|cpp|S))\b/g;
  for (const match of line.string.matchAll(pattern)) {
    const [whole, name, digits = '', path = ''] = match;
    const start = match.index + whole.indexOf(`line ${digits} of `);
    out.source(start, match.index + whole.length, path, Number(digits), name ?? null);
  }
}

/** `file: P, line: N`, `file P, line N`, as assertions of illumos and FreeBSD and debuggers write. */
function readWorded(line: Line, out: Output): void {
  if (!line.string.includes(', line')) {
    return;
  }
  const pattern =
    /(?:\bfile:? ["']?|["'])([\w\\/.+~-]{1,512}\.(?:c|h|cc|cpp|S))["']?, line:? (\d{1,7})\b(?:, function:? ([A-Za-z_]\w{0,255}))?/g;
  for (const match of line.string.matchAll(pattern)) {
    out.source(
      match.index,
      match.index + match[0].length,
      match[1] ?? '',
      Number(match[2]),
      match[3] ?? null,
    );
  }
}

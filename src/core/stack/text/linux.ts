/**
 * Frames with an offset and a size, in whatever stands around them: `symbol+0x1c/0x30 [zfs]`. All
 * that Linux prints holds such: stacks of every age and architecture, `RIP:`, `pc :`, `NIP`,
 * `Krnl PSW`, lockdep's `at:`, ftrace's events and depth table.
 */
import { CLASS_OF, COLON, isDigit, isSymbolUnit, LETTER } from './characters.ts';
import type { Line } from './line.ts';
import type { Output } from './output.ts';
import { isQuestioned, readToken, token } from './token.ts';

/** Longest part of a name before its last `::`. */
const MAX_SCOPE = 512;

/** Reads the frames of `line` that have a size; returns how many there are. */
export function readSizedFrames(line: Line, out: Output): number {
  const { text, from, to } = line;
  // Places and headings have a colon; what has none is handed on without waiting for them.
  let alone = (line.classes & COLON) === 0;
  let found = 0;
  let free = from;
  for (let plus = text.indexOf('+', from); plus >= 0 && plus < to; plus = text.indexOf('+', plus + 1)) {
    if (plus < free || !readToken(text, plus, free, to) || token.size < 0) {
      continue;
    }
    if (isPointer(text)) {
      continue;
    }
    found++;
    const { nameEnd, end, offset, size } = token;
    const isQualified = endsScope(text, token.start);
    const start = isQualified ? qualifiedStart(text, token.start, free) : token.start;
    const reliable = isQualified ? !isQuestioned(text, start, free) : token.reliable;
    const name = isQualified
      ? out.name(text.slice(start, nameEnd))
      : out.nameAt(text, start, nameEnd, token.hash);
    free = end;
    const before = text.charCodeAt(start - 1);
    if (before === 40 && text.startsWith(') in ', end) && readInlinedIn(line, out, end + 5)) {
      continue;
    }
    const module =
      token.moduleStart >= 0
        ? moduleName(text.slice(token.moduleStart, token.moduleEnd))
        : before === 58
          ? moduleBefore(text, from, start)
          : null;
    // ARM: [<807762c0>] (__schedule) from [<80776938>] (schedule+0x50/0xa8); since 5.19 without brackets
    const isFrom = before === 40 || isCaller(text, start);
    if (isFrom) {
      alone = false;
      if (found === 1) {
        readArmCallee(line, out, before === 40 ? start - 1 : start);
      }
    }
    if (isFrom) {
      out.caller = name;
    }
    if (alone) {
      out.onlyFrame(start - from, end - from, name, offset, size, module, reliable);
      continue;
    }
    if (before === 32 && isWord(text.charCodeAt(start - 2))) {
      out.named = true;
    }
    out.frame(start - from, end - from, name, { offset, size, module, reliable });
    // A return probe: (SyS_open+0x1e/0x20 <- do_sys_open)
    if (text.startsWith(' <- ', end)) {
      readProbed(line, out, end + 4);
    }
  }
  return found;
}

/** What the log of calls writes before the function. */
const POINTED = /(?:[Cc]alling|initcall) {1,2}$/;

/**
 * Whether {@link token} is a function that somebody only points to: `apic->send_IPI[default_send_IPI_single+0x0/0x40]`;
 * `calling  openzfs_init+0x0/0xff0 [zfs] @ 512` and `openzfs_init+0x0/0xff0 [zfs] returned 0 after 12 usecs` of initcall_debug
 * (init/main.c; of suspending, drivers/base/power/main.c and drivers/base/syscore.c).
 */
function isPointer(text: string): boolean {
  const { offset, start, end } = token;
  if (offset !== 0) {
    return false;
  }
  const isMember = text.charCodeAt(start - 1) === 91 && isSymbolUnit(text.charCodeAt(start - 2));
  return (
    isMember || text.startsWith(' returned ', end) || POINTED.test(text.slice(Math.max(0, start - 12), start))
  );
}

/** Whether `::` stands before `start`: what begins there is the last part of a name of Rust. */
function endsScope(text: string, start: number): boolean {
  return text.charCodeAt(start - 1) === 58 && text.charCodeAt(start - 2) === 58;
}

/** Where the name begins whose last part stands at `last`: `zfs_rust::Pool`, `<zfs_rust::Pool as Drop>` before its `::`. */
function qualifiedStart(text: string, last: number, floor: number): number {
  const limit = Math.max(floor, last - MAX_SCOPE);
  let start = last;
  while (start - 2 > limit && endsScope(text, start)) {
    let at = start - 2;
    if (text.charCodeAt(at - 1) === 62) {
      at = bracketStart(text, at - 1, limit);
    }
    while (at > limit && isSymbolUnit(text.charCodeAt(at - 1))) {
      at--;
    }
    if (at === start - 2) {
      break;
    }
    start = at;
  }
  return start;
}

/** Where the bracket begins that ends with the `>` at `close`; behind it where none does. */
function bracketStart(text: string, close: number, limit: number): number {
  let depth = 0;
  for (let at = close; at >= limit; at--) {
    const unit = text.charCodeAt(at);
    depth += unit === 62 ? 1 : unit === 60 ? -1 : 0;
    if (depth === 0) {
      return at;
    }
  }
  return close + 1;
}

const INLINED_IN = /^([A-Za-z_][\w.$]{0,511}) at \S{1,512}:\d{1,7}(?::\d{1,6})? \(inlined\)\s*$/;

/**
 * drgn's one frame of a trace, `#5 at 0xffffffff8a5a32d0 (do_sys_poll+0x400/0x578) in do_poll at fs/select.c:961:8 (inlined)`:
 * what stands at `at` is the frame, the symbol tells only which code it became part of (libdrgn, stack_trace.c).
 */
function readInlinedIn(line: Line, out: Output, at: number): boolean {
  const name = INLINED_IN.exec(line.text.slice(at, Math.min(line.to, at + 1200)))?.[1];
  if (name === undefined) {
    return false;
  }
  out.frame(at - line.from, at - line.from + name.length, name, {});
  return true;
}

/** The name that Linux tools give its kernel where others put a module. */
export function moduleName(name: string): string | null {
  const first = name.charCodeAt(0);
  return (first === 107 || first === 118 || first === 103) && isKernel(name) ? null : name;
}

function isKernel(name: string): boolean {
  return (
    name === 'kernel' || name.startsWith('kernel.') || name.startsWith('guest.kernel') || name === 'vmlinux'
  );
}

/** `:xfs:xfs_bmapi+0x40d/0x18f0`, as x86-64 printed modules from 2.6.17 to 2.6.24. */
function moduleBefore(text: string, from: number, start: number): string | null {
  return (
    /(?:^|[\s\]]):([A-Za-z_][\w-]{0,63}):$/.exec(text.slice(Math.max(from, start - 68), start))?.[1] ?? null
  );
}

/** Whether the symbol at `start` is the caller of what stands before it: `show_stack from dump_stack_lvl+0x44/0x70`. */
export function isCaller(text: string, start: number): boolean {
  return text.charCodeAt(start - 2) === 109 && text.startsWith(' from ', start - 6);
}

const CALLEE = /\(([A-Za-z_][\w.$]{0,511})(?: \[([\w-]{1,64})\])?\) from (?:\[<[\da-f]{8,16}>\] )?$/;
/** Without brackets, a word of prose can stand there: what stacks begin with has an underscore. */
const BARE_CALLEE = /^(\w*_[\w.$]{0,511})(?: \[([\w-]{1,64})\])? from $/;

/** The caller, which ends at `end`, prints the callee by name only; each but the first was printed by the line before. */
function readArmCallee(line: Line, out: Output, end: number): void {
  const isBare = line.text.charCodeAt(end) !== 40;
  const floor = isBare ? line.from + line.bodyColumn : line.from;
  const before = line.text.slice(Math.max(floor, end - 600), end);
  const match = (isBare ? BARE_CALLEE : CALLEE).exec(before);
  const name = match?.[1];
  if (match === null || name === undefined || out.caller === name) {
    return;
  }
  const start = end - before.length + match.index + (isBare ? 0 : 1) - line.from;
  out.frame(start, start + name.length, name, { module: match[2] ?? null });
}

function readProbed(line: Line, out: Output, at: number): void {
  const match = /^([A-Za-z_][\w.$]{0,511})(?: \[([\w-]{1,64})\])?\)/.exec(
    line.text.slice(at, Math.min(line.to, at + 600)),
  );
  const name = match?.[1];
  if (name !== undefined) {
    out.frame(at - line.from, at - line.from + name.length, name, { module: match?.[2] ?? null });
  }
}

function isWord(unit: number): boolean {
  return isDigit(unit) || (unit < 256 && CLASS_OF[unit] === LETTER);
}

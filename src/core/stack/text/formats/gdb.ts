/**
 * GDB and kgdb: `#1  0x000055aaec426141 in zio_wait (zio=0x0) at zio.c:12`, arguments perhaps on more
 * lines; and what prints the same shape: pstack, LLDB, address sanitizers (gdb/stack.c, print_frame).
 */
import { HASH, isDigit, LETTER, PAREN } from '../characters.ts';
import type { Line } from '../line.ts';
import type { Output } from '../output.ts';
import { baseName, type Format, frameInBody } from './format.ts';

/** Markdown and typists put a blank behind the mark, or lose it: then an address has to follow, or arguments. */
const NUMBER =
  /(?:^|[\s"])(?:\* )?(?:frame )?# ?(\d{1,6}):? +|^(\d{1,4}):? +(?=0x[\da-f]{6,16} in [A-Za-z_]|(?<= {2})[A-Za-z_]\w* \(\w+=)/g;

/** Lines that one entry's arguments and local variables may take. */
const MAX_ENTRY = 200;

/** An address and `in`, then a C or C++ name and arguments. */
const NAMED =
  /^((?:0x)?[\da-f]{4,16} in )?((?:[A-Za-z_.$~][\w.$@:~]*|\(anonymous namespace\)::)(?:<[^()]{0,400}>)?[\w.$@:~]*(?:\([^()]{0,200}\)(?: const)?)?|operator(?:\(\)|[^\s(]{1,3})) (?:\(|\.\.\.$)/;
/** GDB breaks long entries before the arguments. */
const NAME_ALONE = /^\w+_\w+$/;

/** The end of a frame without an address: it is in a function that was inlined, or the innermost. */
const ENDS_WITH_PLACE = /\) at [^\s:]{1,512}:\d{1,7}/;

/** The same, with nothing behind it that could be a place of its own. */
const PLACED = /\) at [^\s:]{1,512}:\d{1,7}$/;

/** `from /lib64/libzpool.so.2` behind the arguments; abrt's `at` with a library. */
const FROM = /^\([^#]{0,4000}?\) (?:from (\S{1,512})|at (\/\S{1,512}\.so(?:\.\d{1,8})*)(?=\s|$))/;

/** Sanitizers: `#1 0x55d0c in main zdb.c:12:3`, `#1 0x55d0c in main (/usr/sbin/zdb+0x1234)`. */
const SANITIZER =
  /^0x[\da-f]{4,16} in ([A-Za-z_.$~][\w.$@:~<>]*(?:\([^()]{0,400}\)(?: const)?)?)(?: \((\/[^\s()]{1,512}|<unknown module>)\+0x([\da-f]{1,13})\)| [\w./+~-]{1,512}\.\w{1,4}:\d|$)/;

/**
 * ThreadSanitizer, which prints no addresses: `#1 zio_wait /src/zio.c:12:3 (ztest+0x1234) (BuildId: 5f0c...)`, and without
 * debug info `<null>` in the place's place (tsan_flags.cpp: "    #%n %f %S %M").
 */
const THREAD_SANITIZER =
  /^([A-Za-z_.$~][\w.$@:~<>]*(?:\([^()]{0,400}\)(?: const)?)?) (?:<null>|[^\s:()]{1,512}:\d{1,7}(?::\d{1,6})?) \(([\w./+~-]{1,512})\+0x([\da-f]{1,13})\)(?: \(BuildId: [\da-f]{1,64}\))?$/;

/** LLDB: `frame #1: 0xffffff80002 zfs`zio_wait(zio=0x0) + 12 at zio.c:12:3`, and old ones' line of a thread. */
const LLDB =
  /^(?:tid = 0x[\da-f]{1,8}, )?0x[\da-f]{4,16} ([\w.+-]{1,128})`([A-Za-z_.$~][\w.$@:~]*)(?:\(.{0,1000}?\))?(?: \+ (\d{1,8}))?/;

/**
 * Where a program stopped, without a number: behind what stopped it, an address or neither (gdb/stack.c, print_frame
 * with LOC_AND_ADDRESS). Then arguments have to be empty or have names.
 */
const STOPPED =
  /^((?:Thread .{1,80} hit )?(?:[A-Z]\w+ )?(?:[Bb]reak|[Cc]atch|[Ww]atch|[Tt]race)point \d{1,6}(?:\.\d{1,6})?, )?(0x[\da-f]{6,16} in )?([A-Za-z_.$~][\w.$@:~]*) (?=\((?:\)|[\w@]+=|this=|\.\.\.))/;
const STOPPED_AT = /\) at [^\s:]{1,512}:\d{1,7}$/;

export function gdbStopFormat(): Format {
  return {
    needs: PAREN,
    read(line, out) {
      const { body } = line;
      const match = body.length > 5000 ? null : STOPPED.exec(body);
      if (match === null) {
        return false;
      }
      const [whole, point, address, name = ''] = match;
      const library = FROM.exec(body.slice(whole.length))?.[1];
      const isPlaced = STOPPED_AT.test(body);
      if (point === undefined && !(isPlaced || (address !== undefined && /\)$|,$| from \S+$/.test(body)))) {
        return false;
      }
      frameInBody(line, out, whole.length - name.length - 1, name, {
        module: library === undefined ? null : baseName(library),
      });
      if (!isPlaced && library === undefined) {
        out.leaveOpen(MAX_ENTRY);
      }
      return true;
    },
  };
}

export function gdbFormat(): Format {
  // Number and line of the entry read last.
  let last = -1;
  let lastLine = 0;
  return {
    needs: LETTER,
    read(line: Line, out: Output): boolean {
      const { body } = line;
      if (body.length > 65_536 || ((line.classes & HASH) === 0 && !isDigit(body.charCodeAt(0)))) {
        return false;
      }
      let found = false;
      NUMBER.lastIndex = 0;
      for (let number = NUMBER.exec(body); number !== null; number = NUMBER.exec(body)) {
        const at = number.index + number[0].length;
        const text = body.slice(at, at + 5000);
        const digits = number[1] ?? number[2] ?? '';
        // GDB pads the number to three columns.
        const padded = number[0].trim().length + 1 < number[0].trimStart().length;
        const goesOn = Number(digits) === last + 1 && line.number - lastLine <= MAX_ENTRY;
        // Its place may be on the next line.
        const isEntry =
          goesOn || (digits === '0' && padded)
            ? /[(),]$|\.\.\.$/.test(text)
            : (padded || digits.length > 1) && /[(,]$/.test(text);
        const isMark = text.startsWith('<signal handler called>');
        if (goesOn && NAME_ALONE.test(text)) {
          frameInBody(line, out, at, text, {});
          out.leaveOpen(MAX_ENTRY, true);
          found = true;
          last = Number(digits);
          lastLine = line.number;
        } else if (isMark || readEntry(line, out, text, at, isEntry)) {
          found ||= !isMark;
          last = Number(digits);
          lastLine = line.number;
        }
      }
      return found;
    },
  };
}

/** `isEntry` says that an entry may be without an address and a place. */
function readEntry(line: Line, out: Output, text: string, at: number, isEntry: boolean): boolean {
  const sanitizer = SANITIZER.exec(text);
  if (sanitizer !== null) {
    // A type's arguments belong to the name, those of a call do not.
    const name = sanitizer[1]?.replace(/\([^()]*=.*$/, '') ?? '';
    const library = sanitizer[2]?.startsWith('/') ? baseName(sanitizer[2]) : null;
    const [, , , offset] = sanitizer;
    frameInBody(line, out, at + text.indexOf(name, text.indexOf(' in ') + 4), name, {
      module: library,
      ...(offset === undefined || library === null ? {} : { at: { address: Number.parseInt(offset, 16) } }),
    });
    // GDB's, broken before its arguments.
    if (sanitizer[0].length === text.length) {
      out.leaveOpen(MAX_ENTRY, true);
    }
    return true;
  }
  const [placed, called = '', object = '', address = ''] = THREAD_SANITIZER.exec(text) ?? [];
  if (placed !== undefined) {
    const where = { address: Number.parseInt(address, 16) };
    frameInBody(line, out, at, called, { module: baseName(object), at: where });
    return true;
  }
  const lldb = LLDB.exec(text);
  if (lldb !== null) {
    const [, module = '', name = '', offset] = lldb;
    frameInBody(line, out, at + text.indexOf('`') + 1, name, {
      module,
      offset: offset === undefined ? null : Number(offset),
    });
    return true;
  }
  const named = NAMED.exec(text);
  const name = named?.[2];
  if (named === null || name === undefined || name === '') {
    return false;
  }
  // Without an address, a place or arguments that go on have to tell it from "#12 name (...)" in prose.
  if (named[1] === undefined && !ENDS_WITH_PLACE.test(text) && !isEntry) {
    return false;
  }
  const start = named[1]?.length ?? 0;
  const library = FROM.exec(text.slice(start + name.length + 1));
  const from = library?.[1] ?? library?.[2];
  frameInBody(line, out, at + start, name, {
    module: from === undefined ? null : baseName(from),
  });
  if (from === undefined && !PLACED.test(text)) {
    out.leaveOpen(MAX_ENTRY);
  }
  return true;
}

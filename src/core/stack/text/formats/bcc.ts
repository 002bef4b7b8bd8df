/**
 * bcc's stackcount, offcputime, wakeuptime and profile: names alone on indented lines, which are a stack
 * only because of the line that ends them, a count or the task (bcc, tools/*.py); memleak, whose stacks the line above
 * them announces; deadlock, with an address before each name.
 */
import { AT, LETTER, LONG_ADDRESS, OFFSET } from '../characters.ts';
import { moduleName } from '../linux.ts';
import { Waiting } from '../waiting.ts';
import { type Format, frameInBody } from './format.ts';

const NAME = '[A-Za-z_][\\w.$@:~]*(?<!:)';
/** C++'s and Rust's, which hold blanks and brackets. */
const QUALIFIED = '[A-Za-z_~][^/;]{0,300}::[^/;:\\s][^/;]{0,300}?';
/** A short address is lined up at the right side of its column, before an offset; digits alone in brackets are a process. */
const entry = (name: string) =>
  new RegExp(
    `^((?:0x)?[\\da-f]{8,16} |[\\da-f]{4,7} (?=.*\\+0x))?(?:b')?(${name})(?:\\+0x([\\da-f]{1,12}))?(?: \\[((?!\\d+\\])[\\w.-]{1,128})\\])?'?$`,
  );
const ENTRY = entry(NAME);
const QUALIFIED_ENTRY = entry(`${NAME}|${QUALIFIED}`);
/** A name of C with a small letter; what is at the beginning of a line can be anything else. */
const PLAIN = /^[\w.$@]*[a-z][\w.$@]*$/;
const UNKNOWN =
  /^(?:(?:b')?\[(?:[\w.-]{1,64}|Missed (?:Kernel|User) Stack)\]'?|failed to get syms|-{1,2}|0x[\da-f]{4,16}|(?:target|waker): {2,20}\S.{0,32})$/;
const ENDS = /^(?:\*{0,2}\d{1,20}\*{0,2}|.{1,16} \[\d{1,10}\]|- {1,24}.{1,16} \(\d{1,10}\))$/;
/** A task of the kernel's, which older versions print as they do a name: `rcuos/0`. */
const KERNEL_TASK = /^(?=.{3,15}$)[A-Za-z][\w.-]*\/[\w.:-]+$/;
const COUNT = /^\d{1,20}$/;
/** What memleak prints above a stack, and the blanks before its names: two tabs. */
const LEAKED = ' allocations from stack';
const LEAKED_INDENT = 16;
/** How much farther the time stands than the names: no other prints a name right above a number so far in. */
const TIME_INDENT = 4;
/** The task without the mark before it. */
const ENDS_TRIMMED = /^.{1,16} \(\d{1,10}\)$/;

/** Whether a line can be an {@link ENTRY}: nothing stands behind the first word, or a module, or the first is an address or qualified. */
function mayBeEntry(text: string): boolean {
  const blank = text.indexOf(' ');
  return blank < 0 || blank >= 8 || text.charCodeAt(blank + 1) === 91 || text.includes('::');
}

/** klockstat: the caller of a lock with its times, then the rest of its stack; Python's b'' around names. */
const CALLER =
  /^(?:b')?([A-Za-z_][\w.$]*)\+0x([\da-f]{1,12})'?(?: +\d{1,20}){2,4}$|^b'([A-Za-z_][\w.$]*)\+0x([\da-f]{1,12})'$/;

/** perf lock contention: how often, how long, kind of lock, and who waits for it (perf, builtin-lock.c). */
const CONTENDED =
  /^\d{1,12}(?: +[\d.]{1,16} [nmu]?s){1,4} +[a-z][\w-]{2,15}(?::[RW])? +([A-Za-z_][\w.$]*)\+0x([\da-f]{1,12})$/;

/** deadlock: `@ 00000000004024d0 pthread_mutex_lock`, C++ with arguments. */
const LOCKING = /^@ [\da-f]{16} ([A-Za-z_~(].{0,2000})$/;

export function deadlockFormat(): Format {
  return {
    needs: AT | LONG_ADDRESS,
    read(line, out) {
      const { body } = line;
      const name = body.startsWith('@ ') ? LOCKING.exec(body)?.[1] : undefined;
      if (name === undefined) {
        return false;
      }
      frameInBody(line, out, body.length - name.length, name, {});
      return true;
    },
  };
}

export function klockstatFormat(): Format {
  return {
    needs: OFFSET,
    read(line, out) {
      const { body } = line;
      const match = body.length > 1024 ? null : (CALLER.exec(body) ?? CONTENDED.exec(body));
      if (match === null) {
        return false;
      }
      const name = match[1] ?? match[3] ?? '';
      const offset = match[2] ?? match[4] ?? '';
      frameInBody(line, out, body.indexOf(`${name}+0x`), name, {
        offset: Number.parseInt(offset, 16),
        length: name.length + 3 + offset.length,
      });
      return true;
    },
  };
}

/** Names of one stack at most: the kernel's and the program's unwinders stop at 127. */
const MAX_WAITING = 512;
/** Of a stack that lost its indentation, names at least, and the part of them that has an underscore. */
const MIN_TRIMMED = 4;
const MIN_NAMED = 0.5;
/** A list of names has no task below it. */
const TASK = /^(?:.{1,16} \[\d{1,10}\]|- .*)$/;
/**
 * And no function that stacks begin or end with: the scheduler, or how the kernel, a task or a program is
 * entered (arch/x86/entry, arch/arm64/kernel/entry-common.c, kernel/kthread.c, kernel/sched/core.c, libc).
 */
const ENTERED =
  /^(?:ret_from_fork\w*|kthread|worker_thread|entry_\w+|asm_\w+|do_syscall_\w+|x64_sys_call|invoke_syscall|el[01]t?_\w+|__x64_sys_\w+|__arm64_sys_\w+|ksys_\w+|__schedule|schedule|finish_task_switch[\w.]*|cpu_startup_entry|start_secondary|start_kernel|secondary_startup\w*|main|_start|__libc_start\w*|start_thread|(?:__)?clone3?)$/;

export function bccFormat(): Format {
  const waiting = new Waiting();
  /** A name stood at the beginning of its line. */
  let isTrimmed = false;
  /** An address stood before the last name. */
  let hasAddress = false;
  /** The number of the last line with a name. */
  let nameLine = 0;
  /** The blanks before it. */
  let nameIndent = 0;
  /** The number of a line with the task of a stack of one name, whose count is still to come. */
  let taskLine = 0;
  /** memleak said that a stack begins. */
  let isLeaked = false;
  /** offcputime said that it begins. */
  let isTimed = false;
  /** The number of the line that was read last. */
  let last = 0;
  // Words of any list may be followed by a number; names of functions have underscores.
  const isStack = (end: string) =>
    isTrimmed
      ? waiting.length >= MIN_TRIMMED &&
        waiting.named >= waiting.length * MIN_NAMED &&
        (hasAddress || TASK.test(end) || waiting.has(ENTERED))
      : waiting.length > 1 && waiting.named > 0;
  return {
    needs: 0,
    read(line, out) {
      const text = line.to - line.from > 700 ? '' : line.body;
      // Where each newline became two, every other line is empty.
      if (line.number - last > 2) {
        waiting.clear();
      }
      last = line.number;
      if (waiting.length > 0 && line.string.trim() === '') {
        return true;
      }
      const isCounted = line.number - taskLine === 1 && COUNT.test(text);
      if (line.number - taskLine === 1 && !isCounted) {
        waiting.clear();
      }
      if (
        waiting.length > 0 &&
        (isTrimmed ? ENDS.test(text) || ENDS_TRIMMED.test(text) : line.indent >= 4 && ENDS.test(text))
      ) {
        if (waiting.length === 1 && waiting.named === 1 && !isTrimmed && TASK.test(text)) {
          taskLine = line.number;
          return true;
        }
        // The first offcputime prints the task as it does a name, right above the time.
        const isTime = isTimed || line.indent - nameIndent === TIME_INDENT;
        if (isTime && line.number - nameLine === 1 && COUNT.test(text)) {
          waiting.dropLast();
        }
        if (isCounted || isStack(text)) {
          // stackcount's, of 2016.
          waiting.partOffsets();
          waiting.emit(out);
        }
        waiting.clear();
        return true;
      }
      if (waiting.length === 0 && !mayBeEntry(text)) {
        isLeaked = text.endsWith(LEAKED);
        isTimed = text.startsWith('Tracing ') ? text.startsWith('Tracing off-CPU time') : isTimed;
        return false;
      }
      const pattern = text.includes('::') ? QUALIFIED_ENTRY : ENTRY;
      const match =
        (line.classes & LETTER) === 0 || waiting.length >= MAX_WAITING ? null : pattern.exec(text);
      // Frames with a number at the beginning of their lines, and addresses behind blanks, have readers of their own.
      if (
        match === null ||
        (line.indent < 2 ? match[3] !== undefined : match[1] !== undefined && match[3] === undefined) ||
        (line.indent < 2 && !PLAIN.test(match[2] ?? ''))
      ) {
        if ((waiting.length === 0 && !isLeaked) || !(UNKNOWN.test(text) || KERNEL_TASK.test(text))) {
          waiting.clear();
          isLeaked = text.endsWith(LEAKED);
          return false;
        }
        // Only an unwinder writes this among names: they are a stack, also where the line that ends it is lost.
        if (text === '[unknown]' && !isTrimmed && waiting.length >= MIN_TRIMMED && waiting.has(ENTERED)) {
          waiting.emit(out);
        }
        return true;
      }
      const [, address, name = '', offset, printed] = match;
      const module = printed === undefined ? null : moduleName(printed);
      const at = text.indexOf(name, address?.length);
      if (offset !== undefined) {
        // No word of a list: memleak ends its stacks with nothing.
        waiting.emit(out);
        const length = name.length + 3 + offset.length;
        frameInBody(line, out, at, name, { offset: Number.parseInt(offset, 16), module, length });
        return true;
      }
      if (isLeaked && line.indent >= LEAKED_INDENT) {
        frameInBody(line, out, at, name, { module });
        return true;
      }
      isLeaked = false;
      hasAddress = address !== undefined;
      isTrimmed = line.indent < 2 || (isTrimmed && waiting.length > 0);
      nameLine = line.number;
      nameIndent = line.indent;
      waiting.add(line, at, name.length, { name, offset: null, module });
      return true;
    },
  };
}

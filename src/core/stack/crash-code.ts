/**
 * The machine code around the place where the kernel ended a process, as its log has it on x86-64 right below the line
 * that says so: `Code: 48 8b 05 ... <48> 8b 00 ...`, 42 bytes before the marked one and 21 behind
 * (arch/x86/mm/fault.c, show_signal_msg; arch/x86/kernel/dumpstack.c, show_opcodes).
 */
import { type MachineCode, TELLING_CODE } from '../symbols/elf/segments.ts';

/** Lines below in which it is looked for: other processors write to the log too. */
const MOST_BELOW = 4;

/** Lines that a mail may have wrapped it over. */
const MOST_WRAPPED = 6;

/** Lines that may hold it. */
export const LINES_BELOW = MOST_BELOW + MOST_WRAPPED;

/** More bytes than the kernel writes are of something else. */
const MOST_BYTES = 256;

/** So much of a line is looked at, in UTF-16 units. */
const MAX_LENGTH = 4096;

const CODE = /\bCode: ((?:<?[\da-f]{2}>?(?: |$))+)$/;
/** Also in a quoted mail. */
const GOES_ON = /^[> ]*((?:<?[\da-f]{2}>?(?: |$))+)$/;

/**
 * @param below the lines below the one that says where the process stopped, {@link LINES_BELOW} of them
 * @returns null where there is none, too little of it to tell, or it is that of another process
 */
export function crashCode(below: readonly string[]): MachineCode | null {
  for (const [at, line] of below.slice(0, MOST_BELOW).entries()) {
    if (line.includes(' segfault at ')) {
      return null;
    }
    const first = CODE.exec(plain(line))?.[1];
    if (first !== undefined) {
      const parts = [first];
      for (const next of below.slice(at + 1, at + MOST_WRAPPED)) {
        const more = GOES_ON.exec(plain(next))?.[1];
        if (more === undefined) {
          break;
        }
        parts.push(more);
      }
      return codeOf(parts.join(' '));
    }
  }
  return null;
}

/** Without what ends a line beside its newline, and as it was before a page of the web had it. */
function plain(line: string): string {
  return line.slice(0, MAX_LENGTH).replace(/&lt;/g, '<').replace(/&gt;/g, '>').trimEnd();
}

function codeOf(text: string): MachineCode | null {
  const words = text.trim().split(/ +/);
  const marked = words.findIndex((word) => /^<..>$/.test(word));
  if (marked < 0 || words.length < TELLING_CODE || words.length > MOST_BYTES) {
    return null;
  }
  return { bytes: words.map((word) => Number.parseInt(word.replace('<', ''), 16)), at: marked };
}

/** The rules by which the frames of a text are parted into stacks, for whole documents and for streams. */

/** Lines without a frame that may stand within a stack: the registers of an exception in its middle. */
export const MAX_GAP = 16;

/** What a kernel prints between the frames of one stack (arch/x86/kernel/dumpstack.c and its kin). */
const WITHIN =
  /<\/?(?:IRQ|NMI|EOE|SOFTIRQ|TASK|ENTRY_TRAMPOLINE|#\w+)>|\b(?:[RE]?(?:IP|SP|AX|BX|CX|DX|SI|DI|BP)|R\d\d|[CDEFGS]S|CR\d|DR\d|[RE]?FLAGS|ORIG_RAX|PKRU|Code|pc|lr|sp|x\d+|pstate) ?:/;
const ENDS = '</TASK>';
/** What `dmesg --json` writes around each line. */
const WRAPPING = /^\s*(?:[{}[\]]+,?|\},\{|"(?:fac|pri|time|caller)":.*)$/;

/** Whether a line is the mark behind the last frame of a stack. */
export function endsTrace(line: string): boolean {
  return line.includes(ENDS);
}

/** Whether a line without a frame is one that a kernel prints in a stack, or around its first frame. */
export function isPartOfStack(line: string): boolean {
  return endsTrace(line) || WITHIN.test(line);
}

/** Whether a stack does not go on behind a line without a frame. */
export function endsStack(line: string): boolean {
  return endsTrace(line) || !(WITHIN.test(line) || WRAPPING.test(line));
}

/**
 * Whether two frames of one line are of a folded stack (`sync;do_syscall_64;zil_commit 7`), which begins
 * with the outermost, as no other format does.
 * @param line the whole line
 * @param end column behind the first of the two frames
 * @param start column of the second
 */
export function isFolded(line: string, end: number, start: number): boolean {
  // The offset of a name is no part of some frames.
  return start > end && line.lastIndexOf(';', start) === start - 1;
}

import type { Frame, Trace } from './frame.ts';

/** The kernel unwinds at most 64 entries (fs/proc/base.c, MAX_STACK_TRACE_DEPTH); more is no stack. */
export const MAX_FRAMES = 512;

/** Longest symbol of any kernel: KSYM_NAME_LEN is 512 (include/linux/kallsyms.h). */
const FRAME =
  /^(\? )?([^\s+[\]]{1,511})(?:\+0x([0-9a-f]{1,8})(?:\/0x([0-9a-f]{1,8}))?)?(?: \[([\w.-]{1,64})(?: [0-9a-f]{1,64})?\])?\s*$/;

/** `[<0>] `, `[<ffffffffa0052b35>] `: the address that kernels printed, since 4.20 a constant. */
const ADDRESS = /^\s*\[<[^>\s]{1,32}>\]\s*/;

/**
 * Reads one frame as `%pB` prints it, without any prefix: `zil_commit+0x3d/0x110 [zfs]`. An address
 * that the kernel found no symbol for is a frame with the address as its symbol. Null when it is no frame.
 */
export function parseFrame(text: string): Frame | null {
  const match = FRAME.exec(text);
  const symbol = match?.[2];
  if (match === null || symbol === undefined) {
    return null;
  }
  const [, unsure, , offset, size, module] = match;
  if (offset === undefined && !symbol.startsWith('0x')) {
    return null;
  }
  return {
    symbol,
    offset: offset === undefined ? 0 : Number.parseInt(offset, 16),
    size: size === undefined ? null : Number.parseInt(size, 16),
    module: module ?? null,
    reliable: unsure === undefined,
  };
}

/**
 * Reads `/proc/PID/stack` (fs/proc/base.c, `proc_pid_stack`) of any kernel: with addresses, with
 * `[<0>]`, or with neither. The end marker of kernels before 5.2 (0xffffffffffffffff) and lines that
 * are no frames are left out.
 */
export function parseProcStack(text: string): Trace {
  const frames: Frame[] = [];
  for (const line of text.split('\n')) {
    const frame = parseFrame(line.replace(ADDRESS, ''));
    if (frame !== null && !isEndMarker(frame) && frames.length < MAX_FRAMES) {
      frames.push(frame);
    }
  }
  return frames;
}

/** The mark that old kernels put behind the last frame: ULONG_MAX as an address. */
export function isEndMarker(frame: Frame): boolean {
  return /^0xf{8}(?:f{8})?$/.test(frame.symbol);
}

import type { ProcessAddress } from '../symbols/elf/segments.ts';

/**
 * One line `symbol+0xoffset/0xsize [module]` of a kernel stack, as the kernel's `%pB` prints it
 * (lib/vsprintf.c, kernel/kallsyms.c `sprint_backtrace`).
 */
export interface Frame {
  /** Symbol as printed, compiler suffix included: `zil_commit_impl.part.0`. */
  readonly symbol: string;
  /** Bytes from the symbol's start to the return address; -1 where a text did not say. */
  readonly offset: number;
  /** Bytes of the symbol in the running kernel; null where the text did not say. */
  readonly size: number | null;
  /** Module in brackets; null for the kernel itself. */
  readonly module: string | null;
  /** False for a `?` frame: an address found on the stack that is not part of the chain. */
  readonly reliable: boolean;
  /** Where it is in the file of a process, of texts that say it and no offset. */
  readonly at?: ProcessAddress;
}

/** Frames of one task at one moment, innermost first. */
export type Trace = readonly Frame[];

/** The symbol without compiler suffixes: the name the function has in the source. */
export function sourceName(symbol: string): string {
  // GCC: .isra.N .constprop.N .part.N .cold(.N) .clone.N; clang: .llvm.HASH .__uniq.HASH
  const dot = symbol.indexOf('.', 1);
  const name = dot < 0 ? symbol : symbol.slice(0, dot);
  return name.startsWith('__pfx_') ? name.slice(6) : name;
}

/** The frame as the kernel prints it; without an offset that is not known. */
export function formatFrame(frame: Frame): string {
  const size = frame.size === null ? '' : `/0x${frame.size.toString(16)}`;
  const module = frame.module === null ? '' : ` [${frame.module}]`;
  const offset = frame.offset < 0 ? '' : `+0x${frame.offset.toString(16)}${size}`;
  return `${frame.reliable ? '' : '? '}${frame.symbol}${offset}${module}`;
}

/** A key that two frames share exactly when they are the same place of the same running build. */
export function frameKey(frame: Frame): string {
  const at = frame.at === undefined ? '' : `@${frame.at.address}`;
  return `${frame.module ?? ''}:${frame.symbol}+${frame.offset}/${frame.size ?? ''}${at}`;
}

/**
 * Whether the text told neither module nor size, as bpftrace's stacks: the kernel's own print a size, so that no module
 * means the kernel itself there.
 */
export function mayBeOfAnyModule({ module, size, at }: Frame): boolean {
  return module === null && size === null && at === undefined;
}

/** Whether it is known where in its function a frame is, as far as the function's file can tell. */
export function isPlaced({ offset, at }: Frame): boolean {
  return offset >= 0 || at !== undefined;
}

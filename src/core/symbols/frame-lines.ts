import type { Frame } from '../stack/frame.ts';
import type { DebugFile } from './debug-file.ts';
import type { DebugLine } from './location.ts';

/**
 * What a build's debug info says of a frame, innermost first; null when it can be none of this build, or nothing is
 * known. The address in a stack is where a call returns to; only a function's first byte is no such address, and
 * of a process the place where it stopped.
 */
export function frameLines(file: DebugFile, frame: Frame): readonly DebugLine[] | null {
  const isReturn = frame.at === undefined ? frame.offset > 0 : file.frameFollowsCall(frame) !== false;
  return file.frame(frame, isReturn)?.lines ?? null;
}

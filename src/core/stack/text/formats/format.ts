import type { ProcessAddress } from '../../../symbols/elf/segments.ts';
import type { Line } from '../line.ts';
import { moduleName } from '../linux.ts';
import type { Output } from '../output.ts';

/**
 * A way to print stacks. What it knows of the lines before is its own; each text has formats of its
 * own.
 */
export interface Format {
  /** Classes of characters, of which a line of this format holds all; see characters.ts. */
  readonly needs: number;
  /** Classes of which such a line holds at least one; none where it is not given. */
  readonly any?: number;
  /** What it reads may be a part of what others read: not asked before these for the line after one of its own. */
  readonly isGeneral?: boolean;
  /** Reads a line; false when it is none of this format's. */
  read(line: Line, out: Output): boolean;
}

/** The base name of a program or library, without what package managers append when it was replaced. */
export function baseName(path: string): string {
  const plain = path.replace(/ \(deleted\)$/, '');
  return plain.slice(plain.lastIndexOf('/') + 1);
}

/** The module that DTrace names before a function: on FreeBSD it is a file's. */
export function objectName(name: string): string | null {
  return moduleName(name.replace(/\.ko$/, ''));
}

/** Emits a frame whose name stands at `index` of the line's body. */
export function frameInBody(
  line: Line,
  out: Output,
  index: number,
  name: string,
  parts: {
    offset?: number | null;
    size?: number | null;
    module?: string | null;
    reliable?: boolean;
    at?: ProcessAddress;
    length?: number;
  },
): void {
  const start = line.bodyColumn + index;
  out.frame(start, start + (parts.length ?? name.length), name, parts);
}

/** Whether a name and the place behind it are a log's message, `error (zil.c:12)`: a word, and a file without a folder. */
export function isMessage(name: string, place: string): boolean {
  return !name.includes('_') && !place.includes('/');
}

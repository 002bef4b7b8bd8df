/** What our answer and that of a tool have in common, and the known ways in which they differ. */
import { sourceName } from '../../src/core/stack/frame.ts';
import type { DebugLine } from '../../src/core/symbols/location.ts';

/**
 * The classes that docs/symbols.md explains:
 * - `same`; where debug info names no function, addr2line gives the symbol with its compiler suffix
 * - `nothing-known`: debug info has nothing here; addr2line names the symbol, sometimes with the file of
 *   a lookup before
 * - `padding-file`: behind the end of a function addr2line gives the right line, but takes the file
 *   from the symbol table
 * - `different`: everything else; there is none
 */
export type Class = 'same' | 'nothing-known' | 'padding-file' | 'different';

export function classify(ours: readonly DebugLine[], theirs: readonly DebugLine[]): Class {
  if (sameChain(ours, theirs)) {
    return 'same';
  }
  const [first] = theirs;
  if (ours.length === 0) {
    return theirs.length <= 1 && (first?.line ?? 0) === 0 ? 'nothing-known' : 'different';
  }
  const [only] = ours;
  if (ours.length === 1 && theirs.length === 1 && only && first) {
    const isSameButFile = only.function === sourceName(first.function) && only.line === first.line;
    return isSameButFile && first.path.endsWith('.c') && !only.path.endsWith('.c')
      ? 'padding-file'
      : 'different';
  }
  return 'different';
}

function sameChain(a: readonly DebugLine[], b: readonly DebugLine[]): boolean {
  return (
    a.length === b.length &&
    a.every((line, index) => {
      const other = b[index];
      return (
        line.path === other?.path &&
        line.line === other.line &&
        (line.function === other.function || (a.length === 1 && line.function === sourceName(other.function)))
      );
    })
  );
}

/** Random offsets below `size` that are the same in every run. */
export function sampleOffsets(count: number, size: number, seed: number): number[] {
  let state = seed >>> 0;
  return Array.from({ length: count }, () => {
    // Numerical Recipes' linear congruential generator; its high bits are good enough here.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * size);
  });
}

/** A chain as one line of text, for messages. */
export function show(chain: readonly DebugLine[]): string {
  return chain
    .map(({ function: name, path, line }) => `${name || '??'} ${path || '??'}:${line || '?'}`)
    .join(' < ');
}

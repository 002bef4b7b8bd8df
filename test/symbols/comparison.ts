/** What our answer and that of a tool have in common, and the known ways in which they differ. */
import { sourceName } from '../../src/core/stack/frame.ts';
import type { DebugLine } from '../../src/core/symbols/location.ts';

/**
 * The classes that docs/symbols.md explains:
 * - `same`; where debug info names no function, tools give the symbol with its compiler suffix
 * - `nothing-known`: debug info has nothing here; addr2line names the symbol, sometimes with the file of
 *   a lookup before
 * - `padding`: behind the end of a function the line is the same, but addr2line takes the file, and
 *   eu-addr2line the function or all of it, from elsewhere
 * - `file`: functions and lines are the same, files are not: addr2line 2.40 numbers the files of some
 *   DWARF 5 tables wrongly; another tool has to say who is right
 * - `asm-name`: a function has another name for the assembler, `__GI_ruserpass` for `ruserpass` or
 *   `_Z6strlenPKc` for `strlen`, which the tools print
 * - `alias`: of several symbols at one address the tool has another one; debug info names that of the source
 * - `overlap`: of several calls that were inlined and claim an address, eu-addr2line has the first one; what
 *   stands there is the same, and addr2line has to say as we do
 * - `shortened`: eu-addr2line has the innermost functions of the chain and leaves out the others, as in the part of a
 *   function that is seldom run; addr2line has to say as we do
 * - `different`: everything else; there is none
 */
export type Class =
  | 'same'
  | 'nothing-known'
  | 'padding'
  | 'file'
  | 'asm-name'
  | 'alias'
  | 'overlap'
  | 'shortened'
  | 'different';

/** @param isPadding whether the address lies between functions */
export function classify(ours: readonly DebugLine[], theirs: readonly DebugLine[], isPadding = false): Class {
  if (sameChain(ours, theirs)) {
    return 'same';
  }
  const [only] = ours;
  const [first] = theirs;
  if (!only) {
    const isNothing = theirs.length <= 1 && (first?.line ?? 0) === 0;
    return isNothing ? 'nothing-known' : isPadding ? 'padding' : 'different';
  }
  if (isPadding && ours.length === 1 && only.line === first?.line) {
    return 'padding';
  }
  const named = theirs.map((line, index) => {
    const name = ours[index]?.function ?? '';
    return isNameFor(line.function, name) ? { ...line, function: name } : line;
  });
  if (sameChain(ours, named)) {
    return 'asm-name';
  }
  return sameChain(withoutPaths(ours), withoutPaths(named)) ? 'file' : 'different';
}

/** Whether a name is what the assembler knows a function of the source by. */
export function isNameFor(assembler: string, source: string): boolean {
  // Of functions that clang lets C overload it is that of C++: the length of the name, and the name.
  return source !== '' && (assembler.endsWith(source) || assembler.startsWith(`_Z${source.length}${source}`));
}

function withoutPaths(chain: readonly DebugLine[]): DebugLine[] {
  return chain.map((line) => ({ ...line, path: '' }));
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

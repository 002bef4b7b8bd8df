import type { FunctionIndex } from '../core/symbols/function-index.ts';

/** Functions that are named at most. */
const MOST = 2000;

/**
 * What a function calls by the source, nearest first, down to a depth: also through macros, and through functions of its
 * file that are inlined. Calls through pointers are not followed. All functions of the name count.
 * @param depth 1 for what it calls itself
 */
export function calleesBelow(index: FunctionIndex, name: string, depth: number): string[] {
  const seen = new Set([name]);
  const found: string[] = [];
  let names = [name];
  for (let level = 0; level < depth && names.length > 0; level++) {
    const next: string[] = [];
    for (const callee of names.flatMap((caller) => calledBy(index, caller))) {
      if (!seen.has(callee) && found.length < MOST) {
        seen.add(callee);
        next.push(callee);
        if (index.hasFunction(callee)) {
          found.push(callee);
        }
      }
    }
    names = next;
  }
  return found;
}

function calledBy(index: FunctionIndex, name: string): string[] {
  const bodies = index.definitions(name).flatMap((found) => index.calls(found).map((call) => call.name));
  return [...bodies, ...index.macroCalls(name)];
}

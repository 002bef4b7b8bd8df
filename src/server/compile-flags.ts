/** How V8 compiles while a piece of work runs that takes about as long as compiling it well. */
import { setFlagsFromString } from 'node:v8';

/**
 * From now on functions are compiled without those that they call inside of them. Code of the first
 * second is compiled again and again as V8 learns what it works on, each time with all that it calls:
 * without that the index of a tree is there in two thirds of the time, and its code is as quick.
 * @returns ends it
 */
export function compileSmall(): () => void {
  if (process.versions['electron'] !== undefined) {
    // A host that has frozen V8's flags ends when one is set; its newer V8 gains little by this anyway.
    return () => {};
  }
  setFlagsFromString('--no-turbo-inlining');
  return () => setFlagsFromString('--turbo-inlining');
}

/**
 * From now on V8 waits long before it compiles anything well: of a process that gives one answer and ends
 * that takes a third of its time.
 */
export function compileForOneAnswer(): void {
  setFlagsFromString('--interrupt-budget=1500000');
}

import { inertBlock } from '../text/inert.ts';

/** ECMA-48 control sequences: CSI, OSC up to BEL or ST, and those of two characters. A console is written for terminals. */
const SEQUENCES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]{0,4096}(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;

/** Lines of the kernel that say that it cannot go on, or that it noticed a fault of its own. */
const FAULT =
  /(?:Kernel panic - not syncing|BUG: |kernel BUG at |Oops: |general protection fault|Unable to handle kernel |Internal error: |PANIC at |VERIFY\d*[SUPBF]*\(|watchdog: BUG: )/;
/** What follows a fault may be cut from a line; UTF-16 units. */
const LONGEST_FAULT = 200;

/** The end of a console's text as text that is safe to show: without what moves a terminal's cursor or colours it. */
export function consoleText(text: string): string {
  const plain = text.replace(SEQUENCES, '').replace(/\r+\n/g, '\n').replace(/\r/g, '\n').replaceAll('\0', '');
  return inertBlock(plain, plain.length);
}

/**
 * What went wrong last: the panic where there is one, else the first line of the first fault; without
 * the time before it. Null when the text tells of none.
 */
export function lastFault(text: string): string | null {
  let first: string | null = null;
  for (const line of text.split('\n')) {
    const at = line.search(FAULT);
    if (at < 0) continue;
    const fault = line.slice(at).trimEnd().slice(0, LONGEST_FAULT);
    if (fault.startsWith('Kernel panic')) return fault;
    first ??= fault;
  }
  return first;
}

/**
 * crash: ` #4 [ffffc9000d35be78] __handle_sysrq at ffffffff814e4175 [zfs]`, with `bt -s` an offset, and
 * `[exception RIP: native_safe_halt+0xb]`; old versions print the offset in decimal (crash, x86_64.c).
 */
import { BRACKET, COLON, LONG_HEX, NUMBERED, OFFSET } from '../characters.ts';
import type { Line } from '../line.ts';
import type { Output } from '../output.ts';
import { type Format, frameInBody } from './format.ts';

/**
 * The address may have been cut off, or be on the next line. Names of Rust have colons and brackets. PowerPC's bt marks
 * what it took from the stack without a chain (crash, ppc64.c).
 */
const ENTRY =
  /^#\d{1,3} +(?:\[[\da-f]{8,16}\] +(?=\S+(?: at\b| \(via|$)))?([A-Za-z_.<][\w.$:<>]*)(?:\+(0x[\da-f]+|\d+))?(?: \(via \w{1,64}\))?(?: at {1,2}[\da-f]{8,16}(?: ?\[([\w-]{1,64})\])?( +\(unreliable\))?|(?<=\] +\S+)(?: at)?$)/;
/** The number, or its mark, was lost. */
const UNNUMBERED =
  /^(?:\d{1,3} +)?\[[\da-f]{8,16}\] +([A-Za-z_.<][\w.$:<>]*)(?:\+(0x[\da-f]+|\d+))? at {1,2}[\da-f]{8,16}(?: ?\[([\w-]{1,64})\])?$/;
/** `[exception RIP: f+11]`, `[NIP  : f+40]`, `PC: ffff80001014c338  [f+28]`, and as it was typed off: `RIP: f+128 [zfs]`. */
const EXCEPTION =
  /(?:\[(?:exception )?(?:[RE]?IP|PC|NIP|LR) *: |(?:^|\s)(?:PC|LR|NIP): [\da-f]{8,16} +\[|^RIP: (?=\S+\+\d+(?: \[|$)))([A-Za-z_.][\w.$]*)(?:\+(0x[\da-f]+|\d+))?(?: \[([\w-]{1,64})\])?(?:\]|$)/;

export function crashFormat(): Format {
  return {
    needs: 0,
    any: NUMBERED | LONG_HEX,
    read: (line, out) => readWith(line.body.startsWith('#') ? ENTRY : UNNUMBERED, line, out),
  };
}

export function crashExceptionFormat(): Format {
  return {
    needs: COLON,
    any: BRACKET | OFFSET,
    read: (line, out) => readWith(EXCEPTION, line, out),
  };
}

function readWith(pattern: RegExp, line: Line, out: Output): boolean {
  const match = pattern.exec(line.body.slice(0, 1024));
  if (match === null) {
    return false;
  }
  const [whole, name = '', offset, module, guessed] = match;
  const before = whole.length - (module?.length ?? 0) - (guessed?.length ?? 0);
  frameInBody(line, out, match.index + whole.lastIndexOf(name, before), name, {
    offset: offset === undefined ? null : Number(offset),
    module: module ?? null,
    reliable: guessed === undefined,
    length: name.length + (offset === undefined ? 0 : offset.length + 1),
  });
  // With -l the place follows on the next line, or behind a newline that became two.
  out.leaveOpen(2);
  return true;
}

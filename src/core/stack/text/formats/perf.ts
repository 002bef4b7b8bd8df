/**
 * perf script: `ffffffffc0be06b3 txg_wait_synced_impl+0xf3 ([zfs])`, inlined rows `zio_wait (inlined)`, and
 * stacks printed with addresses and names only, as bcc's wakeuptime does (perf, builtin-script.c).
 */
import { LETTER, LIBRARY, LONG_HEX, OFFSET, PAREN } from '../characters.ts';
import type { Line } from '../line.ts';
import { moduleName } from '../linux.ts';
import type { Output } from '../output.ts';
import { baseName, type Format, frameInBody } from './format.ts';

const ENTRY =
  /^([\da-f]{1,16}) ([A-Za-z_.$~].{0,1000}?)(?:\+0x([\da-f]{1,16}))? \((\[[\w.-]{1,64}\]|[^()]{1,1000}|inlined)(?: \(deleted\))?\)$/;

/** Digits of what is surely an address: shorter ones are lined up at the right side of their column. */
const MIN_DIGITS = 4;
const MIN_INDENT = 8;
/** Longest offset: more digits are those of a difference that went below 0, where perf took a wrong map. */
const MAX_OFFSET = 12;

/** Event, then the sample's only address on the same line. */
const ONE_LINE =
  /: {1,40}([\da-f]{4,16}) ([A-Za-z_.$~][\w.$@:~<>]*)(?:\+0x([\da-f]{1,12}))? \((\[[\w.-]{1,64}\]|\/[^()]{1,1000})\)$/;

/** perf trace, or perf script without the field ip: no address. */
const CHAINED = /^([A-Za-z_.$~][\w.$@:~<>]*(?<!:\d+)) \((\[[\w.-]{1,64}\]|\/[^()\s]{1,1000})\)$/;
/** Such rows are indented at least so far, but for those of the kernel, whose name nobody else writes so. */
const CHAIN_INDENT = 8;
const KERNEL = ' ([kernel.kallsyms])';

/** 64 bits, which stackcount lines up at the left side of their column, or 32 that are no decimal number. */
const NAME_ONLY = /^([\da-f]{12,16}(?: {0,4}(?= ))|(?=\d*[a-f])[\da-f]{8}) ([A-Za-z_.$~][\w.$@:~]*)$/;

export function perfFormat(): Format {
  return {
    needs: PAREN,
    any: LIBRARY | OFFSET,
    read(line, out) {
      const { body } = line;
      if (body.length > 4096) {
        return false;
      }
      const match = ENTRY.exec(body) ?? ONE_LINE.exec(body);
      if (match === null) {
        return readChained(line, out);
      }
      const [whole, address = '', name = '', offset, place = ''] = match;
      if (address.length < MIN_DIGITS && (line.indent < MIN_INDENT || offset === undefined)) {
        return false;
      }
      // "4096 bytes (4 KiB)": without an offset, the place has to tell that it is one.
      if (offset === undefined && (/\s/.test(name) || !/^(?:\[|\/|inlined$)/.test(place))) {
        return false;
      }
      // bpftrace's kstack(perf), whose offsets are decimal.
      if (/\+\d+$/.test(name)) {
        return false;
      }
      frameInBody(line, out, match.index + whole.indexOf(` ${name}`) + 1, name, {
        offset: offset === undefined || offset.length > MAX_OFFSET ? null : Number.parseInt(offset, 16),
        module: place === 'inlined' ? null : library(place),
        length: name.length + (offset === undefined ? 0 : 3 + offset.length),
      });
      // With the field srcline the place follows on the next line.
      out.leaveOpen(1);
      return true;
    },
  };
}

function readChained(line: Line, out: Output): boolean {
  const { body, indent } = line;
  const isRow = indent >= CHAIN_INDENT || (indent > 0 && body.endsWith(KERNEL));
  const match = isRow ? CHAINED.exec(body) : null;
  if (match === null) {
    return false;
  }
  const [, name = '', place = ''] = match;
  frameInBody(line, out, 0, name, { module: library(place) });
  out.leaveOpen(1);
  return true;
}

export function namedAddressFormat(): Format {
  return {
    needs: LETTER | LONG_HEX,
    read(line, out) {
      if (line.to - line.from > 700 || line.indent === 0) {
        return false;
      }
      const { body } = line;
      const match = NAME_ONLY.exec(body);
      const name = match?.[2];
      if (name === undefined) {
        return false;
      }
      frameInBody(line, out, body.indexOf(` ${name}`) + 1, name, {});
      return true;
    },
  };
}

/** `[zfs]`, `/lib/modules/6.12/updates/zfs.ko.xz`, `/usr/lib/libc.so.6+0x9ed14`, `[kernel.kallsyms]`. */
function library(place: string): string | null {
  const name = place.startsWith('[')
    ? place.replace(/^\[|\].*$/g, '')
    : baseName(place).replace(/\+0x[\da-f]+$/, '');
  return moduleName(name.replace(/\.ko(?:\.(?:xz|gz|zst))?$/, ''));
}

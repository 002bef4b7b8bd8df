/**
 * What the kernel says of a process that a signal ended: the program counter, and the mapping it is in.
 *
 * - x86-64: `zdb[812]: segfault at 0 ip 00007f3c1e2a1bb3 sp 00007ffd03e8 error 4 in libzpool.so.5.0.0[7f3c1e1f0000+1a5000]`
 *   (arch/x86/mm/fault.c, show_signal_msg); `traps: zdb[812] trap invalid opcode ip:55d0c0a01bb3 sp:7ffd03e8 error:0 in
 *   zdb[1bb3,55d0c0a00000+3b000]` (arch/x86/kernel/traps.c, show_signal). Before the mapping, kernels since 6.11 say where
 *   in the file it is (mm/memory.c, print_vma_addr).
 * - arm64: `zdb[812]: unhandled exception: ..., in libzpool.so.5.0.0[...]`, with the counter some lines below, as
 *   `pc : 0000ffff9e2a1bb3` (arch/arm64/kernel/traps.c, arm64_show_signal)
 */
import { BRACKET, COLON, OFFSET } from '../characters.ts';
import type { Line } from '../line.ts';
import type { Output } from '../output.ts';
import { baseName, type Format } from './format.ts';

const MAPPING = /\bin ([^[\]]{1,256})\[(?:[\da-f]{1,16},)?([\da-f]{1,16})\+([\da-f]{1,16})\]/;
const COUNTER = / ip[ :]([\da-f]{1,16}) sp[ :][\da-f]{1,16} error[ :][\da-f]{1,16} $/;
const REGISTER = /^pc : (?:\[<)?([\da-f]{16})\b/;

/** Lines between the two of arm64: the processor, the hardware, the state. */
const MOST_BETWEEN = 8;
/** Longest line that is looked at. */
const MAX_LENGTH = 1024;

interface Mapping {
  readonly line: number;
  readonly file: string;
  readonly start: number;
  readonly size: number;
}

/** Two formats, the second for the line of arm64 with the counter. */
export function segfaultFormats(): readonly [Format, Format] {
  let open: Mapping | null = null;
  return [
    {
      needs: BRACKET | OFFSET,
      read(line, out) {
        const { body } = line;
        const isUnhandled = body.includes(': unhandled ');
        const found =
          body.length <= MAX_LENGTH && (isUnhandled || body.includes(' error')) ? MAPPING.exec(body) : null;
        if (found === null) {
          return false;
        }
        const [whole, file = '', start = '', size = ''] = found;
        const mapping = {
          line: line.number,
          file: baseName(file),
          start: Number.parseInt(start, 16),
          size: Number.parseInt(size, 16),
        };
        const counter = COUNTER.exec(body.slice(0, found.index))?.[1];
        if (counter === undefined) {
          open = isUnhandled ? mapping : open;
          return false;
        }
        const before = 'in '.length;
        emit(line, out, found.index + before, whole.length - before, counter, mapping);
        return true;
      },
    },
    {
      needs: COLON,
      read(line, out) {
        if (open === null || line.number - open.line > MOST_BETWEEN) {
          return false;
        }
        const [whole, hex] = REGISTER.exec(line.body) ?? [];
        if (whole === undefined || hex === undefined) {
          return false;
        }
        emit(line, out, whole.length - hex.length, hex.length, hex, open);
        open = null;
        return true;
      },
    },
  ];
}

function emit(line: Line, out: Output, index: number, length: number, hex: string, mapping: Mapping): void {
  const pc = Number.parseInt(hex, 16);
  const start = line.bodyColumn + index;
  const where = { address: pc - mapping.start, pc, mapped: mapping.size };
  out.address(start, start + length, mapping.file, where);
}

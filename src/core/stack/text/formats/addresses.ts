/**
 * Entries of processes without a function, other than those that a `+` before the address tells (strace.ts).
 *
 * - `/usr/sbin/zdb() [0x40a7cf]`, or `zdb[0x40a7cf]` of older ones: glibc's backtrace_symbols of a program that is not
 *   position-independent: the address is that of the file (debug/backtracesyms.c)
 * - `#3  0x00007f6f5cd8 n/a (libzpool.so.6 + 0x3bebc)` of systemd-coredump (src/shared/elf-util.c)
 * - `#3 0x7f6f5cd8  (/usr/lib/libzpool.so.6+0x3bebc) (BuildId: 5f0c...)` of AddressSanitizer (sanitizer_stacktrace_printer.cpp)
 */
import { zfsProgramOf } from '../../../zfs/zfs-modules.ts';
import { ADDRESS, BRACKET, NUMBERED, PAREN, PLUS } from '../characters.ts';
import { baseName, type Format } from './format.ts';

const BRACKETED = /^(\.{0,2}\/[^\s()[\]]{1,512}|[\w.+-]{1,128})(\(\) ?)?(\[0x([\da-f]{4,13})\])$/;
const NOT_NAMED = /^#\d{1,4} +0x([\da-f]{6,16}) +(?=n\/a \(([^\s()]{1,256}) \+ 0x([\da-f]{1,13})\)$)/;
const SANITIZER =
  /^#\d{1,4} 0x[\da-f]{6,16} +(\(([^\s()]{1,512})\+0x([\da-f]{1,13})\))(?: \(BuildId: [\da-f]{1,64}\))?$/;

/** Longest line that is looked at. */
const MAX_LENGTH = 1024;

/** glibc's. */
export function bracketedAddressFormat(): Format {
  return {
    needs: BRACKET | ADDRESS,
    read(line, out) {
      const { body, bodyColumn } = line;
      const [whole, file = '', parens, address = '', hex = ''] =
        body.length > MAX_LENGTH ? [] : (BRACKETED.exec(body) ?? []);
      if (whole === undefined) {
        return false;
      }
      const name = baseName(file);
      // An array of C looks like the older form.
      if (parens === undefined && zfsProgramOf(name) === null) {
        return false;
      }
      const end = bodyColumn + whole.length;
      out.address(end - address.length, end, name, { address: Number.parseInt(hex, 16) });
      return true;
    },
  };
}

/** Those that are numbered. */
export function numberedAddressFormat(): Format {
  return {
    needs: NUMBERED | PAREN | PLUS,
    read(line, out) {
      const { body, bodyColumn } = line;
      if (body.length > MAX_LENGTH) {
        return false;
      }
      const [before, pc = '', file, offset = ''] = NOT_NAMED.exec(body) ?? [];
      if (before !== undefined && file !== undefined) {
        const start = bodyColumn + before.length;
        const where = { address: Number.parseInt(offset, 16), pc: Number.parseInt(pc, 16) };
        out.address(start, start + 'n/a'.length, baseName(file), where);
        return true;
      }
      const [, entry, path = '', address = ''] = SANITIZER.exec(body) ?? [];
      if (entry === undefined) {
        return false;
      }
      const start = bodyColumn + body.indexOf(entry);
      out.address(start, start + entry.length, baseName(path), { address: Number.parseInt(address, 16) });
      return true;
    },
  };
}

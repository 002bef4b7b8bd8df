/**
 * strace -k: ` > /usr/lib/libc.so.6(pause+0x10) [0xd3dd0]`; glibc's backtrace_symbols the same without
 * the blank: `/usr/sbin/ztest(main+0x1a)[0x40a7cf]`; libspl's assertions: `[0x40a7cf] main+0x1a (in zdb +0x1a)`.
 * Where a function has no name, there is only where the call is in the file: `ztest(+0x1a7cf)`, `??? (in zdb +0x1a7cf)`.
 */
import { LESS, OFFSET, PAREN, POINTER } from '../characters.ts';
import type { Line } from '../line.ts';
import { allMatches } from '../matches.ts';
import type { Output } from '../output.ts';
import { baseName, type Format, frameInBody } from './format.ts';

/** Behind `func:` as Open MPI's programs print it (opal/util/stacktrace.c). */
const ENTRY =
  /^(?:> |func:)?(\.{0,2}\/[^\s()]{1,512}|\[vdso\]|[\w.+-]{1,128})\(([A-Za-z_.][\w.$@:~]*)\+0x([\da-f]{1,12})\) ?\[(?:0x)?[\da-f]{1,16}\]/;

/** FreeBSD's backtrace_symbols: `0x20d3b2 <main+0x52> at /usr/sbin/zdb` (libexecinfo). */
const EXECINFO =
  /^0x[\da-f]{4,16} <([A-Za-z_.][\w.$@:~]*)\+0x([\da-f]{1,12})> at (\/\S{1,512}|[\w.+-]{1,128})$/;

/** lib/libspl/backtrace.c */
const LIBSPL =
  /^\[0x[\da-f]{1,16}\] ([A-Za-z_.][\w.$@]*)\+0x([\da-f]{1,12}) \(in (\S{1,512}) \+0x[\da-f]{1,16}\)/;

/** Ceph's, whose names have their arguments: `(OSD::shutdown(int)+0x25e) [0x558229d3255e]`. */
const DEMANGLED =
  /^"?(?:\d{1,3}: )?\(([A-Za-z_~][\w:~]{0,400}(?:<[^()]{0,400}>[\w:~]{0,200})?)\(.{0,1000}\)(?: const)?\+0x([\da-f]{1,12})\) \[0x[\da-f]{1,16}\]"?,?$/;

/**
 * Several on one line, behind the message's place: `(-->/usr/lib/libzpool.so.5(zio_wait+0x4d) [0x7ff9121ec963]
 * -->/usr/sbin/zdb(+0x1a7cf) [0x40a7cf] )`, of GlusterFS (libglusterfs/src/logging.c, _gf_log_callingfn).
 */
const POINTED =
  /(-->\s?(\.{0,2}\/[^\s()]{1,512}|[\w.+-]{1,128})\s?\()([A-Za-z_.][\w.$@:~]*)?\+0x([\da-f]{1,13})\)/g;

/** The same entries without a function: before the address what tells where it is, and the file of it. */
const ADDRESSES = [
  /^((?:> )?(\.{0,2}\/[^\s()]{1,512}|[\w.+-]{1,128})\()\+0x([\da-f]{1,13})\) ?\[(?:0x)?[\da-f]{1,16}\]$/,
  /^(\[0x[\da-f]{1,16}\] \?\?\? \(in (\S{1,512}) )\+0x([\da-f]{1,13})\)$/,
];

export function straceFormat(): Format {
  return {
    needs: OFFSET,
    any: PAREN | LESS,
    read(line, out) {
      if ((line.classes & POINTER) !== 0 && readPointed(line, out)) {
        return true;
      }
      const body = line.body.slice(0, 2048);
      const entry = ENTRY.exec(body);
      if (entry !== null) {
        const [, library = '', name = '', offset = ''] = entry;
        frameInBody(line, out, body.indexOf(`(${name}`) + 1, name, {
          offset: Number.parseInt(offset, 16),
          module: baseName(library),
          length: name.length + 3 + offset.length,
        });
        return true;
      }
      const [demangled, called = '', at = ''] = DEMANGLED.exec(body) ?? [];
      if (demangled !== undefined) {
        frameInBody(line, out, body.indexOf(`(${called}`) + 1, called, { offset: Number.parseInt(at, 16) });
        return true;
      }
      const own = LIBSPL.exec(body) ?? EXECINFO.exec(body);
      if (own === null) {
        return readAddress(line, body, out);
      }
      const [, name = '', offset = '', library = ''] = own;
      frameInBody(line, out, body.indexOf(`${name}+0x`), name, {
        offset: Number.parseInt(offset, 16),
        module: baseName(library),
        length: name.length + 3 + offset.length,
      });
      return true;
    },
  };
}

function readPointed(line: Line, out: Output): boolean {
  const { body } = line;
  const entries = body.length > 65_536 ? [] : allMatches(body, POINTED);
  for (const { index, 1: before = '', 2: file = '', 3: name, 4: digits = '' } of entries) {
    const at = index + before.length;
    const number = Number.parseInt(digits, 16);
    if (name === undefined) {
      const start = line.bodyColumn + at;
      out.address(start, start + 3 + digits.length, baseName(file), { address: number });
    } else {
      const length = name.length + 3 + digits.length;
      frameInBody(line, out, at, name, { offset: number, module: baseName(file), length });
    }
  }
  return entries.length > 0;
}

function readAddress(line: Line, body: string, out: Output): boolean {
  for (const pattern of ADDRESSES) {
    const [, before, file = '', address = ''] = pattern.exec(body) ?? [];
    if (before !== undefined) {
      const start = line.bodyColumn + before.length;
      out.address(start, start + 3 + address.length, baseName(file), {
        address: Number.parseInt(address, 16),
      });
      return true;
    }
  }
  return false;
}

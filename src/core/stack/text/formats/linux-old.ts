/**
 * Linux 2.4, and 2.6 before 2.6.18: kernels that print offsets otherwise than the ones since.
 *
 * - `<ffffffff80186903>{:xfs:xfs_bmapi+67}`, decimal (2.6, arch/x86_64/kernel/traps.c, printk_address)
 * - `[sys_open+203/304]`, decimal, of klogd, which puts names in the place of addresses (sysklogd, ksym.c)
 * - `Trace; c026c66c <suspend_device+fc/103>`, and of registers `>>EIP; `, `>>PC;  `, hexadecimal (ksymoops, map.c)
 * - `[<c013c9e1>] kswapd [kernel] 0x141 (0xc44c1fd4)` (Red Hat's 2.4)
 */
import { ADDRESS, BRACKET, LESS, OFFSET } from '../characters.ts';
import { moduleName } from '../linux.ts';
import { allMatches } from '../matches.ts';
import { type Format, frameInBody } from './format.ts';

const BRACED = /<[\da-f]{8,16}>\{(?::([\w-]{1,64}):)?([A-Za-z_.][\w.$]{0,255})\+(\d{1,8})\}/g;

const KLOGD = /\[(?:([A-Za-z][\w-]{0,63}):)?([A-Za-z_.][\w.$]{0,255})\+(\d{1,8})\/(\d{1,8})\]/g;
/** A line of nothing but such entries and addresses. Group 1: what tells that it is of a stack. */
const KLOGD_LINE =
  /^(Call Trace: *|EIP: +[\da-f]{4}:)?(?:\[<[\da-f]{8,16}>\] *|\[[^\s\]]{1,300}\+-?\d{1,8}\/\d{1,8}\] *)+(?:Not tainted.*|Tainted.*|[A-Za-z_][\w.]*\+0x.*)?$/;

const KSYMOOPS =
  /^(?:>{0,2}(?:[ERN]?IP|T?PC|LR|RA|ra|[IO]7);|Trace;) {1,2}[\da-f]{8,16} <(?:\[([\w-]{1,64})\])?([A-Za-z_.][\w.$]{0,255})\+([\da-f]{1,8})\/([\da-f]{1,8})>/;

const RED_HAT =
  /^(?:Call Trace: *)?(?:\[<[\da-f]{8,16}>\] |EIP is at )([A-Za-z_.][\w.$]{0,255}) \[([\w-]{1,64})\] 0x([\da-f]{1,8})(?=\s|$)/;

/** Longest line that is looked at. */
const MAX_LENGTH = 4096;

export function oldLinuxFormat(): Format {
  return {
    needs: OFFSET,
    any: LESS | BRACKET,
    read(line, out) {
      const { body } = line;
      if (body.length > MAX_LENGTH) {
        return false;
      }
      const [traced, tracedModule, tracedName = '', tracedOffset = '', tracedSize = ''] =
        KSYMOOPS.exec(body) ?? [];
      if (traced !== undefined) {
        const length = traced.length - 1 - traced.lastIndexOf(`${tracedName}+`);
        frameInBody(line, out, traced.lastIndexOf(`${tracedName}+`), tracedName, {
          offset: Number.parseInt(tracedOffset, 16),
          size: Number.parseInt(tracedSize, 16),
          module: tracedModule ?? null,
          length,
        });
        return true;
      }
      const entries = allMatches(body, body.includes('>{') ? BRACED : KLOGD);
      if (!body.includes('>{') && !isKlogdLine(body, entries)) {
        return false;
      }
      for (const { 0: whole, 1: module, 2: name = '', 3: offset = '', 4: size, index } of entries) {
        const at = whole.lastIndexOf(`${name}+`);
        frameInBody(line, out, index + at, name, {
          offset: Number(offset),
          size: size === undefined ? null : Number(size),
          module: module ?? null,
          length: whole.length - 1 - at,
        });
      }
      return entries.length > 0;
    },
  };
}

/** Whether such entries are klogd's: a sum in brackets may also be an index in code, whose names are words. */
function isKlogdLine(body: string, entries: readonly RegExpExecArray[]): boolean {
  const match = entries.length === 0 ? null : KLOGD_LINE.exec(body);
  return (
    match !== null &&
    (match[1] !== undefined || body.includes('[<') || entries.some(({ 2: name }) => name?.includes('_')))
  );
}

export function redHatFormat(): Format {
  return {
    needs: BRACKET | ADDRESS,
    read(line, out) {
      const { body } = line;
      const [whole, name = '', module = '', offset = ''] =
        body.length > MAX_LENGTH || !body.includes('] 0x') ? [] : (RED_HAT.exec(body) ?? []);
      if (whole === undefined) {
        return false;
      }
      const at = whole.indexOf(`${name} [`);
      frameInBody(line, out, at, name, {
        offset: Number.parseInt(offset, 16),
        module: moduleName(module),
        length: whole.length - at,
      });
      return true;
    },
  };
}

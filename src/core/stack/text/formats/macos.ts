/**
 * macOS: panics with symbols `0xffffff80833eb670 : 0xffffff7fa3e0b3d2 net.lundman.zfs : _spl_panic + 0xe2`,
 * spindump and sample `*560  txg_sync_thread + 194 (zfs + 244690) [0xffffff7f83cf6bd2]`, crash reports
 * `0   libsystem_kernel.dylib   0x00007fff6e __pthread_kill + 10`.
 */
import { BRACKET, COLON, NUMBERED, PAREN, PLUS, SOURCE, SUM } from '../characters.ts';
import { moduleName } from '../linux.ts';
import { type Format, frameInBody } from './format.ts';

/** The first column, the frame, may have been cut off. */
const PANIC =
  /^(?:(?:0x[\da-f]{8,16} )?: (?:0x[\da-f]{8,16} )?([\w.-]{1,128})|(mach_kernel|(?:[\w-]{1,64}\.){2,8}[\w-]{1,64})) : ([A-Za-z_$][\w.$:~]*)(?:\(.{0,400}?\))? \+ 0x([\da-f]{1,12})/;
/** 32 bits: the frame, the return address, what may be arguments, and no module. */
const PANIC_32 =
  /^0x[\da-f]{4,8} : 0x[\da-f]{4,8} \((?:0x[\da-f]{1,8} ?){4}\) ([A-Za-z_$][\w$:~]*) \+ 0x([\da-f]{1,8})/;
const SAMPLED =
  /^(?:[+!:| ]{0,200})?\*? ?\d{1,9} +([A-Za-z_$~][\w.$:~<>]*(?:\([^()]{0,400}\))?(?: const)?)(?: \+ (\d{1,9}))? +\((?:in )?([\w.+ -]{1,128}?)(?: \+ \d{1,12})?\)(?: \+ (\d{1,9}))?(?: +\[0x[\da-f]{1,16}|(?<= \(in .{1,140}\) \+ \d{1,9})$)/;
const REPORT =
  /^\d{1,3} +([\w.+-]{1,128})[ \t]+0x[\da-f]{8,16} ([A-Za-z_$~][\w.$:~]*)(?:\(.{0,400}?\))? \+ (\d{1,9})/;
/**
 * atos and what prints its answers, also in a panic's text that was symbolicated: perhaps the address, `taskq_thread (in zfs) (spl-taskq.c:2116)`; and stackshot, with the
 * address behind it, `thread_block_reason (in mach_kernel) + 300 (0xffffff800022d9dc)`.
 */
const ATOS =
  /^(?:0x[\da-f]{8,16}(?: ?:)? +)?(?:\[[\w.]{1,64}\] +)?([A-Za-z_$~][\w.$:~<>]*)(?:\([^()]{0,400}\))? \(in ([\w.+-]{1,128})\) (?:\([\w.+-]{1,256}:\d{1,7}\)|\+ (\d{1,9})(?: \(0x[\da-f]{8,16}\))?)$/;
/** A crashed thread as it is written down without its addresses: `#3  spa_close  +184`. No call ends at 1: that is a vote. */
const NUMBERED_SUM = /^#\d{1,3} +([A-Za-z_$~][\w.$:~]*) +\+ ?(?!1$)(\d{1,9})$/;
/** LLDB's lookup of an address. */
const SUMMARY = /^Summary: ([\w.+-]{1,128})`([A-Za-z_$~][\w.$:~]*)(?:\(.{0,400}\))? \+ (\d{1,9})(?= at |$)/;

/** What OpenZFS on macOS prints of its own stacks: kext and symbol, no offset. */
const NAMED = /^(mach_kernel|(?:[\w-]{1,64}\.){2,8}[\w-]{1,64}) {1,16}: (_[A-Za-z][\w$]*)$/;

export function macosNameFormat(): Format {
  return {
    needs: COLON,
    read(line, out) {
      const { body } = line;
      const match = body.length > 512 || !body.includes(': _') ? null : NAMED.exec(body);
      if (match === null) {
        return false;
      }
      const [, module = '', name = ''] = match;
      frameInBody(line, out, body.length - name.length, name, { module: moduleName(module) });
      return true;
    },
  };
}

export function atosFormat(): Format {
  return {
    needs: PAREN,
    any: SUM | SOURCE,
    read(line, out) {
      const { body } = line;
      const match = body.length > 1024 || !body.includes(' (in ') ? null : ATOS.exec(body);
      if (match === null) {
        return false;
      }
      const [whole, name = '', module = '', offset] = match;
      frameInBody(line, out, whole.lastIndexOf(name, whole.indexOf(' (in ')), name, {
        offset: offset === undefined ? null : Number(offset),
        module: moduleName(module),
      });
      return true;
    },
  };
}

export function macosFormat(): Format {
  return {
    needs: PLUS,
    any: SUM | BRACKET | NUMBERED,
    read(line, out) {
      const { body } = line;
      if (body.length > 2048) {
        return false;
      }
      const panic = PANIC.exec(body);
      if (panic !== null) {
        const [, printed, alone = '', name = '', offset = ''] = panic;
        frameInBody(line, out, body.indexOf(` : ${name}`) + 3, name, {
          offset: Number.parseInt(offset, 16),
          module: moduleName(printed ?? alone),
        });
        return true;
      }
      const old = PANIC_32.exec(body);
      if (old !== null) {
        const [, name = '', offset = ''] = old;
        frameInBody(line, out, body.indexOf(`) ${name}`) + 2, name, { offset: Number.parseInt(offset, 16) });
        return true;
      }
      const sampled = SAMPLED.exec(body);
      if (sampled !== null) {
        const [, name = '', offset, module = '', behind] = sampled;
        const digits = offset ?? behind;
        frameInBody(line, out, body.indexOf(name), name, {
          offset: digits === undefined ? null : Number(digits),
          module: moduleName(module),
        });
        return true;
      }
      const summary = SUMMARY.exec(body);
      if (summary !== null) {
        const [, module = '', name = '', offset = ''] = summary;
        frameInBody(line, out, body.indexOf('`') + 1, name, { offset: Number(offset), module });
        return true;
      }
      const numbered = NUMBERED_SUM.exec(body);
      if (numbered !== null) {
        const [, name = '', offset = ''] = numbered;
        frameInBody(line, out, body.indexOf(` ${name}`) + 1, name, { offset: Number(offset) });
        return true;
      }
      const report = REPORT.exec(body);
      if (report === null) {
        return false;
      }
      const [, module = '', name = '', offset = ''] = report;
      frameInBody(line, out, body.indexOf(` ${name}`) + 1, name, { offset: Number(offset), module });
      return true;
    },
  };
}

/**
 * The process that bench/symbols.ts measures, like addr2line: `FILE frame SYMBOL OFFSET SIZE`, or
 * `FILE section NAME` with offsets on stdin. Prints function and place, innermost first.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { openDebugFile } from '../src/core/symbols/debug-file.ts';
import type { DebugLine } from '../src/core/symbols/location.ts';
import { compileSmall } from '../src/server/compile-flags.ts';

const [path = '', mode = '', name = '', offset = '', size = ''] = process.argv.slice(2);
if (mode === 'frame') {
  // What V8 compiles for the long run would only take time from the one answer of a short process.
  setFlagsFromString('--interrupt-budget=1500000');
} else {
  // As the command line does.
  compileSmall();
}
const fd = openSync(path, 'r');
const file = openDebugFile({
  size: fstatSync(fd).size,
  read(start, length) {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, start));
  },
});

let text = '';

function flush(): void {
  writeSync(1, text);
  text = '';
}

function print(lines: readonly DebugLine[]): void {
  for (const { function: name, path, line } of lines) {
    text += `${name || '??'}\n${path || '??'}:${line || '?'}\n`;
  }
  if (lines.length === 0) text += '??\n??:0\n';
  if (text.length > 1 << 16) flush();
}

function main(): void {
  if (mode === 'frame') {
    print(file.frame({ symbol: name, offset: Number(offset), size: Number(size) }, true)?.lines ?? []);
  } else {
    for (const line of readFileSync(0, 'latin1').trim().split('\n')) {
      print(file.at({ section: name, offset: Number(line) }));
    }
  }
  flush();
}

main();
closeSync(fd);

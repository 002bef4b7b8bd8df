/**
 * The process that bench/symbols.ts measures, like addr2line: `FILE frame SYMBOL OFFSET SIZE`, or
 * `FILE section NAME` with offsets on stdin. Prints function and place, innermost first.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { openDebugFile } from '../src/core/symbols/debug-file.ts';
import type { DebugLine } from '../src/core/symbols/location.ts';

// As the command line does it: compile only what stays busy, so that a first answer does not wait.
setFlagsFromString('--interrupt-budget=1500000');

const [path = '', mode = '', name = '', offset = '', size = ''] = process.argv.slice(2);
const fd = openSync(path, 'r');
const file = openDebugFile({
  size: fstatSync(fd).size,
  read(start, length) {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, start));
  },
});

function print(lines: readonly DebugLine[]): string {
  let text = '';
  for (const { function: name, path, line } of lines) {
    text += `${name || '??'}\n${path || '??'}:${line || '?'}\n`;
  }
  return text || '??\n??:0\n';
}

function write(text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    at += writeSync(1, bytes, at);
  }
}

if (mode === 'frame') {
  const found = file.frame({ symbol: name, offset: Number(offset), size: Number(size) }, true);
  write(print(found?.lines ?? []));
} else {
  let text = '';
  for (const line of readFileSync(0, 'latin1').split('\n')) {
    if (line !== '') {
      text += print(file.at({ section: name, offset: Number(line) }));
    }
    if (text.length > 1 << 16) {
      write(text);
      text = '';
    }
  }
  write(text);
}
closeSync(fd);

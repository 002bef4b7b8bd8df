/** Other tools' answers about debug info, in our form. */
import { execFileSync } from 'node:child_process';
import type { DebugLine } from '../../src/core/symbols/location.ts';

/** A section with code. */
export interface CodeSection {
  readonly name: string;
  /** As linked; 0 in a module. */
  readonly address: bigint;
  readonly size: number;
}

function output(program: string, args: readonly string[], input = ''): string {
  return execFileSync(program, args, {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

/** Sections with code and bytes, as readelf lists them. */
export function codeSections(file: string): CodeSection[] {
  const row = /^\s*\[\s*\d+\]\s+(\S+)\s+PROGBITS\s+([0-9a-f]+)\s+\S+\s+([0-9a-f]+)\s+\S+\s+(\S*X\S*)\s/gm;
  return [...output('readelf', ['--section-headers', '--wide', file]).matchAll(row)]
    .map(([, name = '', address = '', size = '']) => ({
      name,
      address: BigInt(`0x${address}`),
      size: Number.parseInt(size, 16),
    }))
    .filter(({ size }) => size > 0);
}

/**
 * Chains of addresses of a section, of a module by offset, else by address.
 * @param program `addr2line`, that of another machine, or `eu-addr2line`
 */
export function askTool(
  program: string,
  file: string,
  section: CodeSection,
  offsets: readonly number[],
  isModule: boolean,
): DebugLine[][] {
  const start = isModule ? 0n : section.address;
  const addresses = offsets.map((offset) => `0x${(start + BigInt(offset)).toString(16)}\n`);
  const args = ['-a', '-i', '-f', ...(isModule ? ['-j', section.name] : []), '-e', file];
  return readPairs(output(program, args, addresses.join('')));
}

/** Lines of an address, then pairs of function and place, until the next address. */
function readPairs(text: string): DebugLine[][] {
  const chains: DebugLine[][] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? '';
    if (/^0x[0-9a-f]+$/.test(line)) {
      chains.push([]);
      at++;
    } else if (line !== '' && at + 1 < lines.length) {
      chains.at(-1)?.push(readPair(line, lines[at + 1] ?? ''));
      at += 2;
    } else {
      at++;
    }
  }
  return chains;
}

/** `place` is `path:line`, with a column by eu-addr2line, with a discriminator by addr2line. */
function readPair(name: string, place: string): DebugLine {
  const [, path = '', line = '0'] = /^(.*?):(\d+|\?)(?::\d+)?(?: \(discriminator \d+\))?$/.exec(place) ?? [];
  return {
    function: name === '??' ? '' : name,
    path: path === '??' ? '' : path,
    line: line === '?' ? 0 : Number(line),
  };
}

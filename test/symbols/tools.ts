/** Other tools' answers about debug info, in our form. */
import { spawnSync } from 'node:child_process';
import type { DebugLine } from '../../src/core/symbols/location.ts';

/** A section with code. */
export interface CodeSection {
  readonly index: number;
  readonly name: string;
  /** As linked; 0 in a module. */
  readonly address: bigint;
  readonly size: number;
}

function output(program: string, args: readonly string[], input = ''): string {
  // eu-addr2line ends with 1 when it knows nothing of one of the addresses.
  const { stdout, error } = spawnSync(program, args, {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  if (error) {
    throw error;
  }
  return stdout;
}

/** Sections with code and bytes, as readelf lists them. */
export function codeSections(file: string): CodeSection[] {
  const row = /^\s*\[\s*(\d+)\]\s+(\S+)\s+PROGBITS\s+([0-9a-f]+)\s+\S+\s+([0-9a-f]+)\s+\S+\s+(\S*X\S*)\s/gm;
  return [...output('readelf', ['--section-headers', '--wide', file]).matchAll(row)]
    .map(([, index = '', name = '', address = '', size = '']) => ({
      index: Number(index),
      name,
      address: BigInt(`0x${address}`),
      size: Number.parseInt(size, 16),
    }))
    .filter(({ size }) => size > 0);
}

/**
 * Tells the padding behind functions from their code, by the sizes of the symbols that
 * readelf lists: there debug info names no function, but the line table goes on. The bytes before a
 * function that the kernel patches (`__pfx_` symbols) count as padding too.
 */
export function paddingOf(
  file: string,
  sections: readonly CodeSection[],
): (section: CodeSection, offset: number) => boolean {
  const row =
    /^\s*\d+:\s+([0-9a-f]+)\s+(0x[0-9a-f]+|\d+)\s+(?:FUNC|NOTYPE|OBJECT)\s+\S+\s+\S+\s+(\d+)\s+(?!__pfx_)/gm;
  const code = new Map(sections.map((section) => [section, new Uint8Array(section.size)]));
  for (const [, value = '', size = '', index = ''] of output('readelf', [
    '--symbols',
    '--wide',
    file,
  ]).matchAll(row)) {
    // An offset into the section in a module, else an address; then only that tells the section.
    const address = BigInt(`0x${value}`);
    const section = sections.find((one) =>
      one.address === 0n
        ? one.index === Number(index)
        : address >= one.address && address < one.address + BigInt(one.size),
    );
    if (section) {
      const first = Number(address - section.address);
      code.get(section)?.fill(1, first, first + Number(size));
    }
  }
  return (section, offset) => code.get(section)?.[offset] !== 1;
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

/** `name` may go on with where eu-addr2line thinks it was inlined; `place` is `path:line`, with a column by eu-addr2line, with a discriminator by addr2line. */
function readPair(name: string, place: string): DebugLine {
  const [, path = '', line = '0'] = /^(.*?):(\d+|\?)(?::\d+)?(?: \(discriminator \d+\))?$/.exec(place) ?? [];
  return {
    function: name === '??' ? '' : name.replace(/ inlined at .*/, ''),
    path: path === '??' ? '' : path,
    line: line === '?' ? 0 : Number(line),
  };
}

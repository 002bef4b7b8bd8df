/** Files without all that an answer takes, and what is said about them. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { DebugFile } from '../../src/core/symbols/debug-file.ts';
import { openFile } from '../../src/server/modules/open-debug-file.ts';
import { failureOf } from '../support/failure-of.ts';
import { askTool, codeSections } from './tools.ts';
import { variantFile } from './variants.ts';

const opened: { dispose(): void }[] = [];
afterEach(() => {
  for (const source of opened.splice(0)) source.dispose();
});

function open(file: string): DebugFile {
  const { file: debugFile, source } = openFile(file);
  opened.push(source);
  return debugFile;
}

function scratch(name: string): string {
  return path.join(os.tmpdir(), `zscope-symbols-${process.pid}-${name}`);
}

describe('a file without lines', () => {
  it('stripped of debug info, still has its symbols and build-id', () => {
    const stripped = open(variantFile('gcc-stripped'));
    const full = open(variantFile('gcc-5'));
    expect(stripped.hasLines).toBe(false);
    expect(stripped.buildId).toBe(full.buildId);
    expect(stripped.symbols('pool_sync')).toEqual(full.symbols('pool_sync'));
    expect(stripped.frame({ symbol: 'pool_sync', offset: 4, size: null }, true)).toBeNull();
  });

  it('split off by -gsplit-dwarf, says so and guesses no function', () => {
    const split = open(variantFile('gcc-split'));
    expect(split).toMatchObject({ hasLines: false, isSplit: true });
    expect(split.frame({ symbol: 'pool_sync', offset: 4, size: null }, true)).toBeNull();
  });

  it('names the separate debug file, which then answers', () => {
    const program = scratch('program');
    const debug = scratch('program.debug');
    copyFileSync(variantFile('program-gcc'), program);
    execFileSync('objcopy', ['--only-keep-debug', program, debug]);
    execFileSync('objcopy', ['--strip-debug', `--add-gnu-debuglink=${debug}`, program]);
    const { debugLink, hasLines, buildId } = open(program);
    expect(hasLines).toBe(false);
    expect(debugLink).toEqual({ name: path.basename(debug), crc: crcOf(debug) });
    const separate = open(debug);
    expect(separate.buildId).toBe(buildId);
    const place = { symbol: 'pool_sync', offset: 20, size: null };
    const whole = open(variantFile('program-gcc'));
    expect(separate.frame(place, true)).toEqual(whole.frame(place, true));
    expect(separate.frame(place, true)?.lines.length).toBeGreaterThan(0);
  });
});

function crcOf(file: string): number {
  return crc32(readFileSync(file));
}

describe('a damaged file', () => {
  it.each([1, 63, 64, 500, 5000, 20_000])('of only %d bytes, is refused with a sentence', async (size) => {
    const file = scratch(`truncated-${size}`);
    copyFileSync(variantFile('gcc-5'), file);
    truncateSync(file, size);
    const failure = await failureOf(() => open(file));
    expect(failure.message).toMatch(/^The (debug file is damaged: .+|file is not an ELF file)\.$/);
  });
});

describe('assembler', () => {
  it('without types of its symbols, as in the entry of a kernel, is known by the nearest one', () => {
    const source = scratch('entry.s');
    const code = ['.text', '.type first,@function', 'first: nop', 'ret', '.size first,.-first', '.balign 16'];
    writeFileSync(source, [...code, 'entry: nop', '.Lloop: nop', 'inner: nop', ''].join('\n'));
    execFileSync('as', ['-g', '-o', `${source}.o`, source]);
    const file = open(`${source}.o`);
    const at = (offset: number) =>
      file.at({ section: '.text', offset }).map((line) => [line.function, line.line]);
    expect([0, 1, 16, 17, 18].map(at)).toEqual([
      [['first', 3]],
      [['first', 4]],
      [['entry', 7]],
      [['entry', 8]],
      [['inner', 9]],
    ]);
  });
});

describe('a program built by link-time optimization', () => {
  it('has the lines that llvm-addr2line gives, across its units', () => {
    const file = variantFile('program-lto');
    const program = open(file);
    const section = codeSections(file).find(({ name }) => name === '.text');
    if (!section) throw new Error('no .text');
    const offsets = Array.from({ length: section.size }, (_, offset) => offset);
    const theirs = askTool('llvm-addr2line', file, section, offsets, false);
    const differing = offsets.filter((offset) => {
      const ours = program.atVirtual(section.address + BigInt(offset));
      const text = (chain: typeof ours) => chain.map(({ path, line }) => `${path}:${line}`).join(' ');
      return ours.length > 0 && text(ours) !== text(theirs[offset] ?? []);
    });
    expect(differing).toEqual([]);
    const names = new Set(
      offsets.flatMap((offset) =>
        program.atVirtual(section.address + BigInt(offset)).map((line) => line.function),
      ),
    );
    expect([...names]).toEqual(
      expect.arrayContaining(['main', 'pool_sync', 'queue_push', 'weight', 'complain']),
    );
  });
});

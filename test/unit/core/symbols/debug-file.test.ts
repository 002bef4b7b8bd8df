import { describe, expect, it } from 'vitest';
import { type ByteSource, type DebugFile, openDebugFile } from '../../../../src/core/symbols/debug-file.ts';
import type { DebugLine } from '../../../../src/core/symbols/location.ts';
import { failureOf } from '../../../support/failure-of.ts';
import { FIXTURES, fixture, golden, inMemory } from './fixtures.ts';

function show(chain: readonly DebugLine[]): string {
  return chain
    .map(({ function: name, path, line }) => `${name || '??'} ${path || '??'}:${line || '?'}`)
    .join(' < ');
}

function ask(file: DebugFile, section: string, address: number): string {
  return show(
    file.kind === 'module' ? file.at({ section, offset: address }) : file.atVirtual(BigInt(address)),
  );
}

/** Every address with code, and the chain that is expected there. */
function differences(file: DebugFile, name: string): string[] {
  const differing: string[] = [];
  for (const { section, start, end, chain } of golden(name)) {
    for (let address = start; address < end; address++) {
      const ours = ask(file, section, address);
      // Where debug info has nothing, addr2line names the symbol, with its compiler suffix.
      const isNothing = ours === '' && / \S+:\?$/.test(chain) && !chain.includes(' < ');
      if (ours !== chain && ours !== chain.replace(/^(\w+)\.[\w.]+ /, '$1 ') && !isNothing)
        differing.push(`${section} ${address}: ${ours} | ${chain}`);
    }
  }
  return differing;
}

describe.each(FIXTURES)('%s', (name) => {
  it('has the chain of addr2line at every address', () => {
    expect(differences(openDebugFile(inMemory(fixture(name))), name)).toEqual([]);
  });

  it('answers many addresses as it answers each of them, in whatever order they are asked for', () => {
    const together = openDebugFile(inMemory(fixture(name)));
    const alone = openDebugFile(inMemory(fixture(name)));
    const isModule = together.kind === 'module';
    for (const section of new Set(golden(name).map((run) => run.section))) {
      const runs = golden(name).filter((run) => run.section === section);
      const last = Math.max(...runs.map(({ end }) => end));
      const first = Math.min(...runs.map(({ start }) => start));
      // Each twice, scattered, with some that no file has.
      const size = last - first;
      const offsets = Array.from({ length: size * 2 }, (_, i) => first + ((i * 7919) % size));
      offsets.push(-1, last + 2 ** 40, Number.NaN);
      const found = offsets.map(() => '');
      together.forEach(
        isModule ? section : null,
        offsets,
        ({ function: name, path, callers }, line, index) => {
          found[index] = show([{ function: name, path, line }, ...callers]);
        },
      );
      const wanted = offsets.map((offset) =>
        offset >= first && offset < last ? ask(alone, section, offset) : '',
      );
      expect(found).toEqual(wanted);
    }
  });

  it('answers the very first question as any later one', () => {
    const asked = openDebugFile(inMemory(fixture(name)));
    for (const { section, start } of golden(name)) {
      const first = openDebugFile(inMemory(fixture(name)));
      const later = ask(asked, section, start);
      expect(ask(first, section, start)).toBe(later);
      expect(ask(first, section, start + 1)).toBe(ask(asked, section, start + 1));
    }
  });

  it('answers the same when it may keep nothing', () => {
    const file = openDebugFile(inMemory(fixture(name)), { memory: 0 });
    expect(differences(file, name)).toEqual([]);
  });

  it('cut off anywhere, is refused with a sentence', async () => {
    const bytes = fixture(name);
    for (let size = 0; size < bytes.length; size += 97) {
      const failure = await failureOf(() => openDebugFile(inMemory(bytes.subarray(0, size))));
      expect(failure).toMatchObject({ code: 'bad-file', message: expect.stringMatching(/^The .+\.$/) });
    }
  });
});

describe('an address in a stack', () => {
  it('follows a call', () => {
    const program = openDebugFile(inMemory(fixture('program-clang-5')));
    // call rel32; call *0x2ee7(%rip); call *%rax, as objdump has them.
    expect([0x109an, 0x10d1n, 0x1012n].map((address) => program.followsCall(address))).toEqual([
      true,
      true,
      true,
    ]);
    // In front of a call, in the middle of it and behind it; where nothing is; where data is.
    const others = [0x1095n, 0x1097n, 0x109bn, 0x1000n, 0x2000n, 0xffffffff81000000n, 0n];
    expect(others.map((address) => program.followsCall(address))).not.toContain(true);
    const module = openDebugFile(inMemory(fixture('gcc-kernel')));
    expect(module.followsCall(0x10n)).toBeNull();
    const frames = [0x1a, 0x11].map((offset) => ({ symbol: 'complain', offset, size: null }));
    expect(frames.map((frame) => program.frameFollowsCall(frame))).toEqual([true, false]);
    expect(program.frameFollowsCall({ symbol: 'nobody', offset: 0x1a, size: null })).toBeNull();
  });
});

describe('what a file says about itself', () => {
  it('is read from a module', () => {
    const file = openDebugFile(inMemory(fixture('gcc-kernel')));
    expect(file).toMatchObject({
      kind: 'module',
      machine: 'x86-64',
      srcversion: '0123456789ABCDEF01234567',
      hasLines: true,
      isSplit: false,
      debugLink: null,
    });
    expect(file.buildId).toMatch(/^[0-9a-f]{40}$/);
  });

  it('is read from an object of arm64 and from a program', () => {
    expect(openDebugFile(inMemory(fixture('arm64-gcc-4')))).toMatchObject({
      kind: 'module',
      machine: 'arm64',
    });
    expect(openDebugFile(inMemory(fixture('program-clang-5')))).toMatchObject({
      kind: 'executable',
      machine: 'x86-64',
    });
  });
});

describe('a frame', () => {
  const module = openDebugFile(inMemory(fixture('gcc-kernel')));
  const clang = openDebugFile(inMemory(fixture('clang-5')));
  const [large, small] = clang.symbols('weight').sort((a, b) => b.size - a.size);

  it('is told from another of the same name by its size', () => {
    if (!large || !small) throw new Error('the sample has two functions named weight');
    expect(large.extent).not.toBe(small.extent);
    const places = [large, small].map(
      ({ extent }) => clang.frame({ symbol: 'weight', offset: 1, size: extent }, false)?.lines[0]?.path,
    );
    expect(places).toEqual(['/build/sample/pool.c', '/build/sample/refill.c']);
  });

  it('is not guessed when several functions have the name and no size is known', () => {
    expect(clang.frame({ symbol: 'weight', offset: 1, size: null }, false)).toBeNull();
  });

  it('is not guessed when the size is that of another build', () => {
    const [symbol] = module.symbols('pool_sync');
    if (!symbol) throw new Error('no pool_sync');
    const frame = (size: number) => module.frame({ symbol: 'pool_sync', offset: 4, size }, true);
    expect(frame(symbol.size - 1)).toBeNull();
    expect(frame(symbol.extent + 1)).toBeNull();
    expect(frame(symbol.extent + 16)).toBeNull();
    expect(frame(symbol.extent)).not.toBeNull();
    expect(frame(symbol.size)).not.toBeNull();
    expect(module.fits({ symbol: 'pool_sync', offset: 4, size: symbol.extent + 16 })).toBe(false);
  });

  it('has a name without what clang makes it unique by, or with it', () => {
    const bytes = fixture('clang-5');
    // In .strtab, which comes last.
    const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).lastIndexOf('queue_drain');
    bytes.set(new TextEncoder().encode('que.llvm.12'), at);
    const file = openDebugFile(inMemory(bytes));
    for (const symbol of ['que', 'que.llvm.12']) {
      const [line] = file.frame({ symbol, offset: 1, size: null }, false)?.lines.slice(-1) ?? [];
      expect([symbol, line?.function]).toEqual([symbol, 'queue_drain']);
    }
  });

  it('is placed in the section of its symbol, a cold part too', () => {
    const found = module.frame({ symbol: 'complain', offset: 4, size: null }, true);
    expect(found?.address.section).toBe('.text.unlikely');
    expect(found?.lines.at(-1)?.function).toBe('complain');
  });

  it('of a return address is the call before it', () => {
    const runs = golden('gcc-kernel').filter(({ chain }) => chain.startsWith('pool_init '));
    const [first, second] = runs;
    if (!first || !second) throw new Error('pool_init has several lines');
    const [symbol] = module.symbols('pool_init');
    const offset = second.start - (symbol?.offset ?? 0);
    const lines = (isReturn: boolean) =>
      module.frame({ symbol: 'pool_init', offset, size: null }, isReturn)?.lines;
    expect(show(lines(true) ?? [])).toBe(first.chain);
    expect(show(lines(false) ?? [])).toBe(second.chain);
  });

  it('of a symbol that does not exist is unknown', () => {
    expect(module.frame({ symbol: 'no_such_function', offset: 0, size: null }, true)).toBeNull();
    expect(module.frame({ symbol: '', offset: 0, size: null }, true)).toBeNull();
    // A name that others end in.
    expect(module.symbols('sync')).toEqual([]);
  });
});

describe('a file that is refused', () => {
  const patched = (at: number, ...values: number[]): ByteSource => {
    const bytes = fixture('gcc-kernel');
    bytes.set(values, at);
    return inMemory(bytes);
  };

  it.each([
    ['no ELF file', inMemory(new TextEncoder().encode('#!/bin/sh\n'.repeat(20))), /not an ELF file/],
    ['an empty file', inMemory(new Uint8Array(0)), /not an ELF file/],
    ['of 32 bits', patched(4, 1), /32 bit|machine/],
    ['for s390x', patched(5, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 22), /s390x, big-endian/],
    ['for ppc64, big-endian', patched(5, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 21), /ppc64, big-endian/],
    ['for RISC-V', patched(18, 243, 0), /RISC-V/],
    ['a core dump', patched(16, 4), /core dump/],
  ])('%s, with a sentence', async (_, source, sentence) => {
    expect((await failureOf(() => openDebugFile(source))).message).toMatch(sentence);
  });

  it('that becomes shorter while it is read, with a sentence', async () => {
    const bytes = fixture('gcc-kernel');
    const source = {
      size: bytes.length,
      read: (offset: number, length: number) => bytes.slice(offset, offset + length - 1),
    };
    expect((await failureOf(() => openDebugFile(source))).message).toMatch(/became shorter/);
  });
});

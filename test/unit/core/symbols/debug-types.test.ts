import { describe, expect, it } from 'vitest';
import { type DebugFile, openDebugFile } from '../../../../src/core/symbols/debug-file.ts';
import { FIXTURES, fixture, inMemory } from './fixtures.ts';

const files = new Map<string, DebugFile>(
  FIXTURES.map((name) => [name, openDebugFile(inMemory(fixture(name)))]),
);

function file(name: (typeof FIXTURES)[number]): DebugFile {
  const found = files.get(name);
  if (!found) throw new Error(name);
  return found;
}

/** `type name @place` of each parameter of the only symbol of a name. */
function parameters(name: (typeof FIXTURES)[number], symbol: string): string[] {
  const [only] = file(name).symbols(symbol);
  if (!only) throw new Error(`no symbol ${symbol}`);
  return (file(name).parameters(only) ?? []).map(({ name: parameter, type, location }) => {
    const place =
      location.kind === 'register'
        ? location.register
        : location.kind === 'stack'
          ? `+${location.offset}`
          : location.kind === 'constant'
            ? `=${location.value}`
            : '?';
    return `${type} ${parameter} @${place}`;
  });
}

describe('parameters', () => {
  it('of x86-64 are in the registers of its calling convention', () => {
    expect(parameters('gcc-kernel', 'pool_add')).toEqual([
      'queue_t * queue @rdi',
      'struct item * item @rsi',
      'long unsigned int key @rdx',
    ]);
    expect(parameters('clang-5', 'pool_add')).toEqual([
      'queue_t * queue @rdi',
      'struct item * item @rsi',
      'unsigned long key @rdx',
    ]);
    expect(parameters('gcc-kernel', 'refill')).toEqual([
      'queue_t * queue @rdi',
      'int amount @rsi',
      'enum order order @rdx',
    ]);
  });

  it('of arm64 are in the registers of its calling convention', () => {
    expect(parameters('arm64-gcc-4', 'pool_add')).toEqual([
      'queue_t * queue @x0',
      'struct item * item @x1',
      'long unsigned int key @x2',
    ]);
  });

  it('of a clone are those that it was made with, not those of the source', () => {
    // The compiler passes item->key instead of item, and moves the other up.
    const clone = parameters('gcc-kernel', 'weight.isra.0');
    expect(clone.map((text) => text.replace(/ @.*/, ''))).toEqual(['int factor', 'const struct item * item']);
    expect(clone.find((text) => text.includes('item '))).toMatch(/@\?$/);
  });

  it('of a program are found too; of an address without a function there are none', () => {
    expect(parameters('program-clang-5', 'main')).toEqual(['int argc @rdi', 'char ** argv @rsi']);
    expect(file('gcc-kernel').parameters({ section: '.text', offset: 1 << 20 })).toBeNull();
    expect(file('gcc-kernel').parameters({ section: '.bss', offset: 0 })).toBeNull();
  });
});

describe.each(['gcc-kernel', 'clang-5', 'arm64-gcc-4'] as const)('types of %s', (name) => {
  it('have members with offsets, sizes and types', () => {
    const long = name === 'clang-5' ? 'unsigned long' : 'long unsigned int';
    expect(file(name).struct('queue_t')).toEqual({
      kind: 'struct',
      size: 24,
      members: [
        { name: 'head', type: 'struct item *', offset: 0, size: 8, bits: null },
        { name: 'tail', type: 'struct item **', offset: 8, size: 8, bits: null },
        { name: 'count', type: long, offset: 16, size: 8, bits: null },
      ],
    });
    const item = file(name).struct('item');
    expect(item?.size).toBe(32);
    expect(item?.members.map((member) => `${member.type} ${member.name} ${member.offset}`)).toEqual([
      'struct item * next 0',
      `${long} key 8`,
      'union {...} value 16',
    ]);
  });

  it('are found by their tag, by a typedef, near a function; or not at all', () => {
    const near = file(name).symbols('refill')[0];
    expect(file(name).struct('queue', near)).toEqual(file(name).struct('queue_t'));
    expect(file(name).struct('order')).toBeNull();
    expect(file(name).struct('no_such_type')).toBeNull();
  });

  it('have enumerators, negative ones too', () => {
    expect(file(name).enumerators('order')).toEqual([
      { name: 'ORDER_NONE', value: 0 },
      { name: 'ORDER_UP', value: 7 },
      { name: 'ORDER_DOWN', value: -3 },
    ]);
  });
});

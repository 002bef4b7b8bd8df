import { describe, expect, it } from 'vitest';
import { openDebugFile } from '../../../../../src/core/symbols/debug-file.ts';
import type { TypedFunction } from '../../../../../src/core/symbols/value-type.ts';
import { FtraceOutput } from '../../../../../src/core/tracing/ftrace-output.ts';
import { ftraceProgram } from '../../../../../src/core/tracing/ftrace-program.ts';
import { Programs } from '../../../../../src/core/tracing/program/programs.ts';
import { typedFetches } from '../../../../../src/core/tracing/values/typed-fetches.ts';
import { fixture, inMemory } from '../../symbols/fixtures.ts';

/** The function of a fixture, with some members of its list's structures. */
function typed(name: 'gcc-kernel' | 'arm64-gcc-4', symbol: string): TypedFunction {
  const file = openDebugFile(inMemory(fixture(name)));
  const [only] = file.symbols(symbol);
  const table: Record<string, string[]> = {
    queue: ['count', 'head->key', 'head->next->key', 'no_such', 'tail->key'],
    item: ['key'],
  };
  const found = only && file.typedFunction(only, (structure) => table[structure] ?? []);
  if (!found) throw new Error(symbol);
  return found;
}

const shown = (name: 'gcc-kernel' | 'arm64-gcc-4', symbol: string, machine: string) =>
  typedFetches(typed(name, symbol).arguments, machine).fetches.map(
    ({ name: argument, place, type }) => `${argument} ${place}:${type}`,
  );

describe('what is fetched of a function', () => {
  it('is its arguments by type, with the members of the structures behind them', () => {
    expect(shown('gcc-kernel', 'refill', 'x86_64')).toEqual([
      'queue %di:x64',
      'queue->count +16(%di):u64',
      'queue->head->key +8(+0(%di)):u64',
      'queue->head->next->key +8(+0(+0(%di))):u64',
      'amount %si:s32',
      'order %dx:s32',
    ]);
  });

  it('is in the registers of the machine', () => {
    expect(shown('arm64-gcc-4', 'pool_add', 'aarch64')).toEqual([
      'queue %x0:x64',
      'queue->count +16(%x0):u64',
      'queue->head->key +8(+0(%x0)):u64',
      'queue->head->next->key +8(+0(+0(%x0))):u64',
      'item %x1:x64',
      'item->key +8(%x1):u64',
      'key %x2:u64',
    ]);
  });

  it('of a clone is where its debug info says; what the compiler removed is marked', () => {
    const { fetches, fixed } = typedFetches(typed('gcc-kernel', 'weight.isra.0').arguments, 'x86_64');
    expect(fetches.map(({ name }) => name)).toEqual(['factor']);
    expect(fixed).toEqual([{ index: 1, value: { name: 'item', value: '?' } }]);
  });

  it('comes back in the order of the declaration, with constants by name', () => {
    const params = {
      sessionId: 'x1',
      symbol: 'refill',
      module: null,
      machine: 'x86_64',
      parameters: null,
      typed: typed('gcc-kernel', 'refill'),
      maxEvents: 10,
      maxSeconds: 10,
    };
    const program = ftraceProgram(params);
    const output = new FtraceOutput(new Programs(program));
    output.line(
      `  sh-7 [000] ..... 1.5: ${program.event}: (refill+0x0/0x10 [zfs]) a0=0xffff888000000000 a1=3 a2=9 a3=(fault) a4=-1 a5=-3 c="sh"`,
    );
    const [call] = output.end();
    expect(call?.kind === 'call' && call.arguments).toEqual([
      { name: 'queue', value: '0xffff888000000000' },
      { name: 'queue->count', value: '3' },
      { name: 'queue->head->key', value: '9' },
      { name: 'queue->head->next->key', value: '(fault)' },
      { name: 'amount', value: '-1' },
      { name: 'order', value: 'ORDER_DOWN' },
    ]);
  });
});

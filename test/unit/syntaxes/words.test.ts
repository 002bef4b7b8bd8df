import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

function words(language: string, line: string): string[] {
  const file = readFileSync(`syntaxes/${language}.language-configuration.json`, 'utf8');
  const { wordPattern } = JSON.parse(file) as { readonly wordPattern: string };
  return line.match(new RegExp(wordPattern, 'g')) ?? [];
}

describe('words', () => {
  it('in a kernel stack are whole symbols, with the suffix of the compiler and without a full stop', () => {
    expect(words('kernel-stack', 'zio_wait.part.0+0x1b4/0x280. [zfs]')).toEqual([
      'zio_wait.part.0',
      '0x1b4',
      '0x280',
      'zfs',
    ]);
  });

  it('in dbgmsg are files and functions', () => {
    expect(words('dbgmsg', '17 txg.c:510:txg_sync_thread(): dp=0x1f.')).toEqual([
      '17',
      'txg.c',
      '510',
      'txg_sync_thread',
      'dp',
      '0x1f',
    ]);
  });

  it('in bpftrace are variables with their sign', () => {
    expect(words('bpftrace', '@start[tid] = $spa->spa_name;')).toEqual(['@start', 'tid', '$spa', 'spa_name']);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseParameters } from '../../../../src/core/symbols/c-parameters.ts';

/** `name: type` of each parameter. */
function read(list: string, oldStyle?: string): string[] {
  return parseParameters(list, oldStyle).map((one) => `${one.name}: ${one.type}`);
}

describe('a parameter', () => {
  it.each([
    ['zlog_t *log', 'log: zlog_t *'],
    ['uint64_t foid', 'foid: uint64_t'],
    ['const char *name', 'name: const char *'],
    ['const  struct\n\tinode * const *pp', 'pp: const struct inode *const *'],
    ['unsigned long long flags', 'flags: unsigned long long'],
    ['char **argv', 'argv: char **'],
    ['char buf[16]', 'buf: char [16]'],
    ['int n[static SIZE(4)]', 'n: int [static SIZE(4)]'],
    ['void (*done)(void *, int)', 'done: void (*)(void *, int)'],
    ['int (*table)[4]', 'table: int (*)[4]'],
    ['void *arg __attribute__((unused))', 'arg: void *'],
    ['__attribute__((unused)) void *arg', 'arg: void *'],
    ['void *arg __maybe_unused', 'arg: void *'],
    ['void *unused __unused', 'unused: void *'],
    ['move_t (move)(void *, size_t)', 'move: move_t ()(void *, size_t)'],
    ['const char __user *data', 'data: const char __user *'],
    ['char *restrict to', 'to: char *restrict'],
    ['enum kind k', 'k: enum kind'],
    ['int', ': int'],
    ['unsigned', ': unsigned'],
    ['foo_t', ': foo_t'],
    ['struct page *', ': struct page *'],
    ['struct page', ': struct page'],
    ['const foo_t', ': const foo_t'],
  ])('%j', (text, expected) => {
    expect(read(text)).toEqual([expected]);
  });
});

describe('a list', () => {
  it('has what stands between its commas, without void and ...', () => {
    expect(read('void')).toEqual([]);
    expect(read('')).toEqual([]);
    expect(read('const char *fmt, ...')).toEqual(['fmt: const char *']);
    expect(read('int a, void (*f)(int, int), long b')).toEqual([
      'a: int',
      'f: void (*)(int, int)',
      'b: long',
    ]);
  });

  it('loses its comments and preprocessor lines', () => {
    expect(read('int a, // first, of two\n    /* second, of two */ int b')).toEqual(['a: int', 'b: int']);
    expect(read('int a,\n#ifdef WIDE(x, y)\n  long b,\n#endif\n  int c')).toEqual([
      'a: int',
      'b: long',
      'c: int',
    ]);
  });

  it('of an old definition takes its types from the declarations', () => {
    expect(read('a, b, c, d', ' char *a, b; struct s *c; ')).toEqual([
      'a: char *',
      'b: char',
      'c: struct s *',
      'd: int',
    ]);
  });

  it('is read without an error, whatever it is', () => {
    const piece = fc.constantFrom(
      '(',
      ')',
      '*',
      ',',
      '[',
      ']',
      ' ',
      'int',
      'a',
      '/*',
      '*/',
      '\n#',
      '__x',
      '...',
      '=',
      '"',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.array(piece, { maxLength: 20 }), (list, old) => {
        for (const one of parseParameters(list.join(''), old.join(''))) {
          expect(one.type).not.toMatch(/\s\s|^\s|\s$/);
        }
      }),
    );
    for (const unit of ['(', '*', '/*', 'a ', '__attribute__((']) {
      const started = performance.now();
      parseParameters(unit.repeat(300_000), unit.repeat(300_000));
      expect(performance.now() - started, unit).toBeLessThan(1000);
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanSource } from '../../../../src/core/symbols/c-scanner.ts';
import { FunctionIndex } from '../../../../src/core/symbols/function-index.ts';

function indexOf(files: Readonly<Record<string, string>>): FunctionIndex {
  const index = new FunctionIndex();
  for (const [file, text] of Object.entries(files)) {
    index.setFile(file, scanSource(text));
  }
  return index;
}

const sample = {
  'a.c':
    'static int\nhelp(int a, char *b)\n{\n\tlow(a);\n\tlow(a + 1);\n}\n\nint top(void)\n{\n\thelp(1, 0);\n}\n',
  'b.c': 'void help(void) {}\nvoid other(x) int x; { top(); }\n',
};

describe('the index', () => {
  it('finds definitions by name, in all files or in one', () => {
    const index = indexOf(sample);
    expect(index.definitions('help')).toEqual([
      { file: 'a.c', name: 'help', line: 2, startLine: 1, endLine: 6 },
      { file: 'b.c', name: 'help', line: 1, startLine: 1, endLine: 1 },
    ]);
    expect(index.definitionsIn('b.c', 'help')).toHaveLength(1);
    expect(index.definitionsIn('b.c', 'top')).toEqual([]);
    expect(index.definitions('low')).toEqual([]);
    expect(index.hasFunction('low')).toBe(false);
    expect(index.hasFunction('__proto__')).toBe(false);
    expect([index.fileCount, index.functionCount]).toEqual([2, 4]);
  });

  it('finds the function around a line', () => {
    const index = indexOf(sample);
    const name = (line: number) => index.functionAtLine('a.c', line)?.name;
    expect([0, 1, 4, 6, 7, 8, 11, 12].map(name)).toEqual([
      undefined,
      'help',
      'help',
      'help',
      undefined,
      'top',
      'top',
      undefined,
    ]);
    expect(index.functionAtLine('none.c', 1)).toBeNull();
  });

  it('finds callers and the lines of their calls', () => {
    const index = indexOf(sample);
    expect(index.callers('low').map((one) => one.name)).toEqual(['help']);
    expect(index.callers('top').map((one) => one.name)).toEqual(['other']);
    expect(index.callers('nobody')).toEqual([]);
    const [help] = index.definitionsIn('a.c', 'help');
    const [top] = index.definitionsIn('a.c', 'top');
    expect(help && index.callSites(help, 'low')).toEqual([4, 5]);
    expect(top && index.callSites(top, 'low')).toEqual([]);
    expect(top && index.callSites(top, 'help')).toEqual([10]);
  });

  it('gives the parameters of a definition', () => {
    const index = indexOf(sample);
    const [help] = index.definitionsIn('a.c', 'help');
    const [other] = index.definitionsIn('b.c', 'other');
    expect(help && index.parameters(help)).toEqual([
      { name: 'a', type: 'int' },
      { name: 'b', type: 'char *' },
    ]);
    expect(other && index.parameters(other)).toEqual([{ name: 'x', type: 'int' }]);
    expect(index.parameters({ file: 'gone.c', name: 'f', line: 1, startLine: 1, endLine: 1 })).toEqual([]);
  });

  it('is the same whatever files came and went before', () => {
    const texts = [
      'int f(void) { g(); }',
      'int g(int a) {}\nint h(void) { f(); g(1); }',
      '',
      'int f(long b) {}',
    ];
    const step = fc.tuple(fc.constantFrom('1.c', '2.c', '3.c'), fc.constantFrom(null, ...texts));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const index = new FunctionIndex();
        const present: Record<string, string> = {};
        for (const [file, text] of steps) {
          if (text === null) {
            index.removeFile(file);
            delete present[file];
          } else {
            index.setFile(file, scanSource(text));
            present[file] = text;
          }
        }
        const fresh = indexOf(present);
        expect([index.fileCount, index.functionCount]).toEqual([fresh.fileCount, fresh.functionCount]);
        const byFile = (list: readonly { readonly file: string; readonly line: number }[]) =>
          list.map((one) => JSON.stringify(one)).sort();
        for (const name of ['f', 'g', 'h']) {
          expect(byFile(index.definitions(name))).toEqual(byFile(fresh.definitions(name)));
          expect(byFile(index.callers(name))).toEqual(byFile(fresh.callers(name)));
        }
      }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { scanSource } from '../../../../src/core/symbols/c-scanner.ts';
import { callPaths, commonStart, type ReadBody } from '../../../../src/core/symbols/call-sites.ts';
import { FunctionIndex } from '../../../../src/core/symbols/function-index.ts';

const counts = (file: string) => !file.startsWith('lib/');

/** Ways from the first function of that name to a call: `top:3 > help:9`. */
async function ways(files: Readonly<Record<string, string>>, outer: string, inner: string) {
  const index = new FunctionIndex();
  for (const [file, text] of Object.entries(files)) {
    index.setFile(file, scanSource(text));
  }
  const read: ReadBody = async (of) => index.calls(of).map((call) => ({ ...call, around: [] }));
  const [of] = index.definitions(outer);
  const paths = of === undefined ? [] : await callPaths({ index, readBody: read, counts }, of, inner);
  return paths.map((path) => path.map((step) => `${step.of.name}:${step.line}`).join(' > '));
}

const mutex =
  '#define mutex_enter(mp) \\\n\tdo { mutex_lock(&(mp)->m); } while (0)\n#define LOCK(x) mutex_enter(x)\n';

describe('the call of the next inner frame', () => {
  it('is found where it stands', async () => {
    const text = 'int\ntop(void)\n{\n\tother(1);\n\thelp(2);\n}\n';
    expect(await ways({ 'a.c': text }, 'top', 'help')).toEqual(['top:5']);
    expect(await ways({ 'a.c': text }, 'top', 'none')).toEqual([]);
  });

  it('may be one of several', async () => {
    const text = 'int top(void) {\n\tif (x) help(1);\n\telse help(2);\n}\n';
    expect(await ways({ 'a.c': text }, 'top', 'help')).toEqual(['top:2', 'top:3']);
  });

  it('is not the use of a member or of a pointer', async () => {
    const text = 'int top(void) {\n\tops->help(1);\n\trun(help);\n}\n';
    expect(await ways({ 'a.c': text }, 'top', 'help')).toEqual([]);
  });

  it('may stand in macros, which may be made of themselves', async () => {
    const files = {
      'mutex.h': `${mutex}#define round(x) square(x)\n#define square(x) round(x)\n`,
      'a.c': 'int top(void) {\n\tround(1);\n\tLOCK(&l);\n}\n',
    };
    expect(await ways(files, 'top', 'mutex_lock')).toEqual(['top:3']);
    expect(await ways(files, 'top', 'nothing')).toEqual([]);
  });

  it('may be known to the stack by its slow path', async () => {
    const files = { 'mutex.h': mutex, 'a.c': 'int top(void) {\n\tmutex_enter(&l);\n\tkmalloc(1);\n}\n' };
    expect(await ways(files, 'top', '__mutex_lock')).toEqual(['top:2']);
    expect(await ways(files, 'top', '__kmalloc_noprof')).toEqual(['top:3']);
  });

  it('may stand in a function of the same file or of a header, that has no frame', async () => {
    const files = {
      'list.h': 'static inline void list_del(x) {\n\t__list_check(x);\n}\n',
      'a.c':
        'static void low(void) {\n\tlist_del(1);\n}\nstatic void mid(void) {\n\tlow();\n}\nint top(void) {\n\tmid();\n}\n',
      'b.c': 'void far(void) {\n\thelp();\n}\nint use(void) {\n\tfar_away();\n}\n',
      'c.c': 'void far_away(void) {\n\thelp();\n\tx = 1;\n\ty = 2;\n}\n',
    };
    expect(await ways(files, 'top', '__list_check')).toEqual(['top:8 > mid:5 > low:2 > list_del:2']);
    // What is defined in another file has a frame of its own.
    expect(await ways(files, 'use', 'help')).toEqual([]);
  });

  it('may be made by a function of another file that ended with a jump, if nothing else calls', async () => {
    const files = {
      'a.c': 'int top(void) {\n\tfirst();\n\tcv_wait(1);\n}\n',
      'cv.h': '#define cv_wait(x) __cv_wait(x)\n',
      'cv.c':
        'void\n__cv_wait(int x)\n{\n\tcheck();\n\tcv_wait_common(x);\n}\nvoid first(void) {\n\tcv_wait_common(1);\n\n\n\treturn;\n}\n',
      'lib/cv.c': 'void first(void) {\n\tcv_wait_common(1);\n}\n',
    };
    expect(await ways(files, 'top', 'cv_wait_common')).toEqual(['top:3']);
    const direct = files['a.c'].replace('first()', 'cv_wait_common(0)');
    expect(await ways({ ...files, 'a.c': direct }, 'top', 'cv_wait_common')).toEqual(['top:2']);
  });

  it('ends where functions call each other in a circle', async () => {
    const text = 'int a(void) {\n\tb();\n}\nint b(void) {\n\ta();\n\thelp();\n}\n';
    expect(await ways({ 'a.c': text }, 'a', 'help')).toEqual(['a:2 > b:6']);
  });

  it('has the line of what it is an argument of, as compiled code does', async () => {
    const index = new FunctionIndex();
    index.setFile('a.c', scanSource('#define VERIFY0(x) panic(x)\nint top(void) {\n\thelp();\n}\n'));
    const [of] = index.definitions('top');
    const line = async (around: Parameters<typeof Array.of>) => {
      const read = async () => [{ name: 'help', line: 20, around: around as never }];
      return of === undefined
        ? []
        : (await callPaths({ index, readBody: read, counts }, of, 'help')).map(([step]) => step?.line);
    };
    expect(await line([])).toEqual([20]);
    expect(await line([{ name: 'f', line: 18, isArgument: true }])).toEqual([18]);
    expect(await line([{ name: 'f', line: 18, isArgument: false }])).toEqual([20]);
    expect(
      await line([
        { name: 'f', line: 18, isArgument: true },
        { name: '', line: 17, isArgument: true },
        { name: 'h', line: 16, isArgument: false },
      ]),
    ).toEqual([17]);
    expect(await line([{ name: 'VERIFY0', line: 15, isArgument: false }])).toEqual([15]);
  });
});

it('knows the start that paths share', async () => {
  const step = (line: number) => ({
    of: { file: 'a.c', name: 'f', line: 1, startLine: 1, endLine: 9 },
    line,
  });
  expect(commonStart([])).toEqual([]);
  expect(commonStart([[step(1), step(2)]])).toEqual([step(1), step(2)]);
  expect(commonStart([[step(1), step(2)], [step(1), step(3)], [step(1)]])).toEqual([step(1)]);
  expect(commonStart([[step(1)], [step(2)]])).toEqual([]);
});

import { expect, it } from 'vitest';
import { scanSource } from '../../../src/core/symbols/c-scanner.ts';
import { FunctionIndex } from '../../../src/core/symbols/function-index.ts';
import { calleesBelow } from '../../../src/server/callees.ts';

const index = new FunctionIndex();
index.setFile(
  'a.c',
  scanSource(
    '#define\tRELE(x)\trele(x)\nvoid top(void)\n{\n\tleft();\n\tright(1);\n\tprintk("");\n}\nvoid left(void) { deep(); top(); }\n',
  ),
);
index.setFile(
  'b.c',
  scanSource('void right(int a) { RELE(a); }\nvoid rele(int a) { deep(); }\nvoid deep(void) {}\n'),
);

it('names what a function calls, nearest first and once, also through macros', () => {
  expect(calleesBelow(index, 'top', 1)).toEqual(['left', 'right']);
  expect(calleesBelow(index, 'top', 2)).toEqual(['left', 'right', 'deep']);
  // The macro is a step of its own.
  expect(calleesBelow(index, 'top', 9)).toEqual(['left', 'right', 'deep', 'rele']);
  expect(calleesBelow(index, 'none', 9)).toEqual([]);
});

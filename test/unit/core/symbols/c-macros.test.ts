import { expect, it } from 'vitest';
import { scanSource } from '../../../../src/core/symbols/c-scanner.ts';

const macros = (text: string) => scanSource(text).macros.map(({ name, calls }) => [name, ...calls].join(' '));

it.each([
  ['a call', '#define cv_wait(c, m) __cv_wait(c, m)', ['cv_wait __cv_wait']],
  ['several, each once', '#  define A(x) (f(x) + g (f(x)))', ['A f g']],
  ['lines continued', '#define A(x)\t\\\n\tdo {\t\\\n\t\tf(x);\t\\\n\t} while (0)\nint y;', ['A f']],
  ['another name', '#define zfs_lock zfs_lock_impl /* why */', []],
  ['another name, alone', '#define zfs_lock zfs_lock_impl', ['zfs_lock zfs_lock_impl']],
  ['parentheses of a value, not of parameters', '#define SIZE (sizeof (int) + f(1))', ['SIZE f']],
  ['members, strings and comments', '#define A(x) x->f(1) + x.g(2) + p("h(1)") /* i(1) */', ['A p']],
  ['pasted names', '#define A(x) trace_##x(1)', []],
  ['a number', '#define ONE 1\n#define TWO (1 << 1)\n#define NONE\n#define', []],
  ['in a body', 'int f(void)\n{\n#define G(x) h(x)\n\tG(1);\n}\n', ['G h']],
  ['parameters without an end', '#define A(x, y\nint z;', []],
])('%s', (_, text, found) => {
  expect(macros(text)).toEqual(found);
});

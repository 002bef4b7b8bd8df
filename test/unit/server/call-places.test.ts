import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Frame } from '../../../src/core/stack/frame.ts';
import { CReader } from '../../../src/server/c-reader.ts';
import { Locator } from '../../../src/server/locator.ts';
import { WorkspaceIndex } from '../../../src/server/workspace-index.ts';
import { type SampleTree, writeSampleTree } from './sample-tree.ts';

const packages = path.resolve('node_modules');
const files = {
  runtime: path.join(packages, 'web-tree-sitter/web-tree-sitter.wasm'),
  grammar: path.join(packages, 'tree-sitter-c/tree-sitter-c.wasm'),
};

let tree: SampleTree | null = null;
afterEach(() => {
  tree?.remove();
  tree = null;
});

/** `outer:12 function` or `low:3 < top:7 call-site`, for the frame `top` that called `help`. */
async function placesOf(
  text: string,
  stack: readonly (string | Frame)[] = ['help', 'top'],
  more: Readonly<Record<string, string>> = {},
  parser = files,
): Promise<string> {
  const log: string[] = [];
  tree = writeSampleTree({ META: 'Name: zfs\nVersion: 2.3.9\n', 'module/zfs/a.c': text, ...more });
  const index = new WorkspaceIndex();
  index.setFolders([tree.root]);
  await index.settled();
  const locator = new Locator(index, new CReader(parser, (line) => log.push(line)));
  const frames = stack.map((one) => ({ frame: typeof one === 'string' ? frame(one) : one, debug: null }));
  const places = (await locator.locateStack(frames)).at(-1) ?? [];
  const lines = places.map(({ function: name, line, how, candidates }) =>
    [
      `${name}:${line}`,
      how ?? 'unknown',
      ...(candidates ?? []).map((one) => `${one.path.at(-3)}${one.line}`),
    ].join(' '),
  );
  return lines.join(' < ') + (log.length > 0 ? ` (${log.length} logged)` : '');
}

function frame(symbol: string, module: string | null = 'zfs'): Frame {
  return { symbol, offset: 0x17, size: 0x40, module, reliable: true };
}

it('is the line of the only call', async () => {
  expect(await placesOf('int\ntop(void)\n{\n\tother();\n\treturn (help(1));\n}\n')).toBe('top:5 call-site');
});

it('is the definition for the innermost frame, and where nothing is called by that name', async () => {
  const text = 'int\ntop(void)\n{\n\tops->help(1);\n\trun(help);\n}\n';
  expect(await placesOf(text)).toBe('top:2 function');
  expect(await placesOf(text, ['top'])).toBe('top:2 function');
});

it('is one of several, with their text', async () => {
  const text = 'int top(void) {\n\thelp(1);\n\tif (x)\n\t\thelp(2);\n}\n';
  expect(await placesOf(text)).toBe('top:1 function a2 a4');
});

it('goes through functions that have no frame, as far as that is sure', async () => {
  const low = 'static void low(void) {\n\thelp(1);\n}\n';
  expect(await placesOf(`${low}int top(void) {\n\tlow();\n}\n`)).toBe('low:2 call-site < top:5 call-site');
  const twice = 'static void low(void) {\n\thelp(1);\n\thelp(2);\n}\n';
  // Which of the two is not known, but the line of the frame's own function is.
  expect(await placesOf(`${twice}int top(void) {\n\tlow();\n}\n`)).toBe('top:6 call-site');
});

it('has the line that compiled code has where macros and arguments part it', async () => {
  const macro = '#define VERIFY0(x) do { if (x) spl_panic(); } while (0)\n';
  expect(await placesOf(`${macro}int top(void) {\n\tVERIFY0(\n\t    help(1));\n}\n`)).toBe('top:3 call-site');
  expect(await placesOf('int top(void) {\n\tother(1,\n\t    help(1));\n}\n')).toBe('top:2 call-site');
  expect(await placesOf('int top(void) {\n\tother(1 +\n\t    help(1));\n}\n')).toBe('top:3 call-site');
});

it('leaves out what only a debug build evaluates, if there is something else', async () => {
  const text = 'int top(void) {\n\tASSERT3U(help(1), ==, 1);\n\thelp(2);\n}\n';
  expect(await placesOf(text)).toBe('top:3 call-site');
  expect(await placesOf(text.replace('help(2)', 'none(2)'))).toBe('top:2 call-site');
});

it('is found where an #if parts the signature or the body', async () => {
  const signature = '#ifdef NEW\nint top(int a)\n#else\nint top(void)\n#endif\n{\n\thelp(1);\n}\n';
  expect(await placesOf(signature)).toBe('top:7 call-site');
  const body = 'int top(void) {\n#ifdef NEW\n\tif (a) {\n#else\n\tif (b) {\n#endif\n\t\thelp(1);\n\t}\n}\n';
  expect(await placesOf(body)).toBe('top:7 call-site');
});

it('tells functions of the same name apart by what they call', async () => {
  const own = 'static int\ntop(void)\n{\n\tother();\n}\n';
  const more = { 'module/zfs/b.c': 'static int\ntop(void)\n{\n\n\thelp();\n}\n' };
  expect(await placesOf(own, ['help', 'top'], more)).toBe('top:5 call-site');
  expect(await placesOf(own, ['none', 'top'], more)).toBe('top:2 function a2 b2');
});

it('looks past guesses on the stack', async () => {
  const text = 'int top(void) {\n\thelp(1);\n\tguess();\n}\n';
  expect(await placesOf(text, ['help', { ...frame('guess'), reliable: false }, 'top'])).toBe(
    'top:2 call-site',
  );
  expect(await placesOf(text, ['help', { ...frame('top'), reliable: false }])).toBe('top:1 function');
});

it('does without the parser, and says so once', async () => {
  const text = 'int top(void) {\n\tother(1,\n\t    help(1));\n}\n';
  const none = { runtime: '/none.wasm', grammar: '/none.wasm' };
  expect(await placesOf(text, undefined, {}, none)).toBe('top:3 call-site (1 logged)');
});

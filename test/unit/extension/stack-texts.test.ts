import { expect, it } from 'vitest';
import { isAboutLog } from '../../../src/extension/stack-text/texts.ts';

it.each([
  [{ textDocument: { uri: 'output:zscope.zscope.ZScope', version: 3 }, contentChanges: [] }, true],
  [{ uri: 'output:extension-output-zscope.zscope-%231-ZScope', known: null }, true],
  [{ uri: 'output:zscope.zscope.ZScope.log', known: 3 }, true],
  [{ uri: 'output:extension-output-zscope.zscope-%232-Serial%20console' }, false],
  [{ textDocument: { uri: 'output:other.extension.Serial%20console' } }, false],
  [{ textDocument: { uri: 'file:///home/dev/zscope.zscope/dmesg.log' } }, false],
  [{ textDocument: null, uri: 7 }, false],
  ['verbose', false],
  [undefined, false],
])('messages about our own Log make no further messages: %j', (params, isSo) => {
  expect(isAboutLog(params)).toBe(isSo);
});

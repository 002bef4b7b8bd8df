import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatFrame } from '../../../../src/core/stack/frame.ts';
import { parseFrame, parseProcStack } from '../../../../src/core/stack/proc-stack.ts';

test('each age of kernel prints the same frames its way', () => {
  const frames = ['cv_wait_common+0xe5/0x120 [spl]', 'ret_from_fork+0x58/0x90'];
  for (const text of [
    '[<0>] cv_wait_common+0xe5/0x120 [spl]\n[<0>] ret_from_fork+0x58/0x90\n',
    '[<ffffffffa0052b35>] cv_wait_common+0xe5/0x120 [spl]\n[<ffffffff817356a8>] ret_from_fork+0x58/0x90\n[<ffffffffffffffff>] 0xffffffffffffffff\n',
    'cv_wait_common+0xe5/0x120 [spl]\nret_from_fork+0x58/0x90',
  ]) {
    expect(parseProcStack(text).map(formatFrame)).toEqual(frames);
  }
});

test('all that a frame may carry', () => {
  expect(parseFrame('? zil_commit_impl.part.0.isra.2+0x10/0x4ff [zfs 0123abcd]')).toEqual({
    symbol: 'zil_commit_impl.part.0.isra.2',
    offset: 0x10,
    size: 0x4ff,
    module: 'zfs',
    reliable: false,
  });
  expect(parseFrame('0xffffffffc0a1b2c3')).toEqual({
    symbol: '0xffffffffc0a1b2c3',
    offset: 0,
    size: null,
    module: null,
    reliable: true,
  });
});

test('what is no frame is none', () => {
  for (const text of ['', 'zil_commit', 'a b+0x1/0x2', 'f+0x1/0x2 [zfs', 'f+0xg', '[<0>]']) {
    expect(parseFrame(text), text).toBeNull();
  }
});

test('any text is read in no time, and what is printed is read back', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const frame = parseFrame(text);
      expect(frame === null || parseFrame(formatFrame({ ...frame, offset: 1 })) !== null).toBe(true);
    }),
  );
  const start = performance.now();
  parseFrame(`${'a+0x1'.repeat(20_000)}`);
  parseFrame(`f+0x1/0x2${' '.repeat(60_000)}x`);
  expect(performance.now() - start).toBeLessThan(200);
});

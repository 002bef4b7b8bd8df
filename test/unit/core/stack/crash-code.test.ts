import { expect, it } from 'vitest';
import { crashCode } from '../../../../src/core/stack/crash-code.ts';

/** Linux 6.18, of a process that read through a null pointer. */
const CODE =
  '[69716.123091] Code: 2f 00 00 e8 59 ff ff ff e8 64 ff ff ff c6 05 25 2f 00 00 01 5d c3 0f 1f 00 c3 0f 1f 80 00 00 00 00 f3 0f 1e fa e9 77 ff ff ff <8b> 07 83 c0 02 c3 00 48 83 ec 08 48 83 c4 08 c3 00 00 00 00 00 00';

const read = (...below: readonly string[]) => {
  const code = crashCode(below);
  return code && [code.bytes.length, code.at, code.bytes[code.at], code.bytes.at(-1)];
};

const EXPECTED = [64, 42, 0x8b, 0];

it('is read of the line below the one that says where a process stopped', () => {
  expect(read(CODE, '[69716.2] more')).toEqual(EXPECTED);
  expect(read('[69716.1] usb 1-1: new device', `${CODE}\r`)).toEqual(EXPECTED);
  expect(read(CODE.replace('<8b>', '&lt;8b&gt;'))).toEqual(EXPECTED);
});

it('is read of a mail that wrapped it', () => {
  const wrapped = CODE.replace(/(.{60,70}) /g, '$1\n> ').split('\n');
  expect(wrapped).toHaveLength(4);
  expect(read(`> ${wrapped[0]}`, ...wrapped.slice(1), '> ff ff', 'Regards')).toEqual([66, 42, 0x8b, 0xff]);
});

it.each([
  ['another process', '[1.0] zed[7]: segfault at 0 ip 00 sp 00 error 4 in zed[1000+1000]', CODE],
  ['no byte that is marked', CODE.replace(/[<>]/g, '')],
  ['code that could not be read', '[1.0] Code: Unable to access opcode bytes at 0x7f1d.'],
  ['something else far below', ...Array.from({ length: 9 }, () => '[1.0] usb 1-1: new device'), CODE],
  ['more than the kernel writes', `Code: ${'00 '.repeat(1000)}<8b>`],
  ['so few bytes that many builds have them', 'Code: 48 8b 05 <48> 8b'],
  ['a line without an end', `Code: ${'00 '.repeat(1_000_000)}<8b>`],
])('is not that of %s', (_, ...below) => {
  expect(read(...below)).toBeNull();
});

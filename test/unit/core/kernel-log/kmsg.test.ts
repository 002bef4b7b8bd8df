import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kernelLineText, parseKernelLine } from '../../../../src/core/kernel-log/kmsg.ts';

test('a record is read, with what else may stand in its head', () => {
  expect(parseKernelLine('6,339,5140900,-;NET: Registered; protocol, family 10')).toEqual({
    sequence: 339,
    time: 5.1409,
    text: 'NET: Registered; protocol, family 10',
  });
  expect(parseKernelLine('4,1203,98765432100,c,caller=T634;VERIFY3(a == b) failed')?.sequence).toBe(1203);
  // What belongs to the record before.
  expect(parseKernelLine(' SUBSYSTEM=acpi')).toBeNull();
});

test('it is printed as dmesg does', () => {
  expect(kernelLineText({ sequence: 1, time: 5.1409, text: 'a' })).toBe('[    5.140900] a');
  expect(kernelLineText({ sequence: 1, time: 1_234_567.25, text: 'b' })).toBe('[1234567.250000] b');
});

test('what is no record is none, and no text breaks it', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      const line = parseKernelLine(`3,7,9,-;${text}`);
      expect(line?.text).toBe(text);
      expect(parseKernelLine(`x${text}`)).toBeNull();
    }),
  );
});

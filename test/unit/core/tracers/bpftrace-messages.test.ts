import { describe, expect, it } from 'vitest';
import { bpftraceMessage, LINE_END } from '../../../../src/core/tracers/bpftrace/bpftrace-messages.ts';

describe('what bpftrace says of a place in a program', () => {
  it('is read with lines and columns from 0', () => {
    expect(bpftraceMessage('stdin:3:5-9: ERROR: Undefined or undeclared variable: $foo')).toEqual({
      severity: 'error',
      text: 'Undefined or undeclared variable: $foo',
      line: 2,
      start: 4,
      end: 8,
    });
    expect(bpftraceMessage('stdin:1:23-30: WARNING: addrspace mismatch')).toMatchObject({
      severity: 'warning',
      start: 22,
      end: 29,
    });
  });

  it('is the whole line where no column is told', () => {
    expect(bpftraceMessage('stdin:17-18: ERROR: No probes to attach')).toMatchObject({
      line: 16,
      start: 0,
      end: LINE_END,
    });
  });

  it('is nothing for what only looks alike', () => {
    for (const text of [
      'zio.c:12: ERROR',
      '12:34:56 ERROR: x',
      'ERROR: stdin:3:5-9',
      'a: 1:2-3: ERROR: x',
      '',
    ]) {
      expect(bpftraceMessage(text)).toBeNull();
    }
  });
});

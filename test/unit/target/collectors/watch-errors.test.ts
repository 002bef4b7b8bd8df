import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { watchErrors } from '../../../../src/target/collectors/watch-errors.ts';

const golden = readFileSync(join(import.meta.dirname, 'golden/watch-errors.txt'), 'utf8')
  .trimEnd()
  .split('\n');
const decode = (lines: readonly string[]) => {
  const decoder = watchErrors.decoder({ sessionId: 'e440', machine: 'x86_64' });
  return lines.flatMap((line) => decoder.line(line));
};

describe('errors as the kernel of the test VM printed them', () => {
  it('have place, number and task, with the count of the kernel', () => {
    expect(decode(golden)).toEqual([
      { kind: 'started' },
      {
        kind: 'error',
        time: 1306.015233,
        pid: 1230,
        comm: 'zfs',
        file: '/var/lib/dkms/zfs/2.3.9/build/module/zfs/spa.c',
        function: 'spa_open_common',
        line: 6310,
        errno: 2,
      },
      { kind: 'total', hits: 1, recording: true },
      expect.objectContaining({ comm: 'zpool', function: 'zfs_secpolicy_log_history', line: 1058, errno: 1 }),
      { kind: 'total', hits: 2, recording: true },
    ]);
  });

  it('may be missing, and that is said', () => {
    expect(
      decode(['CPU:1 [LOST 37 EVENTS]', 'CPU:0 [LOST EVENTS]', '#zscope-e440 refused no-probe now']),
    ).toEqual([
      { kind: 'loss', count: 37 },
      { kind: 'loss', count: null },
      { kind: 'refused', why: expect.stringContaining('__set_error') },
    ]);
    expect(decode([(golden[2] ?? '').replace('total 1 0', 'total 90000 45')])).toEqual([
      { kind: 'total', hits: 90000, recording: false },
    ]);
  });

  it('of a task whose name looks like the end of a line keep what is theirs', () => {
    const [, line = ''] = golden;
    const [event] = decode([line.replace('c="zfs"', 'c="x" c="#zscope"')]);
    expect(event).toMatchObject({ errno: 2, comm: '#zscope' });
    // A name with the session's mark is no message of the session.
    expect(decode([line.replace('c="zfs"', 'c="#zscope-e440 limit"')])).toEqual([
      expect.objectContaining({ kind: 'error', comm: '#zscope-e440 limit' }),
    ]);
  });
});

it('takes any line', () => {
  const piece = fc.constantFrom(...golden.flatMap((line) => line.split(/(?<=[ =])/)));
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 30 }), (pieces) => {
      for (const event of decode([pieces.join('')])) {
        expect(event.kind).toMatch(/^(error|started|refused|loss|total|limit)$/);
      }
    }),
  );
});

it('is asked with constants of its own alone', () => {
  const script = watchErrors.script({ sessionId: 'e440', machine: 'aarch64' });
  expect(script).toBe(
    "watch '#zscope-e440' e440 'l=%x2:s32 e=%x3:s32 n=+0(%x1):string f=+0(%x0):string c=$comm'\n",
  );
  expect(() => watchErrors.script({ sessionId: 'a b', machine: 'x86_64' })).toThrow(/name/);
  expect(() => watchErrors.script({ sessionId: 'a', machine: 'riscv64' })).toThrow(/riscv64/);
});

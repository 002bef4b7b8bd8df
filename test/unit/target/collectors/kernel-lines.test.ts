import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { kernelLines, MOST_KERNEL_LINES } from '../../../../src/target/collectors/kernel-lines.ts';

/** What the part of the script behind its first pipe makes of records. */
function filtered(after: number, records: readonly string[]): string[] {
  const script = kernelLines.script({ after });
  const output = execFileSync('/bin/sh', ['-c', script.slice(script.indexOf('|') + 1)], {
    input: records.map((record) => `${record}\n`).join(''),
    encoding: 'utf8',
  });
  return kernelLines.decode(output, { after }).map(({ text }) => text);
}

test('gives what came after the last, without what belongs to a record', () => {
  const records = ['6,8,1,-;eight', ' DEVICE=x', '6,9,2,-;nine', '4,10,3,-;ten, 11,12,13;'];
  expect(filtered(-1, records)).toEqual(['eight', 'nine', 'ten, 11,12,13;']);
  expect(filtered(8, records)).toEqual(['nine', 'ten, 11,12,13;']);
  expect(filtered(10, records)).toEqual([]);
});

test('of many it gives the newest', () => {
  const records = Array.from({ length: MOST_KERNEL_LINES + 7 }, (_, index) => `6,${index},1,-;${index}`);
  const given = filtered(-1, records);
  expect(given).toHaveLength(MOST_KERNEL_LINES);
  expect([given[0], given.at(-1)]).toEqual(['7', String(MOST_KERNEL_LINES + 6)]);
});

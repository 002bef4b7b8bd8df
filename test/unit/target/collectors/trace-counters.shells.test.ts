import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TRACE } from '../../../../src/target/collectors/trace-run-shell.ts';
import { flavours, runScript } from './flavours.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zscope-stats-'));
  writeFileSync(join(folder, 'kprobe_profile'), '  f_ab  12  1\n  f_ab_r  9  2\n  g_cd  5  5\n');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As tracing_stats_read() prints them (kernel/trace/trace.c). */
const stats = (entries: string, overrun: string, dropped: string, read: string) => `entries: ${entries}
overrun: ${overrun}
commit overrun: 4000
bytes: 5000
oldest event ts:  2725.123456
now ts:  2730.000001
dropped events: ${dropped}
read events: ${read}
`;

for (const flavour of flavours) {
  describe.skipIf(!flavour.present)(`the counters of a session, by ${flavour.name}`, () => {
    const counters = (...cpus: readonly string[]) => {
      for (const [cpu, text] of cpus.entries()) {
        mkdirSync(join(folder, `per_cpu/cpu${cpu}`), { recursive: true });
        writeFileSync(join(folder, `per_cpu/cpu${cpu}/stats`), text);
      }
      return runScript(
        `${TRACE}tracefs='${folder}' instance='${folder}' session=ab
counters
echo "$calls $missed $recorded $overrun"`,
        flavour,
      );
    };

    test('are those of all CPUs and of its own probes', () => {
      expect(counters(stats('1', '20', '300', '7'), stats('0', '0', '0', '40'))).toEqual({
        stdout: '12 3 68 320\n',
        status: 0,
      });
    });

    test('pass over a number that ran into another text while it was printed', () => {
      expect(counters(stats('1', '0commit overrun: 0', '0', '7'), '')).toEqual({
        stdout: '12 3 8 0\n',
        status: 0,
      });
    });

    test('pass over a number of entries left that shrank into the next line', () => {
      counters('entries: 10overrun: 0\n', 'entries: 7\n', '');
      const { stdout, status } = runScript(
        `${TRACE}instance='${folder}'
entries_left
echo "$unread"`,
        flavour,
      );
      expect({ stdout, status }).toEqual({ stdout: '7\n', status: 0 });
    });
  });
}

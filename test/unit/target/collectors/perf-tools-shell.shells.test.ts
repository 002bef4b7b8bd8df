import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ALONE, perfToolsCleanup } from '../../../../src/target/collectors/perf-tools-shell.ts';
import { flavours, runScript } from './flavours.ts';

let folder: string;
/** A file of what stands for tracefs. */
const at = (path: string) => join(folder, path);
const read = (path: string) => readFileSync(at(path), 'utf8').trim();
const write = (path: string, text: string) => {
  mkdirSync(join(at(path), '..'), { recursive: true });
  writeFileSync(at(path), `${text}\n`);
};
/** The same script, of this tracefs and this lock. */
const here = (script: string) =>
  script.replaceAll('/sys/kernel/tracing', folder).replaceAll('/var/tmp/.ftrace-lock', at('lock'));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zscope-perf-'));
  mkdirSync(at('instances'));
  write('current_tracer', 'nop');
  write('events/enable', '0');
  write('per_cpu/cpu0/stats', 'entries: 0\noverrun: 0\nread events: 12');
  write('options/sym-offset', '0');
  write('options/stacktrace', '1');
  write('kprobe_events', '');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

for (const flavour of flavours) {
  describe.skipIf(!flavour.present)(`before perf-tools, by ${flavour.name}`, () => {
    const begin = () => runScript(`${here(ALONE)}alone MARK ab p_ab`, flavour);

    test('an option is set that was not, and who did it is kept', () => {
      expect(begin()).toEqual({ stdout: '', status: 0 });
      const [name = ''] = readdirSync(at('instances'));
      expect(name).toMatch(/^zscope_\d+_ab$/);
      expect(read(`instances/${name}/trace_marker`)).toBe('offsets');
      expect(read('options/sym-offset')).toBe('1');
    });

    test('an option that somebody set stays theirs', () => {
      write('options/sym-offset', '1');
      expect(begin().status).toBe(0);
      const [name = ''] = readdirSync(at('instances'));
      expect(existsSync(at(`instances/${name}/trace_marker`))).toBe(false);
    });

    test("events that are enabled and never came are in nobody's way", () => {
      write('events/enable', 'X');
      write('per_cpu/cpu0/stats', 'entries: 0\noverrun: 0\nread events: 0');
      expect(begin().status).toBe(0);
    });

    test.each([
      ['current_tracer', 'function', 'somebody else uses the tracer function'],
      ['events/enable', 'X', 'somebody else records events at the top level of tracefs'],
      ['lock', `${process.pid}`, 'somebody else runs one of perf-tools, by LOCK'],
      ['lock', '99999999', 'perf-tools that were killed have left LOCK: remove that file'],
      ['lock', '', 'somebody else runs one of perf-tools, by LOCK'],
    ])('nothing is touched while %s is %s', (file, content, why) => {
      write(file, content);
      expect(begin()).toEqual({ stdout: `MARK busy ${why.replace('LOCK', at('lock'))}\n`, status: 3 });
      expect(readdirSync(at('instances'))).toEqual([]);
      expect(read('options/sym-offset')).toBe('0');
    });
  });

  describe.skipIf(!flavour.present)(`after perf-tools, by ${flavour.name}`, () => {
    /** A folder with files in it stands for an instance. */
    const end = () =>
      runScript(`rmdir() { rm -rf "$1"; }\n${here(perfToolsCleanup({ sessionId: 'ab' }))}`, flavour);
    const left = (...said: readonly string[]) =>
      write(
        'instances/zscope_5_ab/trace',
        said.map((one) => `  sh-5 [000] ..... 1.5: tracing_mark_write+0xda/0x270: ${one}`).join('\n'),
      );

    test('what a tool that was killed has left is undone', () => {
      left('offsets', 'tool 77');
      write('lock', '77');
      write('options/sym-offset', '1');
      write('trace', 'events of the probe');
      write('events/kprobes/p_ab/enable', '1');
      expect(end()).toEqual({ stdout: '', status: 0 });
      expect([read('options/sym-offset'), read('options/stacktrace')]).toEqual(['0', '0']);
      expect(read('events/kprobes/p_ab/enable')).toBe('0');
      expect(read('kprobe_events')).toBe('-:kprobes/p_ab');
      expect(read('trace')).toBe('');
      expect(existsSync(at('lock'))).toBe(false);
      expect(readdirSync(at('instances'))).toEqual([]);
    });

    test("what is somebody else's stays: their lock, their options, their probes", () => {
      left('tool 77');
      write('lock', '78');
      write('options/sym-offset', '1');
      write('events/kprobes/p_other/enable', '1');
      expect(end()).toEqual({ stdout: '', status: 0 });
      expect([read('options/sym-offset'), read('options/stacktrace'), read('lock')]).toEqual([
        '1',
        '1',
        '78',
      ]);
      expect(read('events/kprobes/p_other/enable')).toBe('1');
      expect(readdirSync(at('instances'))).toEqual([]);
    });
  });
}

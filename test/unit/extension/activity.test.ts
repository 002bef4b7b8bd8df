import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ActivityFile } from '../../../src/extension/activity/activity-file.ts';
import { activityText } from '../../../src/extension/activity/activity-text.ts';
import type { ActivityRecord } from '../../../src/target/activity.ts';

const record = (name: string, more: Partial<ActivityRecord> = {}): ActivityRecord => ({
  at: '2026-01-02T03:04:05.678Z',
  target: 'vm',
  boot: '01234567-89ab-cdef-0123-456789abcdef',
  user: 'root',
  name,
  title: 'What hangs',
  grade: 'observe',
  script: '0011223344556677',
  end: 'finished',
  status: 0,
  ms: 12,
  bytes: 345,
  ...more,
});

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'zscope-activity-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const warnings: string[] = [];
const log = { warn: (line: string) => warnings.push(line) };

test('what was written is read, by another window too, and a broken line is left out', async () => {
  const file = new ActivityFile(join(dir, 'new'), log);
  file.write(record('one'));
  file.write(record('two'));
  await file.flush();
  writeFileSync(file.file, '{"at": "cut', { flag: 'a' });
  writeFileSync(file.file, '\n', { flag: 'a' });
  const other = new ActivityFile(join(dir, 'new'), log);
  other.write(record('three'));
  const names = (await other.read(100)).map(({ name }) => name);
  expect(names).toEqual(['one', 'two', 'three']);
  expect((await other.read(2)).map(({ name }) => name)).toEqual(['three']);
  expect(statSync(file.file).mode & 0o077).toBe(0);
  expect(warnings).toEqual([]);
});

test('two files of a bounded size, however much is written', async () => {
  const file = new ActivityFile(dir, log, 2000);
  for (let turn = 0; turn < 100; turn += 1) {
    file.write(record(`n${turn}`));
    await file.flush();
  }
  for (const name of [file.file, file.older]) expect(readFileSync(name).length).toBeLessThanOrEqual(2000);
  const names = (await file.read(1000)).map(({ name }) => name);
  expect(names.at(-1)).toBe('n99');
  expect(names.length).toBeGreaterThan(5);
});

test('a folder that cannot be written is said, and nothing else goes wrong', async () => {
  writeFileSync(join(dir, 'file'), '');
  const file = new ActivityFile(join(dir, 'file'), log);
  file.write(record('one'));
  await file.flush();
  expect(warnings.join()).toContain('cannot be written');
});

test('the table: newest first, inert, in columns', () => {
  const text = activityText(
    [
      record('tasks'),
      record('trace', { grade: 'trace', end: 'failed', status: 3, target: 'a\u001b]8;;x\u0007b' }),
    ],
    '/f.jsonl',
  );
  const lines = text.split('\n').slice(4, 7);
  expect(lines[0]).toMatch(/^when +target +as +what +grade +end +ms +bytes +script +boot +why$/);
  expect(lines[1]).toMatch(/ trace +trace +failed \(3\) +12 +345 +0011223344556677 +01234567 +What hangs$/);
  expect(lines[2]).toMatch(/^2026-01-02 03:04:05.678Z +vm +root +tasks +observe +finished /);
  expect(text).not.toContain('\u001b');
});

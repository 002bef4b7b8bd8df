import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import { printFrames } from '../../../src/cli/frames.ts';
import { inputsOf } from '../../../src/cli/inputs.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-frames-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(
  paths: readonly string[],
  input: Iterable<string | Buffer>,
  said: string[] = [],
): Promise<string> {
  const output = new PassThrough();
  const written = output.toArray();
  const stdin = Readable.from([...input].map((piece) => Buffer.from(piece)));
  await printFrames(
    inputsOf(paths, stdin, ({ message }) => said.push(message)),
    output,
  );
  output.end();
  return Buffer.concat(await written).toString();
}

test('a line of JSON for each frame and each place, in the order of the text', async () => {
  const text =
    '[1.0] PANIC at dbuf.c:123:dbuf_read()\n\n[1.0]  ? zil_commit+0x17/0x190 [zfs]\n => do_fsync\n';
  expect((await run([], [text])).split('\n')).toEqual([
    '{"line":1,"path":"dbuf.c","sourceLine":123,"function":"dbuf_read"}',
    '{"line":3,"function":"zil_commit","offset":23,"size":400,"module":"zfs","reliable":false}',
    '{"line":4,"function":"do_fsync","offset":null,"size":null,"module":null,"reliable":true}',
    '',
  ]);
});

test('characters may be cut between pieces of the input', async () => {
  const bytes = Buffer.from('müßig … zil_commit+0x17/0x190 [zfs]\n');
  expect(
    await run(
      [],
      [...bytes].map((byte) => Buffer.of(byte)),
    ),
  ).toContain('"zil_commit"');
});

test('lines are counted anew in each file, and - is standard input', async () => {
  const file = path.join(folder, 'one.txt');
  writeFileSync(file, '\nschedule+0x1/0x2');
  const lines = (await run([file, '-', file], ['schedule+0x3/0x4'])).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).line)).toEqual([2, 1, 2]);
});

test('what cannot be read is told when its turn comes, and the others are read', async () => {
  const file = path.join(folder, 'there.txt');
  writeFileSync(file, 'schedule+0x1/0x2');
  const none = path.join(folder, 'none');
  const said: string[] = [];
  expect((await run([none, file, folder, file], [], said)).trimEnd().split('\n')).toHaveLength(2);
  expect(said).toEqual([
    `${none} cannot be read: it is not there.`,
    `${folder} cannot be read: it is a folder.`,
  ]);
});

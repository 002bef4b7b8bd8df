import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { printFrames } from '../../../src/cli/frames.ts';
import { inputsOf } from '../../../src/cli/inputs.ts';
import { Output } from '../../../src/cli/output.ts';

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
    new Output(output),
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

describe('a text as it was saved', () => {
  const text = '[1.0] BUG: ümlaut\n[1.0]  zil_commit+0x17/0x190 [zfs]\n[1.0]  vfs_fsync+0x1/0x2\n';
  const utf16 = Buffer.from(`\ufeff${text.replaceAll('\n', '\r\n')}`, 'utf16le');

  test.each<[string, Buffer]>([
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${text}`)],
    ['UTF-16, as Windows redirects', utf16],
    ['UTF-16 of the other order', Buffer.from(utf16).swap16()],
    ['packed by gzip', gzipSync(text)],
    ['packed by gzip in two parts', Buffer.concat([gzipSync(text.slice(0, 40)), gzipSync(text.slice(40))])],
    ['UTF-16 packed by gzip', gzipSync(utf16)],
    ['carriage returns only', Buffer.from(text.replaceAll('\n', '\r'))],
    ['carriage returns and newlines', Buffer.from(text.replaceAll('\n', '\r\n'))],
    ['many lines that end with carriage returns', Buffer.from(text.repeat(70).replaceAll('\n', '\r'))],
  ])('%s', async (_, bytes) => {
    const expected = await run([], [bytes.length > 1000 ? text.repeat(70) : text]);
    expect(expected).toContain('"line":2,"function":"zil_commit"');
    expect(await run([], [bytes])).toBe(expected);
    expect(
      await run(
        [],
        [...bytes].map((byte) => Buffer.of(byte)),
      ),
    ).toBe(expected);
  });

  test('an end that is missing is told behind what is there', async () => {
    const said: string[] = [];
    const packed = gzipSync(Buffer.from(text.repeat(1000)));
    const found = await run([], [packed.subarray(0, packed.length - 8)], said);
    expect(found.split('\n').length).toBeGreaterThan(1000);
    expect(said).toEqual(['Standard input cannot be read: its end is missing.']);
  });

  test.each([
    ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 1, 2]],
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd, 0, 0]],
    ['bzip2', [0x42, 0x5a, 0x68, 0x39, 0x31, 0x41]],
  ])('what %s packed is refused with a sentence', async (format, bytes) => {
    const said: string[] = [];
    expect(await run([], [Buffer.from(bytes)], said)).toBe('');
    expect(said.join()).toContain(`is packed with ${format}. Unpack it first:`);
  });

  test('any bytes are a text', async () => {
    const junk = Buffer.alloc(300_000, Buffer.from([0, 0xff, 0x0d, 0x80, 0x1b, 0x5b, 0xc3, 0x28, 0x7f]));
    expect(await run([], [junk, '\nzil_commit+0x17/0x190 [zfs]\n'])).toContain('"zil_commit"');
    expect(await run([], [''])).toBe('');
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ModuleFileHeader, ModuleFileParams } from '../../../src/target/collectors/module-file.ts';
import type { ByteSink, Connection } from '../../../src/target/connection.ts';
import { downloadModule } from '../../../src/target/module-download.ts';
import { failureOf } from '../../support/failure-of.ts';

let folder: string;
let part: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'zscope-download-'));
  part = path.join(folder, 'zfs.part');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = { path: '/lib/zfs.ko', size: 1000, mtime: 5, packing: 'gz' } as const;

/** A target that sends this, and what it was asked. */
function download(total: number | null, sent: Buffer) {
  const asked: ModuleFileParams[] = [];
  const connection = {
    download: async (_: unknown, params: ModuleFileParams, sink: ByteSink<ModuleFileHeader>) => {
      asked.push(params);
      await sink.header({ file, offset: 0, total });
      await sink.bytes(sent);
    },
  };
  const wanted = {
    module: 'zfs',
    program: null,
    buildId: 'aaaaaaaa',
    debugLink: null,
    zfsHangs: false,
    folders: [],
    skip: [],
    part,
  };
  // Only what the download calls of a connection.
  const done = downloadModule(connection as unknown as Connection, wanted);
  return { asked, done };
}

it('takes no more than the file can hold', async () => {
  expect(await download(1000, Buffer.alloc(1000)).done).toEqual(file);
  expect((await failureOf(download(1000, Buffer.alloc(1001)).done)).message).toContain('sends more');
  expect(await download(null, Buffer.alloc(1010)).done).toEqual(file);
  expect((await failureOf(download(null, Buffer.alloc(1_000_000)).done)).message).toContain('sends more');
  expect(readFileSync(part)).toHaveLength(0);
});

it.each([
  ['', null],
  ['{"path":"/lib/zfs.ko"', null],
  ['{"path":"/lib/zfs.ko","size":1000,"mtime":5,"packing":"rar"}', null],
  ['{"path":"/a\\u0000b","size":1000,"mtime":5,"packing":"gz"}', null],
  [JSON.stringify(file), { file, offset: 4 }],
])('goes on with a part by its record %j', async (record, resume) => {
  writeFileSync(part, 'half');
  writeFileSync(`${part}.json`, record);
  const { asked, done } = download(1000, Buffer.from('whole'));
  await done;
  expect(asked[0]?.resume).toEqual(resume);
  expect(readFileSync(part, 'utf8')).toBe('whole');
});

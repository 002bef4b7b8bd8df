/** Files of modules from a real server: whole, after a cut, when they changed meanwhile. */
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { DownloadCollector } from '../../src/target/collector.ts';
import {
  type DownloadOptions,
  downloadModule,
  type ModuleDownload,
} from '../../src/target/module-download.ts';
import { failureOf } from '../support/failure-of.ts';
import { Person, reach } from './client.ts';
import { isRunning, Server, until } from './server.ts';

/** No module of this machine has this build-id, so the file of that name is the test's own. */
const id = `00${randomBytes(19).toString('hex')}`;
const remote = `/usr/lib/debug/.build-id/00/${id.slice(2)}.debug`;
/** What no compressor makes smaller, with bytes that a terminal, a decoder or a frame would change. */
const content = Buffer.concat([
  Buffer.from('file\tnone\r\n\0\x1e\x04\xff\xfe', 'latin1'),
  randomBytes(24 * 1024 * 1024),
]);

let server: Server;
let folder: string;
let part: string;

beforeAll(async () => {
  mkdirSync(path.dirname(remote), { recursive: true });
  writeFileSync(remote, content);
  server = await Server.start();
  server.trust('ed25519');
});
afterAll(async () => {
  rmSync(remote, { force: true });
  await server?.dispose();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function download(options: DownloadOptions = {}, more: Partial<ModuleDownload> = {}) {
  const connection = await reach(server, new Person());
  try {
    return await downloadModule(
      connection,
      {
        ...{ module: 'zfs', program: null, buildId: id, debugLink: null },
        ...{ zfsHangs: false, folders: [], skip: [], part },
        ...more,
      },
      options,
    );
  } finally {
    connection.dispose();
  }
}

function newPart(): void {
  folder = mkdtempSync(path.join(tmpdir(), 'zscope-part-'));
  part = path.join(folder, 'zfs.part');
}

/** Breaks the link once so many bytes have come; resolves to how many are in the part. */
async function cutAfter(bytes: number): Promise<number> {
  let cut: Promise<void> | null = null;
  await failureOf(
    download({
      progress: (done) => {
        if (done > bytes) {
          cut ??= server.restart();
        }
      },
    }),
  );
  await cut;
  return statSync(part).size;
}

test('arrives whole, every byte as it was', async () => {
  newPart();
  const told: number[] = [];
  const file = await download({ progress: (done) => told.push(done) });
  expect(file).toEqual({
    path: remote,
    size: content.length,
    mtime: Math.floor(statSync(remote).mtimeMs / 1000),
    packing: 'gz',
  });
  expect(gunzipSync(readFileSync(part)).equals(content)).toBe(true);
  expect(told.at(-1)).toBe(statSync(part).size);
  expect(told).toEqual([...told].sort((a, b) => a - b));
});

test('of the kernel is looked for where kernels are built', async () => {
  newPart();
  // Not the file of the other tests: that one is found by its name.
  const buildId = `01${randomBytes(19).toString('hex')}`;
  const vmlinux = path.join(folder, 'vmlinux');
  writeFileSync(vmlinux, Buffer.concat([Buffer.from('\x7fELF'), Buffer.from(buildId, 'hex')]));
  // This machine may have one of another build.
  expect(await download({}, { module: '', buildId })).toMatch(/^(?:none|other-build)$/);
  expect(await download({}, { module: '', buildId, folders: [folder] })).toMatchObject({ path: vmlinux });
  expect(gunzipSync(readFileSync(part)).equals(readFileSync(vmlinux))).toBe(true);
});

test('goes on where a cut link left it', async () => {
  newPart();
  const kept = await cutAfter(6_000_000);
  expect(kept).toBeGreaterThan(6_000_000);
  expect(kept).toBeLessThan(content.length);
  const again = await cutAfter(kept + 4_000_000);
  expect(again).toBeGreaterThan(kept + 4_000_000);
  const told: number[] = [];
  await download({ progress: (done) => told.push(done) });
  expect(told[0]).toBe(again);
  expect(gunzipSync(readFileSync(part)).equals(content)).toBe(true);
});

test('begins anew when the file is another one by now', async () => {
  newPart();
  await cutAfter(6_000_000);
  const before = statSync(remote);
  const other = Buffer.from(content);
  other.write('changed', 100);
  writeFileSync(remote, other);
  utimesSync(remote, before.atimeMs / 1000, before.mtimeMs / 1000 + 5);
  try {
    const told: number[] = [];
    await download({ progress: (done) => told.push(done) });
    expect(told[0]).toBe(0);
    expect(gunzipSync(readFileSync(part)).equals(other)).toBe(true);
  } finally {
    writeFileSync(remote, content);
  }
});

test('is nothing when the target has no such file, or only useless ones', async () => {
  newPart();
  expect(await download({}, { buildId: `01${id.slice(2)}`, module: 'zscope_no_module' })).toBe('none');
  expect(await download({}, { module: 'zscope_no_module', skip: [remote] })).toBe('none');
});

test('is found in a folder where it is built, by the build-id that is in it', async () => {
  newPart();
  const build = path.join(folder, "it's a \\n build");
  const module = path.join(build, 'module', 'zscope_no_module.ko');
  mkdirSync(path.dirname(module), { recursive: true });
  // Bytes of an id that shells, grep and printf may stumble over.
  const odd = `0a000a${'255c27227f80ff5b2a2e0d1e2d2d09'}ab`;
  const wanted = { buildId: odd, module: 'zscope_no_module', folders: ['/nosuch', build] };
  writeFileSync(module, Buffer.concat([randomBytes(5_000_000), Buffer.from(odd, 'hex'), randomBytes(1000)]));
  expect(await download({}, wanted)).toMatchObject({ path: module, packing: 'gz' });
  expect(gunzipSync(readFileSync(part)).equals(readFileSync(module))).toBe(true);
  writeFileSync(module, randomBytes(1000));
  expect(await download({}, wanted)).toBe('other-build');
});

test('can be stopped, and what came is kept', async () => {
  newPart();
  const abort = new AbortController();
  const failure = await failureOf(
    download({ signal: abort.signal, progress: (done) => done > 3_000_000 && abort.abort() }),
  );
  expect(failure.code).toBe('cancelled');
  expect(statSync(part).size).toBeGreaterThan(3_000_000);
  await until('nothing reads the file any more', 20_000, () => !isRunning('gzip -1 -n -c'));
});

/** A download of what a script prints after a header. */
function bytesOf(script: string, idleMs = 10_000): DownloadCollector<null, string> {
  return {
    name: 'test-download',
    title: 'A test download',
    grade: 'observe',
    needsRoot: false,
    idleMs,
    script: () => script,
    header: (line) => line,
  };
}

test('a target is not read faster than the bytes are taken in', async () => {
  newPart();
  const connection = await reach(server, new Person());
  // The script says beside its output how many blocks it has got rid of.
  const blocks = 60;
  const block = 1_000_000;
  const sent = path.join(folder, 'sent');
  const script = `echo head; i=0; while [ $i -lt ${blocks} ]; do head -c ${block} /dev/zero; i=$((i+1)); echo $i >'${sent}'; done`;
  let taken = 0;
  let header = '';
  let ahead = 0;
  await connection.download(bytesOf(script), null, {
    header: async (line) => {
      header = line;
    },
    bytes: async (piece) => {
      taken += piece.length;
      if (taken < 4_000_000) {
        await sleep(20);
        ahead = Math.max(ahead, Number(existsSync(sent) ? readFileSync(sent, 'utf8') : 0) * block - taken);
      }
    },
  });
  connection.dispose();
  expect([header, taken]).toEqual(['head', blocks * block]);
  // What the channel's window, the sockets and the pipes hold.
  expect(ahead).toBeLessThan(20_000_000);
});

test('a disk that gives nothing ends the download, not the connection', async () => {
  newPart();
  const connection = await reach(server, new Person());
  const sink = { header: async () => {}, bytes: async () => {} };
  const failure = await failureOf(
    connection.download(bytesOf('echo head; echo some; sleep 60', 1000), null, sink),
  );
  expect(failure.code).toBe('timeout');
  const broken = await failureOf(connection.download(bytesOf('echo head; echo some; exit 5'), null, sink));
  expect(broken.code).toBe('script-failed');
  const mute = await failureOf(connection.download(bytesOf('exit 0'), null, sink));
  expect(mute.code).toBe('bad-output');
  await expect(
    connection.download(bytesOf('echo head; yes'), null, {
      ...sink,
      bytes: async () => {
        throw new RangeError('disk full');
      },
    }),
  ).rejects.toThrow('disk full');
  expect(connection.state).toBe('connected');
  connection.dispose();
});

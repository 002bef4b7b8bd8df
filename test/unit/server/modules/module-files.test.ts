import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildIdOfHead } from '../../../../src/core/symbols/elf/identity.ts';
import type { FetchModuleResult } from '../../../../src/protocol/server.ts';
import { ModuleCache } from '../../../../src/server/modules/module-cache.ts';
import { type FileRequest, ModuleFiles, type Outside } from '../../../../src/server/modules/module-files.ts';
import { unpackFile } from '../../../../src/server/modules/unpack.ts';
import { WorkspaceModules } from '../../../../src/server/modules/workspace-modules.ts';
import { asBuild, BUILD, FRAME, LINES, OTHER_BUILD, sample } from './sample.ts';

const FIXTURES = path.join(import.meta.dirname, '../../core/symbols/fixtures');

let folder: string;
let workspace: WorkspaceModules;
let files: ModuleFiles;
let log: string[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'zscope-files-'));
  mkdirSync(path.join(folder, 'workspace/module/zfs'), { recursive: true });
  log = [];
  files = open();
});
afterEach(() => {
  files.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** As a server that was just started: only the disk remembers. */
function open(debuginfod: readonly string[] = []): ModuleFiles {
  workspace = new WorkspaceModules();
  workspace.setFolders([path.join(folder, 'workspace')]);
  return new ModuleFiles({
    workspace,
    cache: new ModuleCache(path.join(folder, 'cache'), async () => 100),
    unpack: (from, to, stop) => {
      stop.throwIfAborted();
      return unpackFile(from, to);
    },
    debuginfod,
    log: (line) => log.push(line),
  });
}

const built = (name: string) => path.join(folder, 'workspace/module', name);
const wanted = (buildId = BUILD) => ({ module: 'zfs', buildId });
const signal = new AbortController().signal;

/** A target with these files, the likeliest first; what was asked of it is kept. */
function target(...content: readonly (readonly [string, Buffer])[]): Outside & { asked: FileRequest[] } {
  const asked: FileRequest[] = [];
  return {
    asked,
    progress: () => {},
    fetch: async (request): Promise<FetchModuleResult> => {
      asked.push(request);
      const next = content.find(([name]) => !request.skip.includes(name));
      if (next === undefined) {
        return { outcome: 'none', otherBuild: false };
      }
      writeFileSync(request.part, next[1]);
      return { outcome: 'fetched', path: next[0] };
    },
  };
}

async function lines(from: ModuleFiles, buildId = BUILD) {
  const file = await from.find(buildId);
  return file?.frame(FRAME, true)?.lines.map((line) => [line.function, line.line]) ?? null;
}

describe('the file of a running module', () => {
  it('stays open while it is asked again, also when it lies in the cache', async () => {
    await files.prepare(wanted(), target(['/lib/zfs.ko.xz', sample('zlog.ko.xz')]), signal);
    const first = await files.find(BUILD);
    // As if it was last used long ago: its use is noted then.
    const [name = ''] = readdirSync(path.join(folder, 'cache'));
    utimesSync(path.join(folder, 'cache', name), new Date(0), new Date());
    const again = open();
    const one = await again.find(BUILD);
    expect(await again.find(BUILD)).toBe(one);
    expect(one?.fits(FRAME)).toBe(true);
    expect(one?.fits({ ...FRAME, size: (FRAME.size ?? 0) + 512 })).toBe(false);
    expect(one?.fits({ ...FRAME, symbol: 'no_such_function' })).toBe(false);
    expect(one?.frame(FRAME, true)?.lines.map((line) => [line.function, line.line])).toEqual(LINES);
    again.dispose();
    expect(first).not.toBeNull();
  });

  it('is fetched for one who waits when the other, who began it, cancels', async () => {
    const begun = new AbortController();
    const never: Outside = {
      progress: () => {},
      fetch: (_request, stop) =>
        new Promise((_, reject) => {
          const end = () => reject(stop.reason as Error);
          if (stop.aborted) end();
          else stop.addEventListener('abort', end, { once: true });
        }),
    };
    const one = files.prepare(wanted(), never, begun.signal);
    const other = files.prepare(wanted(), target(['/lib/zfs.ko', sample('zlog.ko')]), signal);
    setTimeout(() => begun.abort(), 20);
    await expect(one).rejects.toThrow();
    expect((await other).ready).toBe(true);
  });

  it('is not waited for by one who cancels while another fetches it', async () => {
    const stop = new AbortController();
    const slow: Outside = { progress: () => {}, fetch: () => new Promise(() => {}) };
    void files.prepare(wanted(), slow, signal);
    const other = files.prepare(wanted(), target(), stop.signal);
    setTimeout(() => stop.abort(), 20);
    await expect(other).rejects.toThrow();
  });

  it('is the next file when one of the target is damaged', async () => {
    const damaged = sample('zlog.ko.xz').subarray(0, 300);
    const outside = target(['/lib/zfs.ko.xz', damaged], ['/lib/zfs.ko', sample('zlog.ko')]);
    expect((await files.prepare(wanted(), outside, signal)).ready).toBe(true);
    expect(await lines(files)).toEqual(LINES);
  });

  it('is not fetched again and again when it is damaged', async () => {
    const outside = target(['/lib/zfs.ko.xz', sample('zlog.ko.xz').subarray(0, 300)]);
    for (let attempt = 0; attempt < 3; attempt++) {
      const prepared = await files.prepare(wanted(), outside, signal);
      expect(prepared).toMatchObject({ ready: false, again: true });
      expect(prepared.remark).toContain('damaged');
    }
    const skipped = outside.asked.map(({ skip }) => skip.length);
    expect(skipped).toEqual([0, 1, 1, 1]);
  });

  it('is the one built in the workspace, without asking the target', async () => {
    copyFileSync(path.join(import.meta.dirname, 'sample/zlog.ko'), built('zfs.ko'));
    const outside = target(['/lib/zfs.ko', sample('zlog.ko')]);
    expect(await files.prepare(wanted(), outside, signal)).toEqual({
      ...wanted(),
      ready: true,
      remark: '',
      again: false,
    });
    expect(outside.asked).toEqual([]);
    expect(await lines(files)).toEqual(LINES);
    expect(log.at(-1)).toContain(built('zfs.ko'));
  });

  it('is what was split off the one built in the workspace, when that was stripped', async () => {
    writeFileSync(built('zfs.ko'), sample('stripped.ko'));
    writeFileSync(built('zfs.ko.debug'), sample('zlog.ko'));
    expect((await files.prepare(wanted(), target(), signal)).ready).toBe(true);
    expect(await lines(files)).toEqual(LINES);
  });

  it('is fetched once, and is there the next time', async () => {
    const outside = target(['/lib/zfs.ko.xz', sample('zlog.ko.xz')]);
    expect(await lines(files)).toBeNull();
    expect((await files.prepare(wanted(), outside, signal)).ready).toBe(true);
    expect(await lines(files)).toEqual(LINES);
    files.dispose();
    files = open();
    expect(await lines(files)).toEqual(LINES);
    expect((await files.prepare(wanted(), outside, signal)).ready).toBe(true);
    expect(outside.asked).toHaveLength(1);
    expect(readdirSync(path.join(folder, 'cache'))).toEqual([`${BUILD}.debug`]);
  });

  it('is asked for once by several at a time', async () => {
    const outside = target(['/lib/zfs.ko.xz', sample('zlog.ko.xz')]);
    const both = await Promise.all([1, 2].map(() => files.prepare(wanted(), outside, signal)));
    expect(both.map(({ ready }) => ready)).toEqual([true, true]);
    expect(outside.asked).toHaveLength(1);
  });

  it('is never that of another build', async () => {
    writeFileSync(built('zfs.ko'), asBuild(OTHER_BUILD));
    const outside = target(
      ['/lib/zfs.ko', asBuild(OTHER_BUILD)],
      ['/lib/debug/zfs.ko', asBuild(OTHER_BUILD)],
    );
    const prepared = await files.prepare(wanted(), outside, signal);
    expect(prepared).toMatchObject({ ready: false, again: false });
    expect(prepared.remark).toContain('not the build that runs');
    expect(outside.asked.map(({ skip }) => skip)).toEqual([
      [],
      ['/lib/zfs.ko'],
      ['/lib/zfs.ko', '/lib/debug/zfs.ko'],
    ]);
    expect(await lines(files)).toBeNull();
    expect(await lines(files, OTHER_BUILD)).toEqual(LINES);
    expect(readdirSync(path.join(folder, 'cache'))).toEqual([]);
  });

  it('is the split debug info where the module was stripped', async () => {
    const outside = target(['/lib/zfs.ko', sample('stripped.ko')], ['/lib/zfs.ko.debug', sample('zlog.ko')]);
    expect((await files.prepare(wanted(), outside, signal)).ready).toBe(true);
    expect(outside.asked.map(({ debugLink }) => debugLink)).toEqual([null, 'zlog.ko.debug']);
    const bare = await files.prepare(
      wanted(OTHER_BUILD),
      target(['/lib/zfs.ko', asBuild(OTHER_BUILD, sample('stripped.ko'))]),
      signal,
    );
    expect(bare.remark).toContain('no debug info');
  });

  it('is said not to be had, with the reason, for modules of ZFS', async () => {
    expect((await files.prepare(wanted(), target(), signal)).remark).toContain(
      'not found under /lib/modules',
    );
    const other: Outside = { ...target(), fetch: async () => ({ outcome: 'none', otherBuild: true }) };
    expect((await files.prepare(wanted(), other, signal)).remark).toContain('not the build that runs');
    const broken = target();
    const lost = await files.prepare(
      wanted(),
      { ...broken, fetch: async () => ({ outcome: 'failed', why: 'The link broke.' }) },
      signal,
    );
    expect(lost).toMatchObject({ ready: false, again: true });
    expect(lost.remark).toContain('The link broke.');
    const damaged = await files.prepare(
      wanted(),
      target(['/lib/zfs.ko.xz', sample('zlog.ko.xz').subarray(0, 500)]),
      signal,
    );
    expect(damaged).toMatchObject({ ready: false, again: true });
    expect(damaged.remark).toContain('damaged');
    expect((await files.prepare({ module: 'ext4', buildId: BUILD }, target(), signal)).remark).toBe('');
  });

  it('leaves what came for the next attempt when the link breaks', async () => {
    const outside = target();
    const cut = async (request: FileRequest): Promise<FetchModuleResult> => {
      writeFileSync(request.part, 'half');
      writeFileSync(`${request.part}.json`, '{}');
      return { outcome: 'failed', why: 'cut' };
    };
    await files.prepare(wanted(), { ...outside, fetch: cut }, signal);
    let found = false;
    const resumed = async (request: FileRequest): Promise<FetchModuleResult> => {
      found = existsSync(request.part) && existsSync(`${request.part}.json`);
      return { outcome: 'none', otherBuild: false };
    };
    await files.prepare(wanted(), { ...outside, fetch: resumed }, signal);
    expect(found).toBe(true);
  });

  it('keeps what came when the person does not wait for its unpacking', async () => {
    const abort = new AbortController();
    const outside = target(['/lib/zfs.ko.xz', sample('zlog.ko.xz')]);
    const impatient = { ...outside, progress: () => abort.abort() };
    await expect(files.prepare(wanted(), impatient, abort.signal)).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(readdirSync(path.join(folder, 'cache'))).toEqual([`${BUILD}.part`]);
    expect((await files.prepare(wanted(), outside, signal)).ready).toBe(true);
  });

  it('follows a rebuild in the workspace', async () => {
    writeFileSync(built('zfs.ko'), sample('zlog.ko'));
    expect(await lines(files)).toEqual(LINES);
    writeFileSync(built('zfs.ko'), asBuild(OTHER_BUILD));
    utimesSync(built('zfs.ko'), 1, 1);
    expect(await lines(files)).toBeNull();
    expect(await lines(files, OTHER_BUILD)).toEqual(LINES);
    rmSync(built('zfs.ko'));
    expect(await lines(files, OTHER_BUILD)).toBeNull();
  });

  it('comes from debuginfod when the target has none', async () => {
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url);
      if (request.url?.startsWith('/no/') === true) {
        response.writeHead(404).end();
      } else {
        response.end(asBuild(request.url?.includes(BUILD) === true ? BUILD : 'ff'.repeat(20)));
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const at = `http://127.0.0.1:${port}`;
    files = open([`${at}/no`, at]);
    expect((await files.prepare(wanted(), target(), signal)).ready).toBe(true);
    expect(asked).toEqual([`/no/buildid/${BUILD}/debuginfo`, `/buildid/${BUILD}/debuginfo`]);
    expect(await lines(files)).toEqual(LINES);
    // What it sends for a build that it does not have is not taken.
    expect((await files.prepare(wanted(OTHER_BUILD), target(), signal)).ready).toBe(false);
    expect(log.at(-1)).toContain('another build');
    server.close();
  });

  it('is not what a broken cache has', async () => {
    await files.prepare(wanted(), target(['/lib/zfs.ko', sample('zlog.ko')]), signal);
    const cached = path.join(folder, 'cache', `${BUILD}.debug`);
    writeFileSync(cached, sample('zlog.ko').subarray(0, 200));
    expect(await lines(files)).toBeNull();
    expect(existsSync(cached)).toBe(false);
    expect(log.at(-1)).toContain('not used');
  });

  it('of a program without debug info has its symbols, until its debug info can be had', async () => {
    const program = '/usr/sbin/zdb';
    const content = readFileSync(path.join(FIXTURES, 'program-clang-5.bin'));
    const buildId = buildIdOfHead(content) ?? '';
    const zdb = { module: 'zdb', program, buildId };
    // Sections of another name are none of debug info.
    const bare = Buffer.from(content);
    for (let at = bare.indexOf('.debug_'); at >= 0; at = bare.indexOf('.debug_', at + 1)) {
      bare.write('.other_', at);
    }
    const outside = target([program, bare]);
    const first = await files.prepare(zdb, outside, signal);
    expect([first.ready, first.remark]).toEqual([false, expect.stringContaining('no debug info')]);
    const file = await files.find(buildId);
    expect(file?.atVirtual(0x13a4n)).toEqual([{ function: 'pool_sync', path: '', line: 0 }]);
    // The program itself need not come again.
    await files.prepare(zdb, outside, signal);
    expect(outside.asked.map(({ skip }) => skip)).toEqual([[], [program], [program]]);
    const debug = '/usr/lib/debug/.build-id/zdb.debug';
    expect((await files.prepare(zdb, target([debug, content]), signal)).ready).toBe(true);
    expect((await files.find(buildId))?.atVirtual(0x13a4n).at(-1)?.line).toBe(55);
  });

  it('of a program is not what became of it meanwhile', async () => {
    const zdb = { module: 'zdb', program: '/usr/sbin/zdb', buildId: BUILD };
    const prepared = await files.prepare(zdb, target(['/usr/sbin/zdb', asBuild(OTHER_BUILD)]), signal);
    expect(prepared.remark).toContain('another one by now');
    const failing: Outside = { ...target(), fetch: async () => ({ outcome: 'failed', why: 'It broke.' }) };
    expect((await files.prepare(zdb, failing, signal)).remark).toContain('It broke.');
  });

  it('of the kernel is fetched when it is asked for, and only then', async () => {
    const outside = target(['/usr/lib/debug/boot/vmlinux-6.1', sample('zlog.ko')]);
    const kernel = { module: null, buildId: BUILD };
    expect(await files.prepare(kernel, outside, signal)).toMatchObject({ ready: false, remark: '' });
    expect(outside.asked).toEqual([]);
    expect(await files.prepare(kernel, { ...outside, kernel: true }, signal)).toMatchObject({ ready: true });
    expect(outside.asked.map(({ module }) => module)).toEqual(['']);
    expect(await lines(files)).toEqual(LINES);
  });

  it('of the kernel, where it cannot be had, is missed in words that say why', async () => {
    const remark = async (outside: ReturnType<typeof target>, buildId = BUILD) => {
      const kernel = { module: null, buildId };
      return (await files.prepare(kernel, { ...outside, kernel: true }, signal)).remark;
    };
    expect(await remark(target())).toBe('');
    expect(await remark(target(['/boot/vmlinux', sample('zlog.ko')]), OTHER_BUILD)).toContain('no vmlinux');
    const lost = target();
    const failing = (why: string) => remark({ ...lost, fetch: async () => ({ outcome: 'failed', why }) });
    expect(await failing('On lab this takes root.')).toBe(
      'Exact lines of the kernel are not known: On lab this takes root.',
    );
    const full = async ({ part }: { readonly part: string }) => {
      writeFileSync(part, 'as much as there was room for');
      return { outcome: 'failed' as const, why: 'ENOSPC: no space left on device, write' };
    };
    expect(await remark({ ...lost, fetch: full })).toContain('disk of this machine');
    expect(readdirSync(path.join(folder, 'cache'))).toEqual([]);
  });

  it('of the kernel is not waited for where somebody else does not want it', async () => {
    const outside = target(['/usr/lib/debug/boot/vmlinux-6.1', sample('zlog.ko')]);
    const kernel = { module: null, buildId: BUILD };
    const both = [
      files.prepare(kernel, outside, signal),
      files.prepare(kernel, { ...outside, kernel: true }, signal),
    ];
    expect((await Promise.all(both)).map(({ ready }) => ready)).toEqual([false, true]);
  });
});

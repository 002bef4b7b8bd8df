/** The language server and zfs.ko: how soon the first frame is there, what memory it takes, and when it is idle again. */
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame } from '../src/core/stack/frame.ts';
import { serverArguments, serverEnvironment } from '../src/extension/server-process.ts';
import { indexStatusRequest, locateRequest } from '../src/protocol/server.ts';
import { openFile } from '../src/server/modules/open-debug-file.ts';
import type * as lab from '../test/lab/lab.ts';
import type { Progress } from '../test/support/progress.ts';
import { labModule } from '../test/symbols/lab-module.ts';
import { buildServer, ServerProcess } from '../test/unit/server/server-process.ts';
import { above, type Figure } from './report.ts';

/** list_del in list_remove_head in zil_commit_writer in zil_commit_impl. */
const FRAME: Frame = {
  symbol: 'zil_commit_impl',
  offset: 0x200,
  size: 0x15d0,
  module: 'zfs',
  reliable: true,
};
const FUNCTIONS = 1000;
/** A stack has about so many frames. */
const DEPTH = 10;
/** The server gives memory back after two minutes (open-files.ts). */
const IDLE_MS = 130_000;

export async function benchServer(vm: lab.LabInfo, progress: Progress): Promise<Figure[]> {
  const module = labModule(vm.image);
  const storage = mkdtempSync(path.join(os.tmpdir(), 'zscope-memory-'));
  const { bundle, remove } = await buildServer();
  const server = new ServerProcess(bundle, 'ipc', {
    execArgv: serverArguments,
    env: serverEnvironment,
  });
  try {
    const { file, source } = openFile(module);
    const { buildId } = file;
    source.dispose();
    if (buildId === null) {
      throw new Error('zfs.ko has no build-id');
    }
    mkdirSync(path.join(storage, 'modules'));
    linkOrName(module, path.join(storage, 'modules', `${buildId}.debug`));
    await server.initialize([vm.sourceDir], {}, { storagePath: storage });
    const { functions } = await server.request(indexStatusRequest, null);
    const before = server.memory('now');
    const started = performance.now();
    const first = await server.request(locateRequest, {
      stacks: [[FRAME]],
      modules: [{ module: 'zfs', buildId }],
    });
    const firstMs = performance.now() - started;
    if (first.places[0]?.[0]?.[0]?.function !== 'list_del') {
      throw new Error('the first frame is another one');
    }
    const stacks = stacksOf(module);
    const { places } = await server.request(locateRequest, {
      stacks,
      modules: [{ module: 'zfs', buildId }],
    });
    const exact = places.flat().filter((chain) => chain.at(-1)?.how === 'dwarf').length;
    if (exact < 0.9 * FUNCTIONS) {
      throw new Error(`only ${exact} frames have exact lines`);
    }
    const peak = server.memory();
    progress('waiting for the server to be idle');
    await sleep(IDLE_MS);
    const after = server.memory('now');
    return [
      {
        what: 'first frame of zfs.ko in the running server, from the request to the answer, the file not opened before',
        measured: `${Math.round(firstMs)} ms`,
        peer: 'a process each, see the next rows',
        goal: '',
        missedBy: null,
      },
      {
        what: `memory of the server with zfs.ko in use: the index of ${functions} functions, exact lines of ${exact} frames in as many functions`,
        measured: `${Math.round(peak)} MiB at most; ${Math.round(before)} MiB before, ${Math.round(after)} MiB when idle again`,
        peer: '',
        goal: 'at most 200 MiB, released when idle',
        missedBy: above(peak, 200) ?? above(after, (before + peak) / 2),
      },
    ];
  } finally {
    server.kill();
    remove();
    rmSync(storage, { recursive: true });
  }
}

/** A frame in the middle of functions from all over the module, as readelf lists them. */
function stacksOf(module: string): Frame[][] {
  const text = execFileSync('readelf', ['--symbols', '--wide', module], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const all = [...text.matchAll(/ (\d+) FUNC +\w+ +\w+ +\d+ (?!__pfx_)(\S+)$/gm)]
    .map(([, size, symbol = '']) => ({ symbol, size: Number(size) }))
    .filter(({ size }) => size > 16);
  const frames = Array.from({ length: FUNCTIONS }, (_, at) => all[Math.floor((at * all.length) / FUNCTIONS)])
    .filter((one) => one !== undefined)
    .map(({ symbol, size }) => ({ symbol, offset: size >> 1, size, module: 'zfs', reliable: true }));
  return Array.from({ length: FUNCTIONS / DEPTH }, (_, at) => frames.slice(at * DEPTH, (at + 1) * DEPTH));
}

/** Gives a file a second name; by a link to its path where the folders are on different disks. */
function linkOrName(file: string, name: string): void {
  try {
    linkSync(file, name);
  } catch {
    symlinkSync(file, name);
  }
}

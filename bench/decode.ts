/** A dump of all tasks to source lines by the command line, against the steps of decode_stacktrace.sh. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { formatFrame, type Trace } from '../src/core/stack/frame.ts';
import { unpackFile } from '../src/server/modules/unpack.ts';
import { taskSnapshot } from '../src/target/collectors/task-snapshot.ts';
import * as lab from '../test/lab/lab.ts';
import { ensurePrograms } from '../test/support/debian.ts';
import { repository } from '../test/support/paths.ts';
import type { Progress } from '../test/support/progress.ts';
import { connectToLab } from '../test/vm/connect.ts';
import { above, type Figure, median, spread } from './report.ts';

const TASKS = 1000;
const ROUNDS = 5;

/** Frames that addr2line is asked for, one a process; the rest is reckoned. */
const PEER_FRAMES = 25;

export async function benchDecode(vm: lab.LabInfo, progress: Progress): Promise<Figure[]> {
  await ensurePrograms({ addr2line: 'binutils', nm: 'binutils' }, 'the figures of decode', progress);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-decode-'));
  try {
    const module = path.join(folder, 'zfs.ko');
    const packed = path.join(folder, 'packed');
    copyFileSync(vm.moduleFile, packed);
    await unpackFile(packed, module);
    const symbols = readSymbols(module);
    const dump = writeDump(await tracesOf(vm, progress), symbols);
    const file = path.join(folder, 'dump.txt');
    writeFileSync(file, dump.text);
    const ours: number[] = [];
    let decoded = '';
    for (let round = 0; round < ROUNDS; round++) {
      const started = performance.now();
      decoded = execFileSync(
        process.execPath,
        [path.join(repository, 'dist', 'cli.cjs'), 'decode', '--module', module, file],
        { encoding: 'utf8', maxBuffer: 256 << 20 },
      );
      ours.push(performance.now() - started);
    }
    const found = decoded.match(/ \[zfs\] \(.*\)$/gm)?.length ?? 0;
    if (found < dump.frames.length * 0.99) {
      throw new Error(`${found} of ${dump.frames.length} frames were decoded`);
    }
    const theirs: number[] = [];
    for (const { address } of dump.frames.filter(
      (_, i) => i % Math.ceil(dump.frames.length / PEER_FRAMES) === 0,
    )) {
      const started = performance.now();
      execFileSync('addr2line', ['-i', '-f', '-j', '.text', '-e', module, address.toString(16)]);
      theirs.push(performance.now() - started);
    }
    const peer = median(theirs) * dump.frames.length;
    const times = peer / median(ours);
    return [
      {
        what: `decode of a dump of ${TASKS} tasks with ${dump.frames.length} frames of zfs, ${dump.different} of them different (min / median / max of ${ROUNDS})`,
        measured: `${spread(ours)}: ${Math.round(times)} times faster`,
        peer: `addr2line, one process a frame, as decode_stacktrace.sh does: ${Math.round(median(theirs))} ms each, ${Math.round(peer / 1000)} s (reckoned from ${theirs.length})`,
        goal: 'at least 100 times faster',
        missedBy: above(100, times),
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Different stacks of the VM while it hangs that go through zfs. */
async function tracesOf(vm: lab.LabInfo, progress: Progress): Promise<Trace[]> {
  await lab.hang(progress);
  const connection = await connectToLab(vm);
  try {
    const { groups } = await connection.run(taskSnapshot, null);
    const traces = groups
      .map(({ trace }) => trace)
      .filter((trace) => trace.some(({ module }) => module === 'zfs'));
    if (traces.length === 0) {
      throw new Error('no stack of the VM goes through zfs');
    }
    return traces;
  } finally {
    connection.dispose();
    await lab.resume(progress);
  }
}

/** Address in .text and size of the module's functions. */
function readSymbols(
  module: string,
): ReadonlyMap<string, { readonly address: number; readonly size: number }> {
  const text = execFileSync('nm', ['-S', module], { encoding: 'utf8', maxBuffer: 64 << 20 });
  const lines = text.matchAll(/^([0-9a-f]+) ([0-9a-f]+) [tT] (\S+)$/gm);
  return new Map(
    [...lines].map(([, address = '', size = '', name = '']) => [
      name,
      { address: Number.parseInt(address, 16), size: Number.parseInt(size, 16) },
    ]),
  );
}

/** The stacks over and over as the kernel logs them, at other offsets each time: that many tasks differ somewhere. */
function writeDump(traces: readonly Trace[], symbols: ReturnType<typeof readSymbols>) {
  const frames: { readonly address: number }[] = [];
  const different = new Set<string>();
  let text = '';
  for (let task = 0; task < TASKS; task++) {
    const stamp = `[${(100 + task / 1000).toFixed(6).padStart(12)}] `;
    text += `${stamp}task:z_wr_iss        state:D stack:0     pid:${2000 + task} tgid:${2000 + task} ppid:2      flags:0x00004000\n`;
    text += `${stamp}Call Trace:\n${stamp} <TASK>\n`;
    for (const frame of traces[task % traces.length] ?? []) {
      const symbol = frame.module === 'zfs' ? symbols.get(frame.symbol) : undefined;
      // Twenty places of each function, as a busy machine shows them.
      const offset =
        symbol === undefined
          ? frame.offset
          : 1 + ((frame.offset + (task % 20) * 37) % Math.max(symbol.size - 1, 1));
      const shown = formatFrame({ ...frame, offset, ...(symbol === undefined ? {} : { size: symbol.size }) });
      text += `${stamp} ${shown}\n`;
      if (symbol !== undefined) {
        frames.push({ address: symbol.address + offset - 1 });
        different.add(shown);
      }
    }
    text += `${stamp} </TASK>\n`;
  }
  return { text, frames, different: different.size };
}

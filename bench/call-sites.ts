/**
 * How often a frame without debug info gets its line: the calls of the module, each as a stack of two
 * frames, against what the module's own debug info says of them.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Frame } from '../src/core/stack/frame.ts';
import type { DebugLine, Place } from '../src/core/symbols/location.ts';
import { CReader } from '../src/server/c-reader.ts';
import { Locator } from '../src/server/locator.ts';
import { openFile } from '../src/server/modules/open-debug-file.ts';
import { unpackFile } from '../src/server/modules/unpack.ts';
import { WorkspaceIndex } from '../src/server/workspace-index.ts';
import type { LabInfo } from '../test/lab/lab.ts';
import { ensurePrograms } from '../test/support/debian.ts';
import { repository } from '../test/support/paths.ts';
import type { Progress } from '../test/support/progress.ts';
import { above, type Figure } from './report.ts';

/** Calls that are looked at, evenly over the module. */
const CALLS = 4000;

interface Call {
  readonly outer: string;
  readonly inner: string;
  /** Of the return address, from the start of the outer function's symbol. */
  readonly offset: number;
}

export async function benchCallSites(vm: LabInfo, progress: Progress): Promise<Figure[]> {
  await ensurePrograms({ objdump: 'binutils', nm: 'binutils' }, 'the figures of call sites', progress);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-calls-'));
  try {
    const module = path.join(folder, 'zfs.ko');
    copyFileSync(vm.moduleFile, path.join(folder, 'packed'));
    await unpackFile(path.join(folder, 'packed'), module);
    const calls = callsOf(module);
    const index = new WorkspaceIndex();
    index.setFolders([vm.sourceDir]);
    await index.settled();
    const packages = path.join(repository, 'node_modules');
    const reader = new CReader(
      {
        runtime: path.join(packages, 'web-tree-sitter/web-tree-sitter.wasm'),
        grammar: path.join(packages, 'tree-sitter-c/tree-sitter-c.wasm'),
      },
      progress,
    );
    const locator = new Locator(index, reader);
    const { file, source } = openFile(module);
    const found = { one: 0, right: 0, several: 0, among: 0, none: 0 };
    const step = Math.max(Math.floor(calls.length / CALLS), 1);
    for (const { outer, inner, offset } of calls.filter((_, i) => i % step === 0)) {
      const line = ownLine(file.frame({ symbol: outer, offset, size: null }, true)?.lines ?? []);
      const stack = [frame(inner, 1), frame(outer, offset)].map((one) => ({ frame: one, debug: null }));
      const place = (await locator.locateStack(stack))[1]?.at(-1);
      if (line === undefined || place === undefined || place.path === null) {
        continue; // Made by a macro: its name is in the debug info alone.
      }
      if (place.how === 'call-site') {
        found.one++;
        found.right += isAt(line, place) ? 1 : 0;
      } else if (place.candidates !== undefined) {
        found.several++;
        found.among += place.candidates.some((candidate) => isAt(line, candidate)) ? 1 : 0;
      } else {
        found.none++;
      }
    }
    source.dispose();
    const all = found.one + found.several + found.none;
    const percent = (part: number, whole: number) => `${((part / Math.max(whole, 1)) * 100).toFixed(1)} %`;
    const wrong = found.one - found.right;
    return [
      {
        what: `line of a frame from the source alone, for ${all} calls in zfs`,
        measured: `one call in ${percent(found.one, all)}, of which ${percent(found.right, found.one)} are right; several in ${percent(found.several, all)}, the right one among them in ${percent(found.among, found.several)}; the function alone in ${percent(found.none, all)}`,
        peer: "the module's debug info",
        goal: 'at most 1 % of single calls wrong',
        missedBy: above(wrong / Math.max(found.one, 1), 0.01),
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The line in the frame's own function. Of a function that GCC has split, debug info says that its rest
 * was inlined into its head: the rest has the line.
 */
function ownLine(lines: readonly DebugLine[]): DebugLine | undefined {
  const last = lines.at(-1);
  let at = lines.length - 1;
  while (at > 0 && lines[at - 1]?.function === last?.function) {
    at--;
  }
  return lines[at];
}

function frame(symbol: string, offset: number): Frame {
  return { symbol, offset, size: null, module: 'zfs', reliable: true };
}

function isAt(line: DebugLine, place: Pick<Place, 'path' | 'line'>): boolean {
  return line.line === place.line && place.path !== null && line.path.endsWith(`/${place.path}`);
}

/** The direct calls in .text whose names the relocations tell. */
function callsOf(module: string): Call[] {
  const run = (command: string, ...args: readonly string[]) =>
    execFileSync(command, args, { encoding: 'utf8', maxBuffer: 512 << 20 });
  const functions = new Map<number, string>();
  for (const [, address = '', name = ''] of run('nm', module).matchAll(/^([0-9a-f]+) [tT] (\S+)$/gm)) {
    functions.set(Number.parseInt(address, 16), name);
  }
  const calls: Call[] = [];
  let outer = { name: '', start: 0 };
  let isCall = false;
  for (const line of run('objdump', '-dr', '--no-show-raw-insn', '-j', '.text', module).split('\n')) {
    const [, start, name] = /^([0-9a-f]+) <(.+)>:$/.exec(line) ?? [];
    if (start !== undefined && name !== undefined) {
      outer = { name, start: Number.parseInt(start, 16) };
      continue;
    }
    const [, at, to, addend = '0'] =
      /^\s+([0-9a-f]+): R_X86_64_PLT32\s+(\S+?)([-+]0x[0-9a-f]+)?$/.exec(line) ?? [];
    if (at !== undefined && to !== undefined && isCall) {
      // Calls within the section are relative to its start; the field is four bytes before the next instruction.
      const inner = to === '.text' ? functions.get(Number.parseInt(addend, 16) + 4) : to;
      if (inner !== undefined && !inner.startsWith('__x86_') && inner !== '__fentry__') {
        calls.push({ outer: outer.name, inner, offset: Number.parseInt(at, 16) + 4 - outer.start });
      }
    }
    isCall = /^\s+[0-9a-f]+:\s+call\b/.test(line);
  }
  return calls;
}

/** Addresses to lines: ZScope's reader against addr2line, eu-addr2line and llvm-symbolizer, on zfs.ko. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openFile } from '../src/server/modules/open-debug-file.ts';
import type * as lab from '../test/lab/lab.ts';
import { ensurePrograms } from '../test/support/debian.ts';
import { repository } from '../test/support/paths.ts';
import type { Progress } from '../test/support/progress.ts';
import { compareFile } from '../test/symbols/compare-file.ts';
import { sampleOffsets } from '../test/symbols/comparison.ts';
import { labModule } from '../test/symbols/lab-module.ts';
import { libc } from '../test/symbols/libc.ts';
import { codeSections } from '../test/symbols/tools.ts';
import { above, type Figure, median, spread } from './report.ts';

const ROUNDS = 15;
const BULK_ROUNDS = 3;
const BULK = 200_000;
/** What the slower peers are asked in one process; their rate is what counts. */
const BULK_LLVM = 20_000;
const BULK_ELFUTILS = 2_000;

/** Compared one by one. */
const COMPARED = 120_000;
const COMPARED_ELFUTILS = 3_000;

const FRAME = { symbol: 'zil_commit_impl', offset: 0x200 } as const;

/** A run of a program to its end: how long it took, how much memory it had. */
interface Run {
  readonly ms: number;
  readonly megabytes: number;
}

/** @param input file to read from. The output is thrown away: it is large. */
function run(program: string, args: readonly string[], input: string): Run {
  const stdin = openSync(input, 'r');
  const started = performance.now();
  // GNU time prints the peak of the resident set in KB, as wait4(2) says it.
  const { stderr, status } = spawnSync('time', ['--format=%M', program, ...args], {
    stdio: [stdin, 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  const ms = performance.now() - started;
  closeSync(stdin);
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr.slice(-200)}`);
  return { ms, megabytes: (Number(stderr.trim().split('\n').at(-1)) * 1024) / 1e6 };
}

export async function benchSymbols(vm: lab.LabInfo, progress: Progress): Promise<Figure[]> {
  await ensurePrograms(
    {
      addr2line: 'binutils',
      'eu-addr2line': 'elfutils',
      'llvm-symbolizer': 'llvm',
      time: 'time',
      xz: 'xz-utils',
    },
    'the figures of debug info',
    progress,
  );
  const module = labModule(vm.image);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-symbols-'));
  try {
    const library = await libc(progress);
    return [
      first(module),
      ...bulk(module, folder),
      ...compare('zfs.ko', module, module, progress),
      ...compare('libc.so.6', library.debug, library.code, progress),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What people install. */
const zscope = [process.execPath, path.join(repository, 'dist', 'cli.cjs')];

/** The first frame of a fresh process; a round asks all programs, so that all have the same machine. */
function first(module: string): Figure {
  const { symbol, offset } = FRAME;
  const { file, source } = openFile(module);
  const address = `0x${((file.symbols(symbol)[0]?.offset ?? 0) + offset - 1).toString(16)}`;
  source.dispose();
  const programs = {
    ours: [...zscope, 'addresses', '--module', module, address],
    'eu-addr2line': ['eu-addr2line', '-i', '-f', '-j', '.text', '-e', module, address],
    addr2line: ['addr2line', '-i', '-f', '-j', '.text', '-e', module, address],
    'llvm-symbolizer': ['llvm-symbolizer', `--obj=${module}`, address],
  };
  const times = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, [program = '', ...args]] of Object.entries(programs)) {
      if (name === 'llvm-symbolizer' && round >= BULK_ROUNDS) continue;
      const started = performance.now();
      const output = execFileSync(program, args, { encoding: 'utf8' });
      const ms = performance.now() - started;
      if (!output.includes('zil_commit_writer')) throw new Error(`${name} did not find the frame: ${output}`);
      times.set(name, [...(times.get(name) ?? []), ms]);
    }
  }
  const of = (name: string): number[] => times.get(name) ?? [];
  const peers = Object.keys(programs).filter((name) => name !== 'ours');
  const fastest = Math.min(...peers.map((name) => median(of(name))));
  return {
    what: `first frame, four functions deep, of a fresh process, zscope addresses asked for its address as its peers are; Node itself takes most of it, and compiled code is kept from the run before (min / median / max of ${ROUNDS})`,
    measured: spread(of('ours')),
    peer: peers.map((name) => `${name} ${spread(of(name))}`).join('; '),
    goal: 'at most 0.7 of the fastest',
    missedBy: above(median(of('ours')), 0.7 * fastest),
  };
}

function bulk(module: string, folder: string): Figure[] {
  const [text] = codeSections(module).filter(({ name }) => name === '.text');
  if (!text) throw new Error('zfs.ko has no .text');
  const list = (count: number): string => {
    const file = path.join(folder, `addresses-${count}`);
    const offsets = sampleOffsets(count, text.size, 4711);
    writeFileSync(file, offsets.map((offset) => `0x${offset.toString(16)}\n`).join(''));
    return file;
  };
  const programs = [
    { name: 'ours', count: BULK, command: [...zscope, 'addresses', '--module', module] },
    { name: 'addr2line', count: BULK, command: ['addr2line', '-i', '-f', '-j', '.text', '-e', module] },
    { name: 'llvm-symbolizer', count: BULK_LLVM, command: ['llvm-symbolizer', `--obj=${module}`] },
    {
      name: 'eu-addr2line',
      count: BULK_ELFUTILS,
      command: ['eu-addr2line', '-i', '-f', '-j', '.text', '-e', module],
    },
  ];
  const rates = programs.map(({ name, count, command: [program = '', ...args] }) => {
    const input = list(count);
    const runs = Array.from({ length: BULK_ROUNDS }, () => run(program, args, input));
    return {
      name,
      rate: count / (median(runs.map(({ ms }) => ms)) / 1000),
      megabytes: Math.max(...runs.map(({ megabytes }) => megabytes)),
    };
  });
  const [ours, ...peers] = rates;
  if (!ours) throw new Error('nothing was measured');
  const fastest = Math.max(...peers.map(({ rate }) => rate));
  const perSecond = (rate: number): string => `${Math.round(rate).toLocaleString('en')}/s`;
  return [
    {
      what: `${BULK.toLocaleString('en')} random addresses with inlines, zscope addresses, one process, start-up included (median of ${BULK_ROUNDS})`,
      measured: `${perSecond(ours.rate)}, ${(ours.rate / fastest).toFixed(1)} times`,
      peer: peers.map(({ name, rate }) => `${name} ${perSecond(rate)}`).join('; '),
      goal: 'at least 3 times the fastest',
      missedBy: above(3 * fastest, ours.rate),
    },
    {
      what: 'peak memory of that run',
      measured: `${Math.round(ours.megabytes)} MB`,
      peer: peers.map(({ name, megabytes }) => `${name} ${Math.round(megabytes)} MB`).join('; '),
      goal: 'at most 200 MB',
      missedBy: above(ours.megabytes, 200),
    },
  ];
}

/** Chains one by one against two tools, in all sections with code. */
function compare(name: string, debug: string, code: string, progress: Progress): Figure[] {
  const { file, source } = openFile(debug);
  const tools = [
    ['addr2line', COMPARED],
    ['eu-addr2line', COMPARED_ELFUTILS],
  ] as const;
  try {
    return tools.map(([program, wanted]) => {
      progress(`comparing ${name} with ${program}`);
      const { sections, compared, counts, differing } = compareFile(debug, code, file, program, wanted);
      for (const line of differing.slice(0, 20)) {
        console.log(`differs from ${program}: ${line}`);
      }
      const classes = Object.entries(counts).filter(([kind]) => kind !== 'different');
      return {
        what: `chains of ${compared.toLocaleString('en')} addresses in ${sections} sections of ${name} (classes: docs/symbols.md)`,
        measured: [
          ...classes.map(([kind, count]) => `${kind} ${count}`),
          `unexplained ${differing.length}`,
        ].join(', '),
        peer: program,
        goal: 'unexplained 0',
        missedBy: above(differing.length, 0),
      };
    });
  } finally {
    source.dispose();
  }
}

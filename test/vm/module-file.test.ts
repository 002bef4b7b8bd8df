/** Stacks caught from a hang, with the module read from the target, against gdb and addr2line. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Frame, formatFrame, frameKey } from '../../src/core/stack/frame.ts';
import type { TaskSnapshot } from '../../src/core/tasks.ts';
import { ModuleCache } from '../../src/server/modules/module-cache.ts';
import { type FileRequest, ModuleFiles } from '../../src/server/modules/module-files.ts';
import { unpackFile } from '../../src/server/modules/unpack.ts';
import { WorkspaceModules } from '../../src/server/modules/workspace-modules.ts';
import { KERNEL, type LoadedBuild, moduleIds } from '../../src/target/collectors/module-ids.ts';
import { taskSnapshot } from '../../src/target/collectors/task-snapshot.ts';
import type { Connection } from '../../src/target/connection.ts';
import { downloadModule } from '../../src/target/module-download.ts';
import * as lab from '../lab/lab.ts';
import { ensurePrograms } from '../support/debian.ts';
import { compareFile } from '../symbols/compare-file.ts';
import { connectToLab } from './connect.ts';
import { until } from './target.ts';

/** Modules that the lab's ZFS is built into. */
const MODULES = ['zfs', 'spl'];

/** Of so many symbols of code one is asked for: all take many seconds. */
const SYMBOL_STEP = 15;

/** What hangs beside the lab's own programs, each another way into ZFS. */
const PROGRAMS = [
  'zfs snapshot tank/fs@zvm1',
  'zfs set atime=off tank/fs',
  'zfs set zvm:note=1 tank',
  'zfs create -V 8M tank/zvmvol',
  'zfs inherit compression tank/fs',
  'zfs set quota=1G tank/fs',
  'zpool sync tank',
  'zpool scrub tank',
  'zpool set comment=zvm tank',
  'zpool reopen tank',
  'zpool clear tank',
  'zpool initialize tank',
  'sync -f /tank/fs',
  'echo x >/tank/fs/zvm1 && sync -d /tank/fs/zvm1',
  'dd if=/dev/zero of=/tank/fs/zvm2 bs=4k count=1 oflag=dsync',
  'truncate -s 1M /tank/fs/zvm3 && dd if=/tank/fs/zvm3 of=/tank/fs/zvm4 bs=1M conv=fsync',
  'mkdir /tank/fs/zvmd && sync /tank/fs/zvmd',
];

const CLEAN = `zpool scrub -s tank; zpool initialize -c tank; zpool set comment= tank
zfs destroy -r tank/zvmvol; zfs destroy tank/fs@zvm1; zfs inherit -r zvm:note tank
zfs inherit atime tank/fs; zfs set quota=none tank/fs; rm -rf /tank/fs/zvm*`;

let vm: lab.LabInfo;
let connection: Connection;
let folder: string;
let files: ModuleFiles;
let wasHung = false;
let stacks: readonly (readonly Frame[])[] = [];
let builds: ReadonlyMap<string, LoadedBuild>;
/** Copies of the modules that were read from the target, by name. */
const copies = new Map<string, string>();
const log: string[] = [];

beforeAll(async () => {
  await ensurePrograms(
    { gdb: 'gdb', addr2line: 'binutils', readelf: 'binutils', 'eu-addr2line': 'elfutils' },
    'the VM tests',
    (line) => console.log(line),
  );
  vm = await lab.requireUp();
  connection = await connectToLab(vm);
  folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-module-'));
  files = new ModuleFiles({
    workspace: new WorkspaceModules(),
    cache: new ModuleCache(path.join(folder, 'cache'), async () => 1000),
    unpack: (from, to) => unpackFile(from, to),
    debuginfod: [],
    log: (line) => log.push(line),
  });
  wasHung = await lab.isHung();
  await lab.hang();
  if (!wasHung) {
    await lab.execChecked(
      PROGRAMS.map((line) => `setsid sh -c '${line}' </dev/null >/dev/null 2>&1 &`).join('\n'),
    );
  }
  stacks = await until('the programs hang', 60_000, async () => {
    const found = distinct(await connection.run(taskSnapshot, null));
    return found.length >= 20 ? found : undefined;
  });
  builds = await connection.run(moduleIds, { modules: MODULES });
}, 240_000);

afterAll(async () => {
  connection?.dispose();
  files?.dispose();
  rmSync(folder, { recursive: true, force: true });
  if (!wasHung) {
    await lab.resume();
    await lab.exec(CLEAN, { timeoutMs: 120_000 });
  }
}, 240_000);

/** Stacks with frames of ZFS, each once. */
function distinct({ groups }: TaskSnapshot): (readonly Frame[])[] {
  return groups
    .map(({ trace }) => trace)
    .filter((trace) => trace.some(({ module }) => MODULES.includes(module ?? '')));
}

interface Place {
  readonly section: string;
  readonly address: number;
}

/** Where the call of a frame is in the module's file, by the size that the kernel prints. */
function placeOf(file: string, frame: Frame): Place {
  const [only, ...more] = symbolsOf(file).filter(({ name, size }) => {
    const padding = (frame.size ?? 0) - size;
    return name === frame.symbol && padding >= 0 && padding < 64;
  });
  if (only === undefined || more.length > 0) {
    throw new Error(`${formatFrame(frame)} is no single function of ${file}`);
  }
  return { section: only.section, address: only.address + frame.offset - 1 };
}

interface FileSymbol {
  readonly name: string;
  readonly section: string;
  readonly address: number;
  readonly size: number;
}

const symbols = new Map<string, FileSymbol[]>();
function symbolsOf(file: string): FileSymbol[] {
  let list = symbols.get(file);
  if (list === undefined) {
    const sections = new Map(
      [...run('readelf', ['-SW', file]).matchAll(/^ *\[ *(\d+)\] (\S+)/gm)].map(([, n, name]) => [
        n,
        name ?? '',
      ]),
    );
    list = [
      ...run('readelf', ['-sW', file]).matchAll(/^ *\d+: (\S+) +(\S+) FUNC +\S+ +\S+ +(\d+) (\S+)/gm),
    ].map(([, address = '', size = '', section = '', name = '']) => ({
      name,
      section: sections.get(section) ?? '',
      address: Number.parseInt(address, 16),
      size: Number(size),
    }));
    symbols.set(file, list);
  }
  return list;
}

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 256 << 20,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** `function path:line` of what is at each place, innermost first, as addr2line says it: one run a section. */
function byAddr2line(file: string, places: readonly Place[]): string[][] {
  const told: string[][] = places.map(() => []);
  for (const section of new Set(places.map((place) => place.section))) {
    const here = [...places.entries()].filter(([, place]) => place.section === section);
    const addresses = here.map(([, { address }]) => `0x${address.toString(16)}`);
    const text = run('addr2line', ['-a', '-i', '-f', '-j', section, '-e', file, ...addresses]);
    for (const [n, part] of text
      .split(/^0x[0-9a-f]+\n/m)
      .slice(1)
      .entries()) {
      const lines = part.trim().split('\n');
      told[here[n]?.[0] ?? -1] = lines.flatMap((line, i) =>
        i % 2 === 0 ? [`${line} ${lines[i + 1]?.replace(/ \(discriminator \d+\)$/, '')}`] : [],
      );
    }
  }
  return told;
}

/**
 * `path:line` of the innermost place at each address, as gdb says it. The sections of a module all begin at
 * 0, which gdb takes for one address: so it is told where each of them is loaded.
 */
function byGdb(file: string, places: readonly Place[]): string[] {
  const base = new Map(
    [...new Set(places.map(({ section }) => section))].map((name, i) => [name, (i + 1) * 2 ** 32]),
  );
  const sections = [...base].map(([name, at]) => `-s ${name} 0x${at.toString(16)}`).join(' ');
  const script = [
    `add-symbol-file ${file} ${sections}`,
    ...places.map(
      ({ section, address }) => `info line *0x${((base.get(section) ?? 0) + address).toString(16)}`,
    ),
  ];
  const args = script.flatMap((line) => ['-ex', line]);
  return [
    ...run('gdb', ['-batch', '-nx', '-iex', 'set confirm off', ...args]).matchAll(
      /^(?:Line (\d+) of "([^"]+)"|No line)/gm,
    ),
  ].map(([, line, name]) => `${name}:${line}`);
}

describe('the modules of the target', () => {
  it('have the build-ids that are in their notes, and so has the kernel', async () => {
    for (const [name, file] of [
      ...MODULES.map((module) => [module, `/sys/module/${module}/notes/.note.gnu.build-id`] as const),
      [KERNEL, '/sys/kernel/notes'] as const,
    ]) {
      const told = await lab.execChecked(`od -An -v -tx1 ${file} | tr -d ' \\n'`);
      const id = builds.get(name)?.buildId ?? 'none';
      expect(told).toContain(`1400000003000000474e5500${id}`);
      expect(id).toHaveLength(40);
    }
  });

  it('are read as they are there, once', async () => {
    for (const module of MODULES) {
      const buildId = builds.get(module)?.buildId ?? '';
      let read = 0;
      const outside = {
        progress: () => {},
        fetch: async (request: FileRequest) => {
          const file = await downloadModule(connection, { ...request, zfsHangs: true, folders: [] });
          read += 1;
          if (module === 'zfs') {
            expect(sha(request.part)).toBe(sha(vm.moduleFile));
          }
          return typeof file === 'string'
            ? ({ outcome: 'none', otherBuild: false } as const)
            : ({ outcome: 'fetched', path: file.path } as const);
        },
      };
      const signal = new AbortController().signal;
      for (const turn of [1, 2]) {
        const prepared = await files.prepare({ module, buildId }, outside, signal);
        expect(prepared, `${turn}: ${log.join('\n')}`).toMatchObject({ ready: true, remark: '' });
      }
      expect(read).toBe(1);
      copies.set(module, path.join(folder, 'cache', `${buildId}.debug`));
    }
  });

  it('have functions of the sizes that the running kernel knows', async () => {
    const told = await lab.execChecked(`grep -E '\\[(${MODULES.join('|')})\\]$' /proc/kallsyms`);
    for (const module of MODULES) {
      const debug = await files.find(builds.get(module)?.buildId ?? '');
      const symbols = [...told.matchAll(/^([0-9a-f]{16}) (\w) (\S+)\t\[(\w+)\]$/gm)]
        .filter(([, , , , name]) => name === module)
        .map(([, address = '', kind = '', name = '']) => ({ address: BigInt(`0x${address}`), kind, name }))
        .sort((a, b) => (a.address < b.address ? -1 : 1));
      const addresses = [...new Set(symbols.map(({ address }) => address))];
      const next = new Map(addresses.map((address, i) => [address, addresses[i + 1]]));
      const code = symbols.filter(({ kind }) => /[tw]/i.test(kind));
      // Behind the last one is the end of the pages with code, which kallsyms does not list.
      const last = code.at(-1)?.address;
      const strange: string[] = [];
      let compared = 0;
      const some = code.filter(({ address }, i) => address !== last && i % SYMBOL_STEP === 0);
      for (const { address, name } of some) {
        const size = Number((next.get(address) ?? address) - address);
        const fits = (bytes: number) => debug?.fits({ symbol: name, offset: 0, size: bytes }) === true;
        compared += 1;
        if (!fits(size) || fits(size + 1)) strange.push(`${name} ${size}`);
      }
      // A name with several functions fits the sizes of all of them.
      expect(strange.filter((one) => debug?.symbols(one.split(' ')[0] ?? '').length === 1)).toEqual([]);
      expect(compared).toBeGreaterThan(20);
    }
  });

  it('have the chains of addr2line and eu-addr2line, spl.ko too', async () => {
    const copy = copies.get('spl') ?? '';
    const debug = await files.find(builds.get('spl')?.buildId ?? '');
    if (debug === null) throw new Error('spl.ko is not here');
    for (const [program, sample] of [
      ['addr2line', 3000],
      ['eu-addr2line', 300],
    ] as const) {
      const { counts, differing } = compareFile(copy, copy, debug, program, sample);
      expect(differing).toEqual([]);
      expect(counts.same).toBeGreaterThan(sample * 0.8);
    }
  });

  it('put the stacks of a hang at the lines that addr2line and gdb say', async () => {
    expect(stacks.length).toBeGreaterThanOrEqual(20);
    const frames = new Map(stacks.flat().map((frame) => [frameKey(frame), frame]));
    let compared = 0;
    for (const module of MODULES) {
      const copy = copies.get(module) ?? '';
      const debug = await files.find(builds.get(module)?.buildId ?? '');
      const ours = [...frames.values()].filter((frame) => frame.module === module);
      const places = ours.map((frame) => placeOf(copy, frame));
      const chains = ours.map((frame) => debug?.frame(frame, true)?.lines ?? []);
      expect(
        chains.map((lines) => lines.map((line) => `${line.function} ${line.path}:${line.line}`)),
      ).toEqual(byAddr2line(copy, places));
      expect(chains.map(([line]) => `${line?.path}:${line?.line}`)).toEqual(byGdb(copy, places));
      compared += ours.length;
    }
    // How many differ among the stacks depends on where each was caught.
    expect(compared).toBeGreaterThanOrEqual(40);
  }, 300_000);
});

function sha(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

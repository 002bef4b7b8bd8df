/**
 * `npm run bench`: every figure with its peer beside it, from one run on one machine. With `--write` the
 * table also becomes docs/benchmarks.md. Words after it choose the parts to run: `npm run bench -- trace`.
 * Exits with 1 when a figure is missed.
 */
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { recordedTimes } from '../scripts/test-times.ts';
import { ensureBrowserHost } from '../test/host/install.ts';
import { packageVsix } from '../test/host/package-vsix.ts';
import { exitOnSignals } from '../test/host/processes.ts';
import { changedSources } from '../test/lab/image.ts';
import * as lab from '../test/lab/lab.ts';
import { repository } from '../test/support/paths.ts';
import { elapsedProgress } from '../test/support/progress.ts';
import { benchCallSites } from './call-sites.ts';
import { benchConnection } from './connection.ts';
import { benchDbgmsg } from './dbgmsg.ts';
import { benchDecode } from './decode.ts';
import { benchActivation, benchBundles } from './extension.ts';
import { benchLargeLog } from './large-log.ts';
import { machineLines } from './machine.ts';
import { benchModuleFile } from './module-file.ts';
import { above, type Figure, table } from './report.ts';
import { benchServer } from './server.ts';
import { benchSnapshot } from './snapshot.ts';
import { benchIndex } from './source.ts';
import { benchStackLinks } from './stack-links.ts';
import { benchStackText } from './stack-text.ts';
import { benchSymbols } from './symbols.ts';
import { benchTrace } from './trace.ts';
import { benchTraceCost, benchTraceRate, benchTraceTable } from './tracing.ts';
import { inWorkbench } from './workbench.ts';

const progress = elapsedProgress();

/** What `npm test` noted of its own runs on this machine. */
function testTimes(): Figure[] {
  return [true, false].map((cold) => {
    const last = recordedTimes().find((time) => time.cold === cold);
    const minutes = cold ? 30 : 10;
    return {
      what: `${cold ? 'cold' : 'warm'} npm test, measured by npm test itself`,
      measured:
        last === undefined
          ? 'not run on this machine yet'
          : `${Math.floor(last.seconds / 60)} min ${Math.round(last.seconds % 60)} s (${last.date.slice(0, 10)}${last.passed ? '' : ', with failures'})`,
      peer: '',
      goal: last === undefined ? '' : `at most ${minutes} minutes`,
      missedBy: last === undefined ? null : above(last.seconds, minutes * 60),
    };
  });
}

type Part = readonly [name: string, run: () => Figure[] | Promise<Figure[]>];

/** The VM as the figures need it: a pool named tank, nothing that hangs. */
async function prepare(): Promise<lab.LabInfo> {
  const vm = await lab.ensureUp(progress);
  const [changed] = changedSources(vm.image);
  if (changed !== undefined) {
    throw new Error(
      `${changed} is not what the VM's module was built from, so figures of lines would be wrong. For the source as it was, delete ${vm.image.dir}`,
    );
  }
  if (!(await lab.isHung())) {
    const { code } = await lab.exec('test -d /tank && grep -q " /tank zfs " /proc/mounts');
    if (code === 0) {
      return vm;
    }
    await lab.hang(progress);
  }
  await lab.resume(progress);
  return vm;
}

async function main(): Promise<number> {
  exitOnSignals();
  const { values, positionals } = parseArgs({
    options: { write: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const load = os.loadavg()[0] ?? 0;
  await ensureBrowserHost(progress);
  progress('packing the extension');
  const vsix = await packageVsix();
  const wasRunning = (await lab.info()) !== undefined;
  const vm = await prepare();
  const figures: Figure[] = [];
  const failures: string[] = [];
  const onVm: readonly Part[] = [
    ['snapshot', () => benchSnapshot(vm)],
    ['trace', () => inWorkbench(vm, vsix, (workbench) => benchTrace(vm, workbench))],
    ['trace-rate', () => benchTraceRate(vm)],
    ['trace-cost', () => benchTraceCost(vm)],
    ['dbgmsg', () => inWorkbench(vm, vsix, (workbench) => benchDbgmsg(vm, workbench))],
    ['lines', () => benchModuleFile(vm)],
    ['decode', () => benchDecode(vm, progress)],
  ];
  // An emulated VM takes processor time, also when nothing runs in it: these come when it is down.
  const here: readonly Part[] = [
    ['trace-table', benchTraceTable],
    ['connection', benchConnection],
    ['activation', () => benchActivation(vsix, vm.sourceDir)],
    ['bundles', benchBundles],
    ['index', () => benchIndex(vm, progress)],
    ['server', () => benchServer(vm, progress)],
    ['symbols', () => benchSymbols(vm, progress)],
    ['call-sites', () => benchCallSites(vm, progress)],
    ['stack-text', benchStackText],
    ['links', () => benchStackLinks(vm)],
    ['large-log', () => benchLargeLog(vsix)],
    ['times', testTimes],
  ];
  const names = [...onVm, ...here].map(([name]) => name);
  const unknown = positionals.filter((word) => !names.includes(word));
  const measure = async (parts: readonly Part[]): Promise<void> => {
    for (const [name, run] of parts) {
      if (positionals.length > 0 && !positionals.includes(name)) {
        continue;
      }
      progress(name);
      try {
        figures.push(...(await run()));
      } catch (error) {
        failures.push(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      }
    }
  };
  try {
    if (unknown.length > 0) {
      throw new Error(`no part ${unknown.join(', ')}; there are: ${names.join(', ')}`);
    }
    await measure(onVm);
  } finally {
    if (!wasRunning) {
      await lab.down(progress);
    }
  }
  await measure(here);
  const text = [...machineLines(vm, load), '', table(figures)].join('\n');
  console.log(`\n${text}\n`);
  for (const failure of failures) {
    console.log(`not measured: ${failure}`);
  }
  const missed = figures.filter(({ missedBy }) => missedBy !== null);
  for (const { what, missedBy } of missed) {
    console.log(`missed by ${missedBy}: ${what}`);
  }
  if (values.write && positionals.length === 0 && failures.length === 0) {
    const file = path.join(repository, 'docs', 'benchmarks.md');
    writeFileSync(file, document(text));
    console.log(`written: ${path.relative(repository, file)}`);
  } else if (values.write) {
    console.log('docs/benchmarks.md is only written by a run in which every part was measured');
  }
  return missed.length > 0 || failures.length > 0 ? 1 : 0;
}

function document(text: string): string {
  return `# Benchmarks

Made by \`npm run bench -- --write\`: every figure and its peer are of the same run.

${text}
`;
}

process.exitCode = await main();

/**
 * `npm test`: everything, on a bare machine too: the quick checks, then the tests that need a real
 * sshd, a real VS Code and a real VM. What was skipped is named at the end and fails with CI=true.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { ensureBrowserHost } from '../test/host/install.ts';
import * as lab from '../test/lab/lab.ts';
import { imagesDir } from '../test/lab/paths.ts';
import { ensurePrograms } from '../test/support/debian.ts';
import { elapsedProgress } from '../test/support/progress.ts';
import { quickChecks, unitReport } from './check.ts';
import { type Result, readReport, reports, script, vitest } from './stage.ts';
import { recordTime } from './test-times.ts';

const progress = elapsedProgress();

interface Stage {
  readonly name: string;
  /** @param live whether its output is printed as it comes, else at its end */
  readonly run: (live: boolean) => Promise<Result>;
}

/**
 * The scripts for targets are tried in every shell and awk that a target may have; configurations and
 * known_hosts are compared with what OpenSSH reads in them.
 */
const UNIT_PROGRAMS = {
  gawk: 'gawk',
  mawk: 'mawk',
  busybox: 'busybox',
  git: 'git',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
};

const ensureUnitPrograms = () => ensurePrograms(UNIT_PROGRAMS, 'the unit tests', progress);

const checks: Stage = {
  name: 'quick checks',
  run: async () => {
    await ensureUnitPrograms();
    return readReport(unitReport, await quickChecks());
  },
};
const shells: Stage = {
  name: 'shells: scripts for targets in every shell',
  run: async (live) => {
    await ensureUnitPrograms();
    return vitest('shells', live);
  },
};
const ssh: Stage = { name: 'ssh: real servers on loopback', run: (live) => vitest('ssh', live) };
const symbols: Stage = {
  name: 'symbols: debug info against other tools',
  run: (live) => vitest('symbols', live),
};
const webviews: Stage = { name: 'webviews in a real browser', run: (live) => vitest('webview', live) };
const host: Stage = {
  name: 'vscode: inside the extension host',
  run: (live) => script('test/vscode/run.ts', live),
};
const vm: Stage = {
  name: 'vm: collectors and tracing on a real kernel',
  run: (live) => vitest('vm', live),
};
const walk: Stage = { name: "e2e: a person's walk", run: (live) => vitest('e2e', live) };

const stages: readonly Stage[] = [checks, shells, ssh, symbols, webviews, host, vm, walk];

class Run {
  readonly #results = new Map<Stage, { readonly result: Result; readonly seconds: number }>();
  readonly #faults = new Set<string>();

  constructor(private readonly chosen: readonly Stage[]) {}

  async stage(stage: Stage, live = true): Promise<void> {
    if (!this.chosen.includes(stage)) return;
    progress(stage.name);
    const begun = Date.now();
    const result = await stage.run(live);
    const seconds = Math.round((Date.now() - begun) / 1000);
    this.#results.set(stage, { result, seconds });
    if (!live) progress(`ended: ${stage.name}`);
  }

  /** What keeps the stages after it from running is a failure of the run. */
  async attempt(part: () => Promise<void>): Promise<void> {
    try {
      await part();
    } catch (error) {
      this.#faults.add(error instanceof Error ? error.message : String(error));
    }
  }

  /** Prints what all came to. */
  conclude(): { passed: number; failed: number } {
    const told = stages.flatMap((stage) => {
      const done = this.#results.get(stage);
      return done === undefined ? [] : [{ name: stage.name, ...done }];
    });
    console.log();
    for (const { name, result, seconds } of told) {
      const word = result.failed === 0 ? 'ok    ' : 'FAILED';
      console.log(`${word} ${name}: ${result.passed} passed, ${result.failed} failed (${seconds} s)`);
    }
    for (const fault of this.#faults) console.log(`FAILED ${fault}`);
    const list = (word: string, of: (result: Result) => readonly string[]): number => {
      const names = told.flatMap(({ name, result }) => of(result).map((test) => `${name}: ${test}`));
      for (const name of names) console.log(`${word}: ${name}`);
      return names.length;
    };
    const skipped = list('skipped', (result) => result.skipped);
    list('unsteady, tried twice', (result) => result.unsteady);
    list('failed', (result) => result.failures);
    const skipFails = skipped > 0 && process.env['CI'] === 'true';
    if (skipFails) console.log('With CI=true a skipped test is a failure.');
    const sum = (of: (result: Result) => number) => told.reduce((all, { result }) => all + of(result), 0);
    const passed = sum((result) => result.passed);
    const failed = sum((result) => result.failed) + this.#faults.size + (skipFails ? skipped : 0);
    console.log(`${passed} passed, ${failed} failed`);
    return { passed, failed };
  }
}

async function main(): Promise<number> {
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  const only = process.argv.slice(2);
  const run = new Run(
    stages.filter(({ name }) => only.length === 0 || only.some((word) => name.startsWith(word))),
  );
  const started = Date.now();
  // Cold: the image of the VM, by far the longest step, has to be built first.
  const cold = !existsSync(imagesDir);
  const wasRunning = (await lab.info()) !== undefined;
  await run.attempt(async () => {
    progress('the VS Code for the tests');
    await ensureBrowserHost(progress);
    // Two lanes. The VM is slow, not this machine: what it is asked goes on beside all that needs none.
    // The walk alone has the machine to itself, since a person's patience is measured in it.
    progress('the VM');
    const up = lab.ensureUp(progress);
    await Promise.all([
      run.attempt(async () => {
        await run.stage(checks);
        await run.stage(shells);
        await run.stage(webviews);
        await run.stage(host);
        // They read the module of the VM's image.
        await up;
        await run.stage(symbols);
        await run.stage(ssh);
      }),
      run.attempt(async () => {
        await up;
        await run.stage(vm, false);
      }),
    ]);
    await up;
    await run.stage(walk);
  });
  if (!wasRunning) {
    await lab.down(progress).catch((error: unknown) => progress(String(error)));
  }
  const seconds = Math.round((Date.now() - started) / 1000);
  const { passed, failed } = run.conclude();
  if (only.length === 0) recordTime({ cold, seconds, passed: failed === 0 });
  return failed > 0 || passed === 0 ? 1 : 0;
}

process.exitCode = await main();

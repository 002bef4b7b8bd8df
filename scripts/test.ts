/**
 * `npm test`: everything, on a bare machine too. The quick checks, then the tests that need a real
 * sshd, a real VS Code and a real VM, one stage after the other. What was skipped is named at the
 * end and fails with CI=true.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { ensureBrowserHost } from '../test/host/install.ts';
import * as lab from '../test/lab/lab.ts';
import { imagesDir } from '../test/lab/paths.ts';
import { ensurePrograms } from '../test/support/debian.ts';
import { elapsedProgress } from '../test/support/progress.ts';
import { quickChecks, unitReport } from './check.ts';
import { recordTime } from './test-times.ts';

interface Result {
  readonly passed: number;
  readonly failed: number;
  /** Names of what did not run. */
  readonly skipped: readonly string[];
  /** What passed only when it was tried again, as in `failures`. */
  readonly unsteady: readonly string[];
  /** What failed: the test's name, a colon, and the first line of why. */
  readonly failures: readonly string[];
}

const progress = elapsedProgress();
const results = 'test-artifacts/results';

/** The part of vitest's JSON report that is used (its reporter `json`). */
interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numTotalTests: number;
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    /** Why the file as a whole failed; empty when its tests tell. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      /** Of each try. */
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

function run(command: string, args: readonly string[]): Promise<{ status: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk);
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status: status ?? 1, output }));
  });
}

/** Runs a vitest project; a run without tests, or one that ends badly without a failed test, fails. */
async function vitest(name: string, config: string): Promise<Result> {
  const report = path.join(results, `${name}.json`);
  const { status } = await run('node_modules/.bin/vitest', [
    'run',
    '--config',
    config,
    '--root',
    '.',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  return readReport(report, status === 0);
}

/** What a vitest report came to; a missing report, or one without tests, is a failure. */
function readReport(file: string, endedWell: boolean): Result {
  let told: VitestReport;
  try {
    told = JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
  } catch {
    return { passed: 0, failed: 1, skipped: [], unsteady: [], failures: [`no report in ${file}`] };
  }
  const tests = told.testResults.flatMap(({ assertionResults }) => assertionResults);
  const skipped = tests
    .filter(({ status }) => !['passed', 'failed'].includes(status))
    .map(({ fullName }) => fullName);
  const reasons = (wanted: string) =>
    tests
      .filter(({ status, failureMessages = [] }) => status === wanted && failureMessages.length > 0)
      .map(({ fullName, failureMessages }) => `${fullName}: ${firstLine(failureMessages?.[0])}`);
  const failures = reasons('failed');
  for (const { name, status, message } of told.testResults) {
    if (status === 'failed' && message !== '') failures.push(`${path.basename(name)}: ${firstLine(message)}`);
  }
  const bad = !endedWell || !told.success || told.numPassedTests + told.numFailedTests === 0;
  if (bad && failures.length === 0) failures.push('ended badly though no test failed; its output tells why');
  return {
    passed: told.numPassedTests,
    failed: bad ? Math.max(told.numFailedTests, 1) : told.numFailedTests,
    skipped,
    unsteady: reasons('passed'),
    failures,
  };
}

/** What stands behind `word: ` in the lines of an output. */
function named(word: string, output: string): string[] {
  const mark = `${word}: `;
  return output
    .split('\n')
    .filter((line) => line.startsWith(mark))
    .map((line) => line.slice(mark.length));
}

function firstLine(text = 'no reason told'): string {
  return stripVTControlCharacters(text).split('\n', 1)[0] ?? '';
}

/** Runs a script that closes with a line "N passed, N failed" and names what it skipped. */
async function script(...args: readonly string[]): Promise<Result> {
  const { status, output } = await run(process.execPath, ['--import', 'tsx', ...args]);
  const [, passed = '0', failed = '0'] = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1) ?? [];
  const failures = named('failed', output);
  const bad = status !== 0 || Number(passed) + Number(failed) === 0;
  if (bad && failures.length === 0) failures.push(`ended with status ${status}; its output tells why`);
  return {
    passed: Number(passed),
    failed: bad ? Math.max(Number(failed), 1) : Number(failed),
    skipped: named('skipped', output),
    unsteady: named('unsteady', output),
    failures,
  };
}

const stages: readonly { readonly name: string; readonly run: () => Promise<Result> }[] = [
  {
    name: 'quick checks',
    run: async () => {
      const ok = await quickChecks();
      return readReport(unitReport, ok);
    },
  },
  { name: 'ssh: real servers on loopback', run: () => vitest('ssh', 'test/ssh/vitest.config.ts') },
  {
    name: 'symbols: debug info against other tools',
    run: () => vitest('symbols', 'test/symbols/vitest.config.ts'),
  },
  { name: 'webviews in a real browser', run: () => vitest('webview', 'test/webview/vitest.config.ts') },
  { name: 'vscode: inside the extension host', run: () => script('test/vscode/run.ts') },
  {
    name: 'vm: collectors and tracing on a real kernel',
    run: () => vitest('vm', 'test/vm/vitest.config.ts'),
  },
  { name: "e2e: a person's walk", run: () => vitest('e2e', 'test/e2e/vitest.config.ts') },
];

async function main(): Promise<number> {
  rmSync(results, { recursive: true, force: true });
  mkdirSync(results, { recursive: true });
  const only = process.argv.slice(2);
  const chosen = stages.filter(({ name }) => only.length === 0 || only.some((word) => name.startsWith(word)));
  const started = Date.now();
  // Cold: the image of the VM, by far the longest step, has to be built first.
  const cold = !existsSync(imagesDir);
  const wasRunning = (await lab.info()) !== undefined;
  const lines: string[] = [];
  const skipped: string[] = [];
  const failures: string[] = [];
  const unsteady: string[] = [];
  let passed = 0;
  let failed = 0;
  try {
    // The scripts for targets are tried in every shell and awk that a target may have.
    await ensurePrograms({ gawk: 'gawk', mawk: 'mawk', busybox: 'busybox' }, 'the unit tests', progress);
    progress('the VS Code for the tests');
    await ensureBrowserHost(progress);
    progress('the VM');
    await lab.ensureUp(progress);
    for (const stage of chosen) {
      progress(stage.name);
      const begun = Date.now();
      const result = await stage.run();
      passed += result.passed;
      failed += result.failed;
      skipped.push(...result.skipped.map((name) => `${stage.name}: ${name}`));
      unsteady.push(...result.unsteady.map((name) => `${stage.name}: ${name}`));
      failures.push(...result.failures.map((name) => `${stage.name}: ${name}`));
      const seconds = Math.round((Date.now() - begun) / 1000);
      lines.push(
        `${result.failed === 0 ? 'ok    ' : 'FAILED'} ${stage.name}: ${result.passed} passed, ${result.failed} failed (${seconds} s)`,
      );
    }
  } catch (error) {
    failed++;
    lines.push(`FAILED ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!wasRunning) {
    await lab.down(progress).catch((error: unknown) => progress(String(error)));
  }
  console.log(`\n${lines.join('\n')}`);
  for (const name of skipped) {
    console.log(`skipped: ${name}`);
  }
  for (const name of unsteady) {
    console.log(`unsteady, tried twice: ${name}`);
  }
  for (const name of failures) {
    console.log(`failed: ${name}`);
  }
  if (only.length === 0) {
    recordTime({ cold, seconds: Math.round((Date.now() - started) / 1000), passed: failed === 0 });
  }
  const skipFails = skipped.length > 0 && process.env['CI'] === 'true';
  if (skipFails) {
    console.log('With CI=true a skipped test is a failure.');
    failed += skipped.length;
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

process.exitCode = await main();

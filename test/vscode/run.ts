/**
 * Runs the tests that need a VS Code: bundles test/vscode/**\/*.test.ts and has them run inside the
 * extension host of whichever VS Code is to be had (see host/select.ts).
 *
 * usage: tsx test/vscode/run.ts [--grep TEXT] [--no-build]
 *
 * Fails when a test fails, when there are no test files, when no test ran, when it takes too long
 * (ZSCOPE_TEST_LIMIT seconds, default 300), and with CI=true when a test was skipped. The last line
 * is "N passed, N failed".
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { runTests, TestRunFailedError } from '@vscode/test-electron';
import { build } from 'esbuild';
import { makeTemporaryProfile } from '../host/profile.ts';
import { selectVSCode } from '../host/select.ts';
import { ensurePrograms } from '../support/debian.ts';
import { repository } from '../support/paths.ts';
import type { Outcome } from './outcome.ts';
import { makeWorkspace } from './workspace.ts';

export interface TestRun {
  /** The extension's folder. */
  readonly extension: string;
  /** The folder with `*.test.ts`, at any depth. */
  readonly tests: string;
  /** The folder that the window opens; an empty one without it. */
  readonly workspace?: string;
  /** Only tests whose full title contains this. */
  readonly grep?: string;
}

/** The test files below `folder`, relative to it. */
function testFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.test.ts'),
  );
}

/** Bundles the test files and mocha's caller into a folder from where `require('mocha')` finds the repository's. */
async function bundle(tests: string, files: readonly string[], outdir: string): Promise<string> {
  await build({
    entryPoints: {
      'in-host': path.join(repository, 'test/vscode/in-host.ts'),
      ...Object.fromEntries(files.map((file) => [file.replace(/\.ts$/, ''), path.join(tests, file)])),
    },
    outdir,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outExtension: { '.js': '.cjs' }, // CommonJS whatever the "type" of the repository's package.json
    target: 'node20',
    sourcemap: 'inline',
    // One mocha for all bundles: its suite in progress is module state. ssh2 tries its native parts and does without.
    external: ['vscode', 'mocha', 'cpu-features', '*.node'],
    logLevel: 'warning',
  });
  return path.join(outdir, 'in-host.cjs');
}

/** Runs the tests and returns what they came to; undefined when the window ended before telling. */
export async function runInExtensionHost(run: TestRun): Promise<Outcome | undefined> {
  const files = testFiles(run.tests);
  if (files.length === 0) {
    throw new Error(`There are no test files (*.test.ts) in ${run.tests}.`);
  }
  const bundles = path.join(repository, `.vscode-test/tests-${process.pid}`);
  const removeBundles = () => rmSync(bundles, { recursive: true, force: true });
  process.on('exit', removeBundles);
  const entry = await bundle(run.tests, files, bundles);
  const choice = await selectVSCode();
  console.log(`VS Code for the tests: ${choice.reason}`);
  // Nobody is there to answer a dialog.
  const profile = makeTemporaryProfile({ 'zscope.trace.askFirst': false });
  const empty = path.join(profile.folder, 'empty');
  mkdirSync(empty);
  const artifacts = path.join(repository, 'test-artifacts/vscode');
  rmSync(artifacts, { recursive: true, force: true });
  const resultFile = path.join(profile.folder, 'result.json');
  const limit = Number(process.env['ZSCOPE_TEST_LIMIT'] ?? 300);
  // The stand-in keeps the limit itself; this is for a desktop VS Code. The only handle that
  // test-electron offers is SIGINT: the first asks VS Code to end, the second ends its process tree.
  const interrupt = () => process.emit('SIGINT');
  const timers = [limit + 30, limit + 40].map((seconds) =>
    setTimeout(() => {
      console.error(`The tests did not end within ${seconds} s.`);
      interrupt();
    }, seconds * 1000),
  );
  process.on('SIGTERM', interrupt).on('SIGHUP', interrupt);
  try {
    await runTests({
      vscodeExecutablePath: choice.executable,
      extensionDevelopmentPath: run.extension,
      extensionTestsPath: entry,
      launchArgs: [
        run.workspace ?? empty,
        `--user-data-dir=${profile.userData}`,
        `--extensions-dir=${profile.extensions}`,
      ],
      extensionTestsEnv: {
        ZSCOPE_TEST_RESULT: resultFile,
        ZSCOPE_TEST_ARTIFACTS: artifacts,
        ZSCOPE_TEST_COLOR: process.stdout.isTTY ? '1' : '0',
        ZSCOPE_TEST_FORBID_ONLY: process.env['CI'] === 'true' ? '1' : '0',
        ZSCOPE_TEST_GREP: run.grep,
      },
    });
  } catch (error) {
    if (!(error instanceof TestRunFailedError)) {
      throw error;
    }
    if (existsSync(artifacts)) {
      console.log(`The window's picture and logs are in ${path.relative(process.cwd(), artifacts)}.`);
    }
  } finally {
    timers.forEach(clearTimeout);
    process.off('SIGTERM', interrupt).off('SIGHUP', interrupt);
  }
  const outcome = existsSync(resultFile)
    ? (JSON.parse(readFileSync(resultFile, 'utf8')) as Outcome)
    : undefined;
  profile.remove();
  removeBundles();
  return outcome;
}

/** Prints the closing lines and returns the exit code. */
export function conclude(outcome: Outcome | undefined): number {
  if (!outcome) {
    console.log('The window ended before the tests did.');
    console.log('0 passed, 1 failed');
    return 1;
  }
  for (const title of outcome.skipped) {
    console.log(`skipped: ${title}`);
  }
  for (const test of outcome.unsteady) {
    console.log(`unsteady: ${test}`);
  }
  for (const failure of outcome.failures) {
    console.log(`failed: ${failure}`);
  }
  const none = outcome.passed + outcome.failed === 0;
  if (none) {
    console.log('No test ran.');
  }
  console.log(`${outcome.passed} passed, ${outcome.failed} failed`);
  const skippedInCI = outcome.skipped.length > 0 && process.env['CI'] === 'true';
  return none || outcome.failed > 0 || skippedInCI ? 1 : 0;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { grep: { type: 'string' }, 'no-build': { type: 'boolean', default: false } },
  });
  if (!values['no-build']) {
    execFileSync(process.execPath, ['esbuild.mjs'], { cwd: repository, stdio: 'inherit' });
  }
  await ensurePrograms(
    { sshd: 'openssh-server', 'ssh-keygen': 'openssh-client', setpriv: 'util-linux', ps: 'procps' },
    'the SSH server of the tests',
    (line) => console.log(line),
  );
  const workspace = makeWorkspace();
  const outcome = await runInExtensionHost({
    extension: repository,
    tests: path.join(repository, 'test/vscode'),
    workspace: workspace.folder,
    ...(values.grep === undefined ? {} : { grep: values.grep }),
  });
  workspace.remove();
  return conclude(outcome);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      console.log('0 passed, 1 failed');
      process.exit(1);
    },
  );
}

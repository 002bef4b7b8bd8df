/** Runs a stage of `npm test` as a process of its own, and reads what it came to. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** Where vitest's JSON reports go. */
export const reports = 'test-artifacts/results';

export interface Result {
  readonly passed: number;
  readonly failed: number;
  /** Names of what did not run. */
  readonly skipped: readonly string[];
  /** What passed only when it was tried again, as in `failures`. */
  readonly unsteady: readonly string[];
  /** What failed: the test's name, a colon, and the first line of why. */
  readonly failures: readonly string[];
}

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

/** @param live whether its output is printed as it comes, else at its end, in one piece */
function run(
  command: string,
  args: readonly string[],
  live: boolean,
): Promise<{ status: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (live) process.stdout.write(chunk);
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (status) => {
      if (!live) process.stdout.write(output);
      resolve({ status: status ?? 1, output });
    });
  });
}

/** Runs the vitest project in `test/NAME`; a run without tests, or one that ends badly without a failed test, fails. */
export async function vitest(name: string, live: boolean): Promise<Result> {
  const report = path.join(reports, `${name}.json`);
  const args = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const config = `test/${name}/vitest.config.ts`;
  const { status } = await run(
    'node_modules/.bin/vitest',
    ['run', '--config', config, '--root', '.', ...args],
    live,
  );
  return readReport(report, status === 0);
}

/** What a vitest report came to; a missing report, or one without tests, is a failure. */
export function readReport(file: string, endedWell: boolean): Result {
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
export async function script(file: string, live: boolean): Promise<Result> {
  const { status, output } = await run(process.execPath, ['--import', 'tsx', file], live);
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

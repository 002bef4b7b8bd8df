/**
 * What VS Code loads for a test run, on any host: runs mocha over the bundled test files beside
 * this bundle and writes the outcome to the file that ZSCOPE_TEST_RESULT names.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Mocha from 'mocha';
import type { Outcome } from './outcome.ts';

/** Per test, ms; a test that needs longer says so with `this.timeout`. */
const TEST_LIMIT = 20_000;

/** VS Code's contract: resolves when all passed, rejects otherwise. */
export async function run(): Promise<void> {
  const grep = process.env['ZSCOPE_TEST_GREP'];
  const mocha = new Mocha({
    ui: 'bdd',
    timeout: TEST_LIMIT,
    retries: 1,
    color: process.env['ZSCOPE_TEST_COLOR'] === '1',
    forbidOnly: process.env['ZSCOPE_TEST_FORBID_ONLY'] === '1',
    ...(grep ? { grep } : {}),
  });
  for (const file of readdirSync(__dirname, { recursive: true, encoding: 'utf8' }).sort()) {
    if (file.endsWith('.test.cjs')) {
      mocha.addFile(path.join(__dirname, file));
    }
  }
  const outcome: Outcome = { passed: 0, failed: 0, skipped: [], unsteady: [], failures: [] };
  await new Promise<void>((resolve) => {
    mocha
      .run(() => resolve())
      .on('pass', () => {
        outcome.passed++;
      })
      .on('retry', (test, error) => {
        outcome.unsteady.push(reason(test, error));
      })
      .on('fail', (test, error: unknown) => {
        outcome.failed++;
        outcome.failures.push(reason(test, error));
      })
      .on('pending', (test) => {
        outcome.skipped.push(test.fullTitle());
      });
  });
  const resultFile = process.env['ZSCOPE_TEST_RESULT'];
  if (!resultFile) {
    throw new Error('ZSCOPE_TEST_RESULT is not set: start the tests with test/vscode/run.ts.');
  }
  writeFileSync(resultFile, JSON.stringify(outcome));
  if (outcome.failed > 0) {
    throw new Error(`${outcome.failed} failed`);
  }
}

function reason(test: Mocha.Runnable, error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  return `${test.fullTitle()}: ${why.split('\n', 1)[0] ?? ''}`;
}

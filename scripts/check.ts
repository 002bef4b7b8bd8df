// The quick checks: types, lint, layers, unused code and unit tests, side by side. Runs in seconds.
import { spawn } from 'node:child_process';
import { reports } from './stage.ts';

interface Check {
  readonly name: string;
  readonly command: readonly string[];
}

/** Where vitest's JSON report of the unit tests goes. */
export const unitReport = `${reports}/unit.json`;

const checks: readonly Check[] = [
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'types of core (no node, no vscode)', command: ['tsc', '-p', 'src/core/tsconfig.json'] },
  { name: 'types of the webviews', command: ['tsc', '-p', 'src/webview/tsconfig.json'] },
  { name: 'types of the webview tests', command: ['tsc', '-p', 'test/webview/tsconfig.json'] },
  { name: 'lint and format', command: ['biome', 'ci', '--colors=off', '.'] },
  { name: 'grammars', command: ['vscode-tmgrammar-test', 'test/unit/syntaxes/**/*.{kstack,dbgmsg,bt}'] },
  { name: 'layers', command: ['tsx', 'scripts/check-layers.ts'] },
  { name: 'unused files, exports and packages', command: ['knip', '--no-progress'] },
  {
    name: 'unit tests',
    command: [
      'vitest',
      'run',
      '--config',
      'vitest.config.ts',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${unitReport}`,
    ],
  },
];

interface Outcome {
  readonly check: Check;
  readonly ok: boolean;
  readonly seconds: number;
  readonly output: string;
}

function runCheck(check: Check): Promise<Outcome> {
  const started = performance.now();
  return new Promise((resolve) => {
    const [tool = '', ...args] = check.command;
    const child = spawn(`node_modules/.bin/${tool}`, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const end = (ok: boolean) =>
      resolve({ check, ok, seconds: (performance.now() - started) / 1000, output });
    child.on('error', (error) => {
      output += `${error}\n`;
      end(false);
    });
    child.on('close', (code) => end(code === 0));
  });
}

/** Runs all quick checks; prints one line each, the output of those that failed, and whether all passed. */
export async function quickChecks(): Promise<boolean> {
  // Two at a time: the usual machine of a test run has two cores.
  const queue = [...checks];
  const outcomes: Outcome[] = [];
  const worker = async () => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const outcome = await runCheck(next);
      outcomes.push(outcome);
      console.log(
        `${outcome.ok ? 'ok    ' : 'FAILED'} ${outcome.check.name} (${outcome.seconds.toFixed(1)} s)`,
      );
      if (!outcome.ok) {
        console.log(outcome.output);
      } else if (outcome.check.name === 'unit tests') {
        console.log(outcome.output.trim().split('\n').slice(-6).join('\n'));
      }
    }
  };
  await Promise.all([worker(), worker()]);
  // Said last: what failed early stands above all that came after it.
  const failed = outcomes.filter(({ ok }) => !ok).map(({ check }) => check.name);
  if (failed.length > 0) console.log(`FAILED: ${failed.join(', ')}`);
  return outcomes.length === checks.length && failed.length === 0;
}

if (import.meta.filename === process.argv[1] || process.argv[1]?.endsWith('scripts/check.ts')) {
  process.exitCode = (await quickChecks()) ? 0 : 1;
}

/**
 * Stands in for the desktop `code` program in extension test runs: takes the arguments with which
 * @vscode/test-electron starts VS Code and runs the same tests in the browser host, inside its
 * extension host (a real node process), with Chromium as the window. The exit code is that of the
 * tests: 0 passed, 1 failed; 98 when they took longer than ZSCOPE_TEST_LIMIT seconds (default 300).
 *
 * Of the environment, VSCODE_TEST_* and ZSCOPE_TEST_* reach the tests. On failure a screenshot and
 * the window's logs are kept in $ZSCOPE_TEST_ARTIFACTS, if set.
 *
 * What a test run gets differently from the desktop: no Electron, `env.uiKind` Web,
 * `env.remoteName` set, and an always trusted workspace.
 */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { launchBrowser, newWindow } from './browser.ts';
import { ensureBrowserHost } from './install.ts';
import { exitOnSignals } from './processes.ts';
import { makeTemporaryProfile, type Profile } from './profile.ts';
import { startServer, type WindowTarget } from './server.ts';

const EXIT_USAGE = 64;
const EXIT_WINDOW_GONE = 97;
const EXIT_TOO_LONG = 98;

/** A log file of the window, as the workbench hands it over at the end of a test run. */
interface WindowLog {
  readonly relativePath: string;
  readonly contents: string;
}

/** Lines of the window's own log that say nothing about a test. */
const NOISE =
  /^(?:Resolv(?:ing|ed) connection token|Creating a socket|\[reconnection-grace-time\]|Updating additional builtin|Ignoring fetching additional builtin|\[AgentHost|\[AccountPolicyGate\]|\[Service Worker\]|\[driver\]|getaddrinfo |No search provider registered|Canceled: |Failed: )/;

/** With this line the window begins to end its extension hosts; what it logs after it is about that. */
const LAST_LINE = /^Extension host test runner (?:exit code|error)/;

function parse(argv: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...argv],
    strict: false, // VS Code has many more options; those that matter only to a desktop window are let pass
    allowPositionals: true,
    options: {
      extensionDevelopmentPath: { type: 'string', multiple: true },
      extensionTestsPath: { type: 'string' },
      'user-data-dir': { type: 'string' },
      'extensions-dir': { type: 'string' },
    },
  });
  const text = (value: unknown) => (typeof value === 'string' ? path.resolve(value) : undefined);
  const developed = values.extensionDevelopmentPath ?? [];
  return {
    extensions: (Array.isArray(developed) ? developed : [developed])
      .map(text)
      .filter((file) => file !== undefined),
    tests: text(values.extensionTestsPath),
    userData: text(values['user-data-dir']),
    installed: text(values['extensions-dir']),
    open: text(positionals[0]),
  };
}

function windowTarget(open: string | undefined): WindowTarget {
  if (open === undefined) {
    return 'empty';
  }
  return statSync(open).isDirectory() ? { folder: open } : { workspace: open };
}

/** The part of our environment that is meant for the tests. */
function testEnvironment(): Record<string, string> {
  const chosen: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (/^(?:VSCODE|ZSCOPE)_TEST_/.test(name) && value !== undefined) {
      chosen[name] = value;
    }
  }
  return chosen;
}

interface TestResult {
  readonly code: number;
  readonly logs: readonly WindowLog[];
}

/**
 * Opens `address`, a window that runs tests, and resolves when they are over. The workbench reports
 * through two functions that it expects in its page: one for every line logged, with console.log's
 * arguments, and one for the end.
 */
async function runTestWindow(page: Page, address: string, limitSeconds: number): Promise<TestResult> {
  let muted = false;
  const log = (type: string, args: readonly unknown[]) => {
    muted ||= args.some((arg) => LAST_LINE.test(String(arg)));
    const line = format(...args).replaceAll('[object Object]', '');
    if (!muted && !NOISE.test(line)) {
      const stream = type === 'error' || type === 'warn' ? process.stderr : process.stdout;
      stream.write(`${line}\n`);
    }
  };
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<TestResult>((resolve, reject) => {
      const open = async () => {
        await page.exposeFunction('codeAutomationLog', log);
        await page.exposeFunction('codeAutomationExit', (code: number, logs?: readonly WindowLog[]) =>
          resolve({ code, logs: logs ?? [] }),
        );
        page.once('crash', () => resolve({ code: EXIT_WINDOW_GONE, logs: [] }));
        await page.goto(address);
      };
      timer = setTimeout(() => {
        console.error(`The tests did not end within ${limitSeconds} s (ZSCOPE_TEST_LIMIT).`);
        resolve({ code: EXIT_TOO_LONG, logs: [] });
      }, limitSeconds * 1000);
      open().catch(reject);
    });
  } finally {
    clearTimeout(timer);
  }
}

async function keepArtifacts(page: Page, logs: readonly WindowLog[]): Promise<void> {
  const folder = process.env['ZSCOPE_TEST_ARTIFACTS'];
  if (!folder) {
    return;
  }
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, 'window.png') }).catch(() => {}); // a crashed page has none
  for (const log of logs) {
    const file = path.join(folder, 'logs', log.relativePath);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, log.contents);
  }
}

async function main(): Promise<number> {
  exitOnSignals();
  const options = parse(process.argv.slice(2));
  if (!options.tests || options.extensions.length === 0) {
    console.error(
      'This stands in for VS Code in test runs only: give --extensionDevelopmentPath and --extensionTestsPath.',
    );
    return EXIT_USAGE;
  }
  const host = await ensureBrowserHost((line) => console.error(`[vscode host] ${line}`));
  const temporary = makeTemporaryProfile();
  const profile: Profile = {
    folder: temporary.folder,
    userData: options.userData ?? temporary.userData,
    extensions: options.installed ?? temporary.extensions,
  };
  const server = await startServer(host, profile, { testDriver: true });
  const browser = await launchBrowser(host);
  const { page } = await newWindow(browser);
  const payload = [
    ...options.extensions.map((folder) => ['extensionDevelopmentPath', server.remoteUri(folder)]),
    ['extensionTestsPath', server.remoteUri(options.tests)],
    ['extensionEnvironment', JSON.stringify(testEnvironment())],
  ];
  const address = server.url(windowTarget(options.open), { payload: JSON.stringify(payload) });
  const limit = Number(process.env['ZSCOPE_TEST_LIMIT'] ?? 300);
  try {
    const { code, logs } = await runTestWindow(page, address, limit);
    if (code !== 0) {
      await keepArtifacts(page, logs);
    }
    return code;
  } finally {
    await browser.close();
    await server.stop();
    temporary.remove();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);

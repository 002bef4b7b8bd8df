/**
 * Installs the browser host: the VS Code server and workbench that the npm package code-server
 * carries, and the node it runs on, out of the npm registry alone. Of code-server only `lib/vscode`
 * is used, VS Code itself; its wrapper (login, proxy, updates) is not even unpacked.
 *
 * Run as a program it installs and prints where. A second run finds the folder and does nothing.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { installPackages } from '../support/debian.ts';
import { withLock } from '../support/lock.ts';
import { cacheFolder, findProgram } from '../support/paths.ts';
import type { Progress } from '../support/progress.ts';
import { ensureChromium } from './chromium.ts';
import { exitOnSignals } from './processes.ts';

const run = promisify(execFile);

/** The two packages, at one exact version each, and what their tarballs must hash to. */
const CODE_SERVER = {
  version: '4.139.1',
  integrity:
    'sha512-fUYvJVdz4ZoVJfakGiGWXFMpF8K1ObsrpGvX17ZxNpKOzdNHs7lANT670JTr4ZhA8DnWqyvvmFG/d3HV9Yy6ew==',
};
/** The node major that code-server asks for; node 20 lacks `module.registerHooks`, which the server calls. */
const NODE = {
  version: '24.21.0',
  integrity: {
    x64: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    arm64: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
};
/** Raised when the steps below change, so that folders made by older steps are not taken for whole. */
const RECIPE = 1;

/** Large parts of lib/vscode that no test of ours reaches: the chat agents' runtimes and built-in extensions. */
const UNUSED = [
  'node_modules/@github',
  'node_modules/@microsoft/mxc-sdk',
  'node_modules/@devcontainers',
  'node_modules/@vscode/windows-process-tree',
  'node_modules/node-pty/third_party',
];
/**
 * Built-in extensions left out. Only ones that no window asks for by itself: one with a `browser`
 * entry that is activated at start-up must stay, or every window logs that it is not found.
 */
const UNUSED_EXTENSIONS = [
  'copilot',
  'mermaid-markdown-features',
  'microsoft-authentication',
  'ms-vscode.js-debug',
  'ms-vscode.js-debug-companion',
  'ms-vscode.vscode-js-profile-table',
];

/** An installed browser host. */
export interface BrowserHost {
  /** The node that runs the server. */
  readonly node: string;
  /** VS Code's own folder: has `out/server-main.js`. */
  readonly vscode: string;
  /** A Chromium, of any source. */
  readonly chromium: string;
}

function architecture(): keyof typeof NODE.integrity {
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) {
    throw new Error(
      `The browser host is put together for Linux on x64 and arm64, not ${process.platform} on ${process.arch}; use the desktop VS Code (ZSCOPE_VSCODE_HOST=desktop).`,
    );
  }
  return process.arch;
}

/** Fetches one package's tarball into `folder` and returns its path; refuses one that does not match `integrity`. */
async function fetchPackage(spec: string, integrity: string, folder: string): Promise<string> {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--silent', spec], {
    cwd: folder,
    maxBuffer: 64 << 20,
  });
  const packed = JSON.parse(stdout) as readonly { filename: string; integrity: string }[];
  const first = packed[0];
  if (first?.integrity !== integrity) {
    throw new Error(
      `${spec} is not the package this project was tested with: its checksum is ${first?.integrity}, expected ${integrity}.`,
    );
  }
  return path.join(folder, first.filename);
}

async function unpack(
  tarball: string,
  folder: string,
  members: readonly string[],
  exclude: readonly string[] = [],
) {
  mkdirSync(folder, { recursive: true });
  const excludes = exclude.map((name) => `--exclude=${name}`);
  await run('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1', ...excludes, ...members]);
  rmSync(tarball);
}

/**
 * VS Code's logger is a native module without a prebuilt binary. Without it the workbench works, but
 * each logger prints a stack trace and no log files are written, which tests like to read. So it is
 * compiled where a compiler is there or can be installed, against the headers that came with the
 * fetched node: nothing is downloaded for it.
 */
async function compileLogger(vscode: string, nodeFolder: string, report: Progress): Promise<void> {
  try {
    if (!findProgram('g++') || !findProgram('make') || !findProgram('python3')) {
      await installPackages(
        ['build-essential', 'python3'],
        'compiling the logger of the VS Code server',
        report,
      );
    }
    report('compiling the native logger (about 20 s)');
    await run('npm', ['rebuild', '--silent', '@vscode/spdlog', '@vscode/native-watchdog'], {
      cwd: vscode,
      env: { ...process.env, npm_config_nodedir: nodeFolder, npm_config_ignore_scripts: 'false' },
      maxBuffer: 64 << 20,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    report(`the native logger was not compiled (${reason}); all works without it but the server's log files`);
  }
}

async function build(folder: string, report: Progress): Promise<void> {
  const arch = architecture();
  const nodeFolder = path.join(folder, 'node');
  const vscode = path.join(folder, 'vscode');
  mkdirSync(folder, { recursive: true });
  report(`fetching code-server ${CODE_SERVER.version} and node ${NODE.version} (100 MB)`);
  const [server, node] = await Promise.all([
    fetchPackage(`code-server@${CODE_SERVER.version}`, CODE_SERVER.integrity, folder),
    fetchPackage(`node-linux-${arch}@${NODE.version}`, NODE.integrity[arch], folder),
  ]);
  report('unpacking');
  const unused = UNUSED_EXTENSIONS.map((name) => `package/lib/vscode/extensions/${name}`);
  await unpack(server, path.join(folder, 'code-server'), ['package/lib/vscode'], unused);
  renameSync(path.join(folder, 'code-server/lib/vscode'), vscode);
  rmSync(path.join(folder, 'code-server'), { recursive: true });
  await unpack(node, nodeFolder, ['package/bin', 'package/include']);
  report("fetching VS Code's own dependencies (versions and checksums are in its npm-shrinkwrap.json)");
  await run('npm', ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], {
    cwd: vscode,
    maxBuffer: 64 << 20,
  });
  await compileLogger(vscode, nodeFolder, report);
  for (const unusedPart of UNUSED) {
    rmSync(path.join(vscode, unusedPart), { recursive: true, force: true });
  }
  removeForeign(path.join(vscode, 'node_modules/@vscode/ripgrep-universal/bin'), arch);
  removeForeign(path.join(vscode, 'node_modules/node-pty/prebuilds'), arch);
  report('trying the server');
  const tried = await run(path.join(nodeFolder, 'bin/node'), [
    path.join(vscode, 'out/server-main.js'),
    '--version',
  ]);
  report(`VS Code ${tried.stdout.split('\n')[0]} answers`);
}

/** Of a folder with one subfolder a platform, keeps this one's. */
function removeForeign(folder: string, arch: string): void {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!name.endsWith(`linux-${arch}`)) {
      rmSync(path.join(folder, name), { recursive: true });
    }
  }
}

/**
 * The browser host, installed first if it is not there. Built aside and renamed when whole, so an
 * interrupted installation is never mistaken for one; one process builds, others wait for it.
 * @throws Error with a sentence when this system is no Linux, or npm, tar or a Debian package fails.
 */
export async function ensureBrowserHost(
  report: Progress = (line) => console.log(`[vscode host] ${line}`),
): Promise<BrowserHost> {
  const arch = architecture();
  const home = path.join(cacheFolder(), 'vscode-host');
  const name = `code-server-${CODE_SERVER.version}-node-${NODE.version}-${arch}-r${RECIPE}`;
  const folder = path.join(home, name);
  const chromium = await ensureChromium(report);
  if (!existsSync(folder)) {
    mkdirSync(home, { recursive: true });
    await withLock(path.join(home, 'lock'), 'installing the browser host', report, async () => {
      if (existsSync(folder)) {
        return;
      }
      const started = Date.now();
      const timed: Progress = (line) =>
        report(`${((Date.now() - started) / 1000).toFixed(0).padStart(3)} s  ${line}`);
      for (const left of readdirSync(home).filter((entry) => entry.startsWith('building-'))) {
        rmSync(path.join(home, left), { recursive: true, force: true });
      }
      const aside = path.join(home, `building-${process.pid}`);
      await build(aside, timed);
      renameSync(aside, folder);
      timed(`installed in ${folder}`);
    });
  }
  return { node: path.join(folder, 'node/bin/node'), vscode: path.join(folder, 'vscode'), chromium };
}

async function main(): Promise<void> {
  exitOnSignals();
  console.log(JSON.stringify(await ensureBrowserHost(), undefined, 2));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  });
}

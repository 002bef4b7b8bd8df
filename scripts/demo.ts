/**
 * `npm run demo`: from nothing to a VS Code on the ZFS source of a test VM in which four tasks hang.
 * Uses the desktop VS Code where `code` is on PATH, else the workbench in the browser. Ctrl-C ends
 * the VM and the workbench. What was built is cached; a second run only boots.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBrowserHost } from '../test/host/install.ts';
import { packageVsix } from '../test/host/package-vsix.ts';
import { cleanEnvironment } from '../test/host/processes.ts';
import { makeProfile, type Profile } from '../test/host/profile.ts';
import { installExtension, startServer } from '../test/host/server.ts';
import * as lab from '../test/lab/lab.ts';
import { cacheFolder, findProgram } from '../test/support/paths.ts';
import { elapsedProgress } from '../test/support/progress.ts';

const progress = elapsedProgress();

/** Ends something that was started; the last started is ended first. */
const endings: (() => Promise<void>)[] = [];
let ending: Promise<void> | null = null;

function end(): Promise<void> {
  ending ??= (async () => {
    progress('ending the workbench and the VM');
    for (const stop of endings.reverse()) {
      await stop().catch((error: unknown) => progress(String(error)));
    }
  })();
  return ending;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { browser: { type: 'boolean', default: false } } });
  // The desktop needs a display to open on.
  const display =
    process.platform !== 'linux' || Boolean(process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY']);
  const desktop = values.browser || !display ? undefined : findProgram('code');

  // Registered first: an interrupted boot is ended too.
  endings.push(() => lab.down(progress));
  const vm = await lab.ensureUp(progress);
  if (ending !== null) {
    return;
  }
  const hung = (await lab.isHung()) ? null : await lab.hang(progress);
  progress('packing the extension');
  const vsix = await packageVsix();

  // A profile of its own: neither settings nor extensions of a person's VS Code are touched.
  const profile = makeProfile(
    path.join(cacheFolder(), 'demo', desktop === undefined ? 'browser' : 'desktop'),
    {
      'zscope.ssh.configFiles': [vm.sshConfig],
    },
  );
  if (ending !== null) {
    return;
  }
  const where =
    desktop === undefined
      ? await openBrowserWorkbench(profile, vsix, vm.sourceDir)
      : await openDesktop(desktop, profile, vsix, vm.sourceDir);
  if (hung !== null) {
    progress(`these hang now: ${hung.map(({ comm, pid }) => `${comm} (${pid})`).join(', ')}`);
  }
  console.log(`
ZScope's demo is ready.

  ${where}

  1. Click the ZScope icon in the activity bar, and Connect on ${lab.hostAliases.root}.
  2. Open a row of Hung Tasks and click a frame.
  3. Open txg_sync and right-click its zio_wait frame: Trace This Function.
  4. npm run lab -- resume    in another terminal gives the disk back: the list empties itself,
     and calls stream in. npm run lab -- hang takes the disk away again.

Ctrl-C ends the VM and the workbench.
`);
}

async function openBrowserWorkbench(profile: Profile, vsix: string, folder: string): Promise<string> {
  const host = await ensureBrowserHost(progress);
  await installExtension(host, profile, vsix);
  const server = await startServer(host, profile);
  endings.push(() => server.stop());
  return `Open ${server.url({ folder })}`;
}

async function openDesktop(code: string, profile: Profile, vsix: string, folder: string): Promise<string> {
  const args = [`--user-data-dir=${profile.userData}`, `--extensions-dir=${profile.extensions}`];
  // Chromium refuses to run as root with its sandbox.
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const run = (more: readonly string[]) =>
    spawn(code, [...args, ...root, ...more], { stdio: 'ignore', env: cleanEnvironment() });
  await new Promise<void>((resolve, reject) => {
    run(['--install-extension', vsix, '--force'])
      .on('error', reject)
      .on('exit', (status) =>
        status === 0 ? resolve() : reject(new Error(`"${code} --install-extension" ended with ${status}.`)),
      );
  });
  const window = run(['--new-window', '--wait', folder]);
  window.on('exit', (status) => {
    if (status !== 0) {
      progress(`"${code}" ended with ${status}; "npm run demo -- --browser" uses the browser instead`);
    }
    void finish(status ?? 1);
  });
  endings.push(async () => {
    window.kill();
  });
  return `VS Code opens on ${folder}; closing its window ends the demo too.`;
}

async function finish(status: number): Promise<void> {
  await end();
  process.exit(status);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void finish(0));
}
// Keeps the process alive until a signal or the window's end.
const alive = setInterval(() => {}, 60_000);
try {
  await main();
} catch (error) {
  clearInterval(alive);
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  await finish(1);
}

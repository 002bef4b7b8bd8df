/** Starts and stops the VS Code server of the browser host, and installs extensions into a profile. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BrowserHost } from './install.ts';
import { cleanEnvironment, spawnGroup } from './processes.ts';
import type { Profile } from './profile.ts';

const run = promisify(execFile);

/** How long a server may take until it listens, ms. It takes half a second on an idle machine. */
const START_LIMIT = 60_000;

export interface Server {
  /** On 127.0.0.1, a port that the kernel chose. */
  readonly port: number;
  /** The file that has the server's output. */
  readonly log: string;
  /**
   * The address of a window on `target`, with the token that the server asks for. `parameters` are
   * added to its query.
   */
  url(target: WindowTarget, parameters?: Readonly<Record<string, string>>): string;
  /** `path` on the server's machine as an extension path or test path in a window's payload. */
  remoteUri(path: string): string;
  /** Ends the server and all its children. */
  stop(): Promise<void>;
}

/** What a window shows: a folder, a `.code-workspace` file, or nothing. Paths are absolute. */
export type WindowTarget = { folder: string } | { workspace: string } | 'empty';

export interface ServerOptions {
  /** Lets a window run extension tests: a built VS Code ignores `extensionTestsPath` without it. */
  readonly testDriver?: boolean;
  /** Added to the environment of the server, and so of its extension hosts. */
  readonly env?: NodeJS.ProcessEnv;
  /** The port; without it the kernel chooses. */
  readonly port?: number;
}

function profileArguments(profile: Profile): string[] {
  return [
    '--accept-server-license-terms',
    `--user-data-dir=${profile.userData}`,
    `--server-data-dir=${profile.userData}`,
    `--extensions-dir=${profile.extensions}`,
  ];
}

function serverMain(host: BrowserHost): string {
  return path.join(host.vscode, 'out/server-main.js');
}

/** Installs a .vsix into the profile; no server needs to run and nothing is looked up. */
export async function installExtension(host: BrowserHost, profile: Profile, vsix: string): Promise<void> {
  const args = [serverMain(host), ...profileArguments(profile), '--install-extension', vsix, '--force'];
  const { stdout, stderr } = await run(host.node, args, { env: serverEnvironment({}) });
  // A refused package leaves exit code 0.
  if (!stdout.includes('was successfully installed')) {
    throw new Error(`${vsix} could not be installed: ${stdout}${stderr}`);
  }
}

function serverEnvironment(extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // An empty gallery: else every start asks the public one about each extension.
  return cleanEnvironment({ EXTENSIONS_GALLERY: '{}', ...extra });
}

/** Starts a server and waits until it listens; only 127.0.0.1 and only who knows the token is let in. */
export async function startServer(
  host: BrowserHost,
  profile: Profile,
  options: ServerOptions = {},
): Promise<Server> {
  const log = path.join(profile.folder, 'server.log');
  const token = randomBytes(16).toString('hex');
  const output = openSync(log, 'w');
  const group = spawnGroup(
    host.node,
    [
      '--max-http-header-size=1048576', // a test run's payload travels in the address
      serverMain(host),
      '--host=127.0.0.1',
      `--port=${options.port ?? 0}`,
      `--connection-token=${token}`,
      ...profileArguments(profile),
      '--telemetry-level=off',
      '--disable-telemetry',
      '--disable-experiments',
      '--disable-workspace-trust',
      '--disable-getting-started-override',
      ...(options.testDriver ? ['--enable-smoke-test-driver'] : []),
    ],
    { env: serverEnvironment(options.env ?? {}), output },
  );
  closeSync(output);
  let failure: string | undefined;
  group.child.once('error', (error) => {
    failure = error.message;
  });
  group.child.once('exit', (code, signal) => {
    failure = `it ended with ${signal ?? `exit code ${code}`}`;
  });
  const deadline = Date.now() + START_LIMIT;
  let port = 0;
  for (;;) {
    const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
    port = Number(/Extension host agent listening on (\d+)/.exec(text)?.[1] ?? 0);
    if (port > 0) {
      break;
    }
    if (failure !== undefined || Date.now() > deadline) {
      await group.stop();
      const reason = failure ?? `it did not listen within ${START_LIMIT / 1000} s`;
      throw new Error(`The VS Code server did not start: ${reason}. Its output:\n${text.slice(-2000)}`);
    }
    await sleep(25);
  }
  return {
    port,
    log,
    url(target, parameters = {}) {
      const query = new URLSearchParams({
        tkn: token,
        ...(target === 'empty' ? { ew: 'true' } : target),
        ...parameters,
      });
      return `http://127.0.0.1:${port}/?${query}`;
    },
    remoteUri: (file) => `vscode-remote://127.0.0.1:${port}${file}`,
    stop: () => group.stop(),
  };
}

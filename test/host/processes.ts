/**
 * Children that leave nothing behind. A VS Code server has children of its own (extension hosts,
 * file watcher, terminals, language servers) which survive it, so it is started as the leader of a
 * process group and the whole group is ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import os from 'node:os';

const groups = new Set<number>();
let watching = false;

/** True when the signal reached at least one process of the group. Signal 0 only asks. */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch {
    return false; // ESRCH: all of it has ended.
  }
}

export interface ProcessGroup {
  readonly child: ChildProcess;
  /** Ends every process of the group: SIGTERM, and SIGKILL for what is left after two seconds. */
  stop(): Promise<void>;
}

/**
 * Runs its arguments and, beside them, waits for the end of its input: a pipe whose other end is
 * ours. It ends when we do, even by SIGKILL, when no handler of ours runs; then the group is killed.
 */
const GUARDED =
  'exec 3<&0; "$@" </dev/null 3<&- & main=$!; { cat <&3; kill -s KILL 0; } >/dev/null 2>&1 & wait $main';

/**
 * Starts `command` in a new process group, which ends at the latest when this process does, in
 * whichever way. Its output, both streams, goes to the file descriptor `output`.
 */
export function spawnGroup(
  command: string,
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; output: number },
): ProcessGroup {
  const child = spawn('/bin/sh', ['-c', GUARDED, 'sh', command, ...args], {
    env: options.env,
    stdio: ['pipe', options.output, options.output],
    detached: true,
  });
  const leader = child.pid;
  if (leader !== undefined) {
    groups.add(leader);
  }
  if (!watching) {
    watching = true;
    process.on('exit', () => {
      for (const group of groups) {
        signalGroup(group, 'SIGKILL');
      }
    });
  }
  return {
    child,
    async stop() {
      if (leader === undefined) {
        return;
      }
      const deadline = Date.now() + 2000;
      let alive = signalGroup(leader, 'SIGTERM');
      while (alive && Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 25));
        alive = signalGroup(leader, 0);
      }
      signalGroup(leader, 'SIGKILL');
      groups.delete(leader);
    },
  };
}

/**
 * For a program's entry point: a signal ends the process by `process.exit`, so that exit handlers
 * (the groups above, browsers) run. A library must not decide this, so nothing here calls it.
 */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(128 + os.constants.signals[signal]));
  }
}

/** The environment for a program that must not think it was started from a VS Code terminal or by a test tool. */
export function cleanEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (/^(VSCODE_|ELECTRON_|NODE_OPTIONS$|NODE_V8_COVERAGE$|npm_)/.test(name)) {
      delete env[name];
    }
  }
  return { ...env, ...extra };
}

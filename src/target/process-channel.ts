import { type ChildProcess, spawn } from 'node:child_process';
import { Failure } from '../core/failure.ts';
import type { ShellChannel } from './transport.ts';

/** How long a program that is to end by signal may take to end by the end of its stdin. */
const END_MS = 2000;

/**
 * Starts a program of this machine as a channel. It has no terminal, and leads a session of its own:
 * a signal for the window is none for it.
 * @param ends what ends it when the channel is closed. `signal`: also a SIGTERM to its session, a moment
 *   after the end of its stdin; `at-once`: with it
 * @throws Failure unsupported when it cannot be started
 */
export function startProcess(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  ends: 'stdin' | 'signal' | 'at-once',
): Promise<ShellChannel> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env,
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    child.once('error', (error) =>
      reject(new Failure('unsupported', `${program} cannot be started here: ${error.message}.`)),
    );
    child.once('spawn', () => resolve(channelOf(child, ends)));
  });
}

function channelOf(child: ChildProcess, ends: 'stdin' | 'signal' | 'at-once'): ShellChannel {
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error('pipes were asked for');
  for (const stream of [stdin, stdout, stderr]) stream.on('error', () => {});
  child.on('error', () => {});
  let term: NodeJS.Timeout | null = null;
  child.on('exit', () => {
    if (term !== null) clearTimeout(term);
    term = null;
  });
  return {
    stdin,
    stdout,
    stderr,
    onExit: (listener) => child.on('exit', (status) => listener(status)),
    onClose: (listener) => child.on('close', () => listener()),
    close: () => {
      // The end of its stdin is what ends it; nobody reads what it says after that.
      stdin.destroy();
      stdout.destroy();
      stderr.destroy();
      const hasEnded = child.exitCode !== null || child.signalCode !== null;
      if (ends === 'stdin' || hasEnded || term !== null) return;
      if (ends === 'at-once') {
        terminate(child);
      } else {
        term = setTimeout(() => terminate(child), END_MS);
        term.unref();
      }
    },
  };
}

/** With what it started, such as a ProxyCommand: it leads a group of its own. */
function terminate(child: ChildProcess): void {
  try {
    if (child.pid === undefined || process.platform === 'win32') child.kill('SIGTERM');
    else process.kill(-child.pid, 'SIGTERM');
  } catch {
    // It has ended meanwhile.
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { Failure } from '../core/failure.ts';
import type { ShellChannel } from './transport.ts';

/**
 * Starts a program of this machine as a channel. It has no terminal, and leads a session of its own:
 * a signal for the window is none for it.
 * @throws Failure unsupported when it cannot be started
 */
export function startProcess(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
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
    child.once('spawn', () => resolve(channelOf(child)));
  });
}

function channelOf(child: ChildProcess): ShellChannel {
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error('pipes were asked for');
  for (const stream of [stdin, stdout, stderr]) stream.on('error', () => {});
  child.on('error', () => {});
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
    },
  };
}

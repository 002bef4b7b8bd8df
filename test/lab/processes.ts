/** Running programs. */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** A failure whose message is a whole sentence for the person at the terminal. */
export class LabError extends Error {
  override readonly name = 'LabError';
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code; 128 + signal number when a signal ended it, as a shell reports it. */
  readonly code: number;
}

export interface RunOptions {
  /** Written to the program's standard input; without it the input is empty. */
  readonly input?: string;
  /** The program is killed and the promise rejected after so long. */
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end and collects its output (UTF-8). Rejects if it cannot be started. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let timedOut = false;
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill('SIGKILL');
            // A grandchild may still hold the pipes; their end must not be waited for.
            child.stdout.destroy();
            child.stderr.destroy();
          }, options.timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    // A program that ends without reading its input breaks the pipe; its exit code tells more.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const stderr = Buffer.concat(err).toString();
      if (timedOut) {
        reject(new LabError(`${program} did not finish within ${options.timeoutMs} ms. ${stderr}`));
        return;
      }
      const exit = code ?? 128 + (signal === 'SIGKILL' ? 9 : 15);
      resolve({ stdout: Buffer.concat(out).toString(), stderr, code: exit });
    });
  });
}

/** Like {@link run}, but any exit code other than 0 is an error. */
export async function runChecked(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { stdout, stderr, code } = await run(program, args, options);
  if (code !== 0) {
    const tail = stderr.trim().split('\n').slice(-5).join('\n');
    throw new LabError(`${program} ended with code ${code}: ${tail}`);
  }
  return stdout;
}

/**
 * Runs a long program: all of its output goes to a log file, line by line also to `onLine`.
 * Interrupting this process ends that one as well, with all that it has started: it leads a process
 * group of its own.
 */
export function runLogged(
  program: string,
  args: readonly string[],
  logFile: string,
  onLine: (line: string) => void,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const log = createWriteStream(logFile, { flags: 'a' });
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, ...env },
    });
    const recent: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`);
        recent.push(line);
        if (recent.length > 15) recent.shift();
        onLine(line);
      });
    }
    let interrupted = false;
    const stop = (): void => {
      interrupted = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.once(signal, stop);
    const finish = (error?: Error): void => {
      for (const signal of signals) process.off(signal, stop);
      log.end();
      if (error === undefined) resolve();
      else reject(error);
    };
    child.on('error', finish);
    child.on('close', (code, signal) => {
      if (interrupted) finish(new LabError(`${program} was interrupted; the next attempt starts anew.`));
      else if (code === 0) finish();
      else {
        finish(
          new LabError(
            `${program} ended with ${signal ?? `code ${code}`}; the whole log is ${logFile}. ` +
              `Its last lines:\n${recent.join('\n')}`,
          ),
        );
      }
    });
  });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

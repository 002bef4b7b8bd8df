import { type ChildProcess, spawn } from 'node:child_process';
import { Duplex, PassThrough } from 'node:stream';
import { Failure } from '../core/failure.ts';
import { inert } from '../core/text/inert.ts';
import type { ResolvedHost } from './resolve-host.ts';
import type { Surroundings } from './surroundings.ts';

/** Of what a proxy command says on stderr this much is kept; bytes. */
const STDERR_LIMIT = 4096;
/** How long a proxy command may go on after its streams were closed. */
const GRACE_MS = 1000;

/** A proxy command that runs: its stdin and stdout are the way to the SSH server. */
export interface ProxyProcess {
  readonly stream: Duplex;
  /** The last line on its stderr, safe to show; empty when it said nothing. */
  said(): string;
}

/**
 * Expands the tokens that ssh_config(5), TOKENS, allows in ProxyCommand.
 * @throws Failure unsupported for any other, as ssh does
 */
export function expandProxyCommand(
  command: string,
  host: Pick<ResolvedHost, 'alias' | 'hostname' | 'port' | 'user'>,
): string {
  const values: Readonly<Record<string, string>> = {
    '%': '%',
    h: host.hostname,
    n: host.alias,
    p: String(host.port),
    r: host.user,
  };
  return command.replace(/%(.?)/gs, (token, letter: string) => {
    const value = values[letter];
    if (value === undefined) {
      throw new Failure(
        'unsupported',
        `The ProxyCommand of ${host.alias} has ${token}, which stands for nothing there.`,
        'ssh_config(5) allows %%, %h, %n, %p and %r in ProxyCommand.',
      );
    }
    return value;
  });
}

/**
 * Starts a proxy command as ssh does: by the person's own shell, `exec` before it. The text is from
 * the person's configuration, which may run programs anyway; what comes from elsewhere (the name of the
 * host) has none of the characters that a shell would act on, see isSafeAlias.
 */
export function startProxyCommand(command: string, around: Surroundings): ProxyProcess {
  const child = start(command, around);
  const kept: Buffer[] = [];
  let bytes = 0;
  child.stderr?.on('data', (piece: Buffer) => {
    // Always read, so that the command is never stalled by it; the newest is what matters.
    kept.push(piece);
    bytes += piece.length;
    while (bytes > STDERR_LIMIT && kept.length > 1) bytes -= kept.shift()?.length ?? 0;
  });
  child.stderr?.on('error', () => {});
  if (child.stdout === null || child.stdin === null) throw new Error('pipes were asked for');
  // The wire's own end comes when all is read that the command said about it, and not sooner because
  // it took no more.
  const down = new PassThrough();
  const up = new PassThrough();
  child.stdout.pipe(down, { end: false });
  up.pipe(child.stdin);
  child.stdout.on('error', () => {});
  child.stdin.on('error', () => up.resume());
  const stream = Duplex.from({ readable: down, writable: up });
  let failed = '';
  child.on('error', (error) => {
    failed = error.message;
    stream.destroy();
  });
  // What it said last may still be on its way; what it left running must not keep the wire open.
  child.on('close', () => stream.destroy());
  child.on('exit', () => setTimeout(() => stream.destroy(), GRACE_MS).unref());
  stream.on('error', () => {});
  stream.on('close', () => {
    child.stdin?.destroy();
    child.stdout?.destroy();
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    // The end of its stdin should be enough; a group of its own may hold more than the command.
    const timer = setTimeout(() => endGroup(child), GRACE_MS);
    timer.unref();
    child.once('exit', () => clearTimeout(timer));
    endGroup(child, 'SIGHUP');
  });
  return {
    stream,
    said: () => {
      const text = Buffer.concat(kept).toString('utf8').slice(-STDERR_LIMIT).trim();
      return inert(text === '' ? failed : (text.split('\n').at(-1) ?? ''), 300);
    },
  };
}

function start(command: string, around: Surroundings): ChildProcess {
  const stdio: ['pipe', 'pipe', 'pipe'] = ['pipe', 'pipe', 'pipe'];
  if (around.platform === 'win32') {
    return spawn(command, { shell: true, stdio, env: around.env, windowsHide: true });
  }
  const shell = around.env['SHELL'] ?? '';
  // Leads a group of its own, so that all of it can be ended.
  return spawn(shell === '' ? '/bin/sh' : shell, ['-c', `exec ${command}`], {
    stdio,
    env: around.env,
    cwd: around.home,
    detached: true,
  });
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // It has ended.
  }
}

/** A real sshd on loopback with files of its own, and a configuration for the client to reach it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type KeyType = 'ed25519' | 'ecdsa' | 'rsa';

export interface ServerOptions {
  /** Host keys of the server. */
  readonly hostKeys?: readonly KeyType[];
  /** Lines of sshd_config, before the defaults, so they win. */
  readonly config?: readonly string[];
  /** Lines of the client's Host entry. */
  readonly client?: readonly string[];
  readonly user?: string;
}

export class Server {
  readonly dir = mkdtempSync(join(tmpdir(), 'zscope-ssh-'));
  readonly alias = 'box';
  port = 0;
  #process: ChildProcess | null = null;

  static async start(options: ServerOptions = {}): Promise<Server> {
    const server = new Server();
    chmodSync(server.dir, 0o755);
    for (const type of options.hostKeys ?? ['ed25519']) server.makeHostKey(type);
    server.makeKey('id');
    mkdirSync(server.path('home'));
    execFileSync('cp', [server.path('id.pub'), server.path('authorized_keys')]);
    server.port = await freePort();
    const keys = (options.hostKeys ?? ['ed25519']).map((type) => `HostKey ${server.path(`host_${type}`)}`);
    writeFileSync(
      server.path('sshd_config'),
      [
        ...(options.config ?? []),
        `Port ${server.port}`,
        'ListenAddress 127.0.0.1',
        ...keys,
        `AuthorizedKeysFile ${server.path('authorized_keys')}`,
        'PidFile none',
        'PermitRootLogin yes',
        'StrictModes no',
        'UsePAM no',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'LogLevel VERBOSE',
        // Who runs the tests may have a ~/.bashrc of any kind, and bash reads it under sshd. One that takes a lock
        // (pyenv's, for 60 s) leaves it behind in the tests that kill a shell, and all later ones would wait for it.
        `Match User ${userInfo().username}`,
        `SetEnv HOME=${server.path('home')}`,
        '',
      ].join('\n'),
    );
    server.writeClientConfig(options.user ?? 'root', options.client ?? []);
    await server.run();
    return server;
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  get configFile(): string {
    return this.path('ssh_config');
  }

  get knownHosts(): string {
    return this.path('known_hosts');
  }

  get log(): string {
    return readFileSync(this.path('sshd.log'), 'utf8');
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('the server does not run');
    return pid;
  }

  writeClientConfig(user: string, lines: readonly string[]): void {
    const given = new Set(lines.map((line) => line.trim().split(/[\s=]/)[0]?.toLowerCase()));
    const defaults: ReadonlyArray<readonly [string, string]> = [
      ['HostName', '127.0.0.1'],
      ['Port', String(this.port)],
      ['User', user],
      ['IdentityFile', this.path('id')],
      ['IdentityAgent', 'none'],
      ['UserKnownHostsFile', this.knownHosts],
      ['GlobalKnownHostsFile', this.path('global_known_hosts')],
      ['HashKnownHosts', 'no'],
    ];
    const rest = defaults.filter(([name]) => !given.has(name.toLowerCase()));
    const body = [...lines, ...rest.map(([name, value]) => `${name} ${value}`)];
    writeFileSync(this.configFile, `Host ${this.alias}\n${body.map((line) => `  ${line}\n`).join('')}`);
  }

  makeHostKey(type: KeyType): void {
    rmSync(this.path(`host_${type}`), { force: true });
    this.makeKey(`host_${type}`, '-t', type);
  }

  makeKey(name: string, ...args: readonly string[]): void {
    const type = args.includes('-t') ? [] : ['-t', 'ed25519'];
    const phrase = args.includes('-N') ? [] : ['-N', ''];
    execFileSync('ssh-keygen', ['-q', '-f', this.path(name), '-C', name, ...type, ...phrase, ...args]);
  }

  /** `type base64` of a host key's public half. */
  publicKey(type: KeyType): string {
    return readFileSync(this.path(`host_${type}.pub`), 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ');
  }

  /** Lets the client know the server by these keys. */
  trust(...types: readonly KeyType[]): void {
    const lines = types.map((type) => `[127.0.0.1]:${this.port} ${this.publicKey(type)}\n`);
    writeFileSync(this.knownHosts, lines.join(''), { mode: 0o600 });
  }

  /** Starts sshd, or the program in whose surroundings it is to run. */
  async run(command: readonly string[] = ['/usr/sbin/sshd']): Promise<void> {
    const [program = '', ...before] = command;
    rmSync(this.path('sshd.log'), { force: true });
    const args = [...before, '-D', '-f', this.path('sshd_config'), '-E', this.path('sshd.log')];
    const child = spawn(program, args, { stdio: 'ignore' });
    this.#process = child;
    for (let turn = 0; turn < 1200; turn += 1) {
      if (child.exitCode !== null) throw new Error(`sshd ended at once: ${this.log}`);
      try {
        if (this.log.includes('Server listening')) return;
      } catch {
        // No log yet.
      }
      await sleep(25);
    }
    throw new Error('sshd does not listen');
  }

  /** Ends the listener and every process of its connections. */
  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child?.pid === undefined) return;
    for (const pid of descendants(child.pid)) kill(pid, 'SIGKILL');
    const ended = new Promise((resolve) => child.once('exit', resolve));
    kill(child.pid, 'SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await ended;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.run();
  }

  /** Processes of the connections, the deepest last. */
  get processes(): number[] {
    return descendants(this.pid);
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** All descendants of a process, children before grandchildren. */
export function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const line of execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).split('\n')) {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    if (pid === undefined || parent === undefined) continue;
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found: number[] = [];
  for (let next = children.get(root) ?? []; next.length > 0; ) {
    found.push(...next);
    next = next.flatMap((pid) => children.get(pid) ?? []);
  }
  return found;
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}

/** True while a process that is no zombie has `word` in its arguments or environment-free command line. */
export function isRunning(word: string): boolean {
  const list = execFileSync('ps', ['-A', '-o', 'stat=,args='], { encoding: 'utf8', maxBuffer: 16 << 20 });
  return list.split('\n').some((line) => line.includes(word) && !line.startsWith('Z'));
}

export async function until(what: string, limitMs: number, test: () => boolean): Promise<number> {
  const startedAt = performance.now();
  while (!test()) {
    if (performance.now() - startedAt > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(50);
  }
  return performance.now() - startedAt;
}

/**
 * A port on which nothing listens. It is below those that the kernel gives to outgoing connections
 * (ip_local_port_range, ip(7)): one of these could take it before its server does.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    if (await listens(port)) return port;
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

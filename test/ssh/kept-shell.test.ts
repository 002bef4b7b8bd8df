/** The shell that questions share, one after another. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { shellCommand, silentRoot } from '../../src/target/root-shell.ts';
import { LEASED_SHELL, supervise } from '../../src/target/supervisor.ts';
import { ECHO } from '../../src/target/system-ssh.ts';
import { failureOf } from '../support/failure-of.ts';
import { lines, question, reach } from './client.ts';
import { forever, serverStarter, word } from './fixtures.ts';
import { isRunning, kill, type Server, until } from './server.ts';
import { SUDO_LOG, USER } from './setup.ts';

const start = serverStarter();
const root = { needsRoot: true };

/** Processes of a server's connections that run this program; a shell's helpers count. */
function running(server: Server, program: string): number[] {
  return server.processes.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8') === `${program}\n`;
    } catch {
      return false; // It ended meanwhile.
    }
  });
}

test('questions that need root are root by one sudo, one after another', async () => {
  const server = await start({ user: USER.sudo });
  const connection = await reach(server);
  const seen = new Set<number>();
  for (let turn = 0; turn < 5; turn += 1) {
    expect(await connection.run(question('id -un', root), null)).toBe('root\n');
    for (const pid of running(server, 'sudo')) seen.add(pid);
  }
  expect(seen.size).toBe(1);
  // What one says on stderr or by its status is its own.
  const failed = await failureOf(connection.run(question('echo loud >&2; exit 3', root), null));
  expect(failed.message).toContain('status 3 (loud)');
  const quiet = await failureOf(connection.run(question('exit 4', root), null));
  expect(quiet.message).toContain('status 4');
  expect(quiet.message).not.toContain('loud');
  expect(running(server, 'sudo')).toEqual([...seen]);
  connection.dispose();
  await until('its end', 20_000, () => server.processes.length === 0);
});

test('one leaves nothing to the next, and those at the same time have shells of their own', async () => {
  const connection = await reach(await start());
  await connection.run(question('cd /tmp; umask 0; PATH=/nowhere; export PATH LEFT=over; trap : TERM'), null);
  const after = await connection.run(question('pwd; umask; echo "$LEFT"; echo "$PATH"'), null);
  const again = await connection.run(question('pwd; umask; echo "$LEFT"; echo "$PATH"'), null);
  expect(after).toMatch(/^\/\n0077\n\n[^\n]*:\/usr\/sbin:\/sbin\n$/);
  expect(again).toBe(after);
  const both = await Promise.all([1, 2].map(() => connection.run(question('echo $PPID; sleep 1'), null)));
  expect(new Set(both).size).toBe(2);
  connection.dispose();
});

test('one that is stopped takes its shell with it, and sudo too', async () => {
  const server = await start({ user: USER.sudo });
  const connection = await reach(server);
  await connection.run(question('id', root), null);
  const [before] = running(server, 'sudo');
  const name = word();
  const late = failureOf(connection.run(question(forever(name), { ...root, timeoutMs: 1500 }), null));
  expect((await late).code).toBe('timeout');
  await until('its processes are gone', 20_000, () => !isRunning(name));
  await until('its shell is gone', 20_000, () => running(server, 'sudo').length === 0);
  await connection.run(question('id', root), null);
  expect(running(server, 'sudo')).not.toContain(before);
  connection.dispose();
});

test('one that was killed while it waited is replaced without a word', async () => {
  const server = await start();
  const connection = await reach(server);
  await connection.run(question(':'), null);
  for (const pid of running(server, 'sh')) kill(pid, 'SIGKILL');
  expect(await connection.run(question('echo there'), null)).toBe('there\n');
  connection.dispose();
});

test('it ends by itself when nobody asks, half a script came, or none at all: nothing of ours is left on the target', async () => {
  const [server, other, silent] = [await start(), await start(), await start()];
  const connection = await reach(server);
  await connection.run(question(':'), null);

  const open = (to: Server, user: string, command: string) =>
    spawn('ssh', ['-F', to.configFile, '-l', user, to.alias, command], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  const ssh = open(other, 'root', shellCommand(null, ''));
  // A link that falls silent as soon as the command has come looks so to the target.
  const accounts = ['root', USER.dash, USER.fish, USER.tcsh, USER.zsh, USER.sudo];
  const unused = accounts.map((user) => open(silent, user, shellCommand(null, '')));
  unused.push(open(silent, USER.sudo, shellCommand(silentRoot('sudo'), '')));
  // And to what the system's ssh asks for a sign of life.
  const echo = open(silent, USER.fish, ECHO);
  try {
    // Each shell, and what ends it.
    await until('shells without a script', 60_000, () => running(silent, 'sh').length >= 2 * unused.length);
    expect(running(silent, 'sudo').length).toBeGreaterThan(0);
    echo.stdin.write('there \\ "$z"\n');
    await until('the echo', 60_000, () => String(echo.stdout.read() ?? '').includes('there \\ "$z"\n'));
    expect(running(silent, 'bash').length).toBeGreaterThan(0);
    let output = '';
    ssh.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
    const job = { nonce: '0f'.repeat(16), preamble: '', script: ':', cleanup: '', kind: 'question' } as const;
    ssh.stdin.write(supervise({ ...job, shell: 'new' }));
    await until('the end', 20_000, () => output.includes(' end finished 0 none\n'));
    ssh.stdin.write(supervise({ ...job, shell: 'kept' }).slice(0, 100));
    await until('no process but that of the session', 60_000, () => server.processes.length <= 1);
    expect(connection.state).toBe('connected');
    connection.dispose();
    await until('no shell that waits', 60_000, () => running(other, 'sh').length === 0);
    await until('no shell without a script', 60_000, () =>
      ['sh', 'sudo', 'sleep', 'bash', 'cat'].every((program) => running(silent, program).length === 0),
    );
  } finally {
    for (const child of [ssh, echo, ...unused]) child.kill('SIGKILL');
  }
}, 180_000);

test('what a person wrote has a shell of its own: what it leaves running writes into no answer', async () => {
  const server = await start({ user: USER.sudo });
  const connection = await reach(server);
  const stray = 'n=0; while [ $n -lt 300 ]; do n=$((n+1)); echo stray; sleep 0.1; done';
  const script = `setsid sh -c '${stray}' & sleep 1; echo own`;
  const written = { ...lines(script, '', true), grade: 'change' } as const;
  const got: string[] = [];
  for (const kind of [written, { ...question(script, root), grade: 'change' } as const]) {
    await connection.run(question(':', root), null);
    if ('decode' in kind) {
      got.push(...(await connection.run(kind, null)).split('\n'));
    } else {
      const stream = await connection.stream(kind, null, { events: (batch) => got.push(...batch) });
      expect(await stream.ended).toMatchObject({ cleanUp: 'confirmed' });
    }
    expect(await connection.run(question('sleep 1; echo clean', root), null)).toBe('clean\n');
  }
  expect(got.filter((line) => line === 'own')).toHaveLength(2);
  connection.dispose();
});

test('what echoes lines has nothing of the account run', async () => {
  const home = mkdtempSync(path.join(os.tmpdir(), 'zscope-home-'));
  writeFileSync(path.join(home, '.bashrc'), 'echo noisy; exec cat\n');
  // As sshd starts it for whose login shell is another one.
  const env = { PATH: process.env['PATH'], HOME: home, SSH_CLIENT: '127.0.0.1 50000 22' };
  const child = spawn('sh', ['-c', ECHO], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
    child.stdin.end('there\n');
    await new Promise((resolve) => child.on('close', resolve));
    expect(output).toBe('there\n');
  } finally {
    child.kill('SIGKILL');
    rmSync(home, { recursive: true });
  }
});

test.each(['sh', 'bash', 'busybox sh'])(
  'in %s twenty questions and streams, each with beats',
  async (shell) => {
    const [command = 'sh', ...args] = shell.split(' ');
    const leased = LEASED_SHELL.replace('/bin/sh', shell);
    const child = spawn(command, [...args, '-c', leased], { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    let said = '';
    const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-kept-'));
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
    child.stderr.on('data', (bytes: Buffer) => {
      said += bytes.toString();
    });
    try {
      for (let turn = 0; turn < 20; turn += 1) {
        const nonce = turn.toString(16).padStart(32, 'f');
        // Among the questions streams that end by themselves, and such that are stopped.
        const isStream = turn % 4 === 3;
        const isStopped = turn % 8 === 7;
        const job = {
          nonce,
          preamble: '',
          script: `echo turn ${turn}${isStopped ? '; sleep 600' : ''}`,
          cleanup: !isStream ? '' : `: >'${folder}/${turn}'`,
          kind: isStream ? 'stream' : 'question',
        } as const;
        child.stdin.write(supervise({ ...job, shell: turn === 0 ? 'new' : 'kept' }));
        await until('the ready mark', 20_000, () => output.includes(`${nonce} ready\n`));
        for (let beat = 0; beat < turn % 5; beat += 1) child.stdin.write('\n');
        if (isStopped) {
          await until('output', 20_000, () => output.includes(`turn ${turn}\n`));
          child.stdin.write('end\n');
        }
        const end = `${nonce} end ${isStopped ? 'stopped' : 'finished'} `;
        await until('the end', 20_000, () => output.includes(end));
        expect(existsSync(path.join(folder, String(turn)))).toBe(isStream);
      }
      expect(output.match(/ end \w+ \d+ \w+$/gm)?.filter((end) => !end.endsWith(' none'))).toEqual([]);
      expect(output.match(/^turn \d+$/gm)).toEqual(Array.from({ length: 20 }, (_, turn) => `turn ${turn}`));
    } finally {
      child.stdin.end();
      rmSync(folder, { recursive: true });
    }
    await new Promise((resolve) => child.on('close', resolve));
    expect(said).toBe('');
  },
);

test('streams too run in a shell that is root already: sudo is entered for what runs at a time, not for each', async () => {
  const server = await start({ user: USER.sudo });
  const connection = await reach(server);
  const before = sudoLines();
  const runStream = async (script: string, cleanup: string): Promise<string[]> => {
    const got: string[] = [];
    const stream = await connection.stream(lines(script, cleanup, true), null, {
      events: (batch) => got.push(...batch),
    });
    if (script.includes('sleep')) {
      await until('output', 20_000, () => got.length > 0);
      stream.dispose();
    }
    expect(await stream.ended).toMatchObject({ cleanUp: 'confirmed', stderr: '' });
    return got;
  };
  const name = word();
  for (let turn = 0; turn < 3; turn += 1) {
    expect(await runStream('id -un; sleep 600', `echo ${turn} >>/run/${name}`)).toEqual(['root']);
    expect(await runStream('id -un', '')).toEqual(['root']);
    expect(await connection.run(question('id -un', root), null)).toBe('root\n');
  }
  expect(await connection.run(question(`cat /run/${name}; rm /run/${name}`, root), null)).toBe('0\n1\n2\n');
  // One, or a few where the machine is so slow that a shell ends while it waits; not nine.
  expect(sudoLines() - before).toBeLessThanOrEqual(3);

  // Two at a time are two, and stay so.
  for (let turn = 0; turn < 3; turn += 1) {
    const stream = await connection.stream(lines(forever(word()), '', true), null, { events: () => {} });
    expect(await connection.run(question('id -un', root), null)).toBe('root\n');
    stream.dispose();
    await stream.ended;
  }
  expect(sudoLines() - before).toBeLessThanOrEqual(5);
  connection.dispose();
}, 120_000);

/** How often sudo let the account be root, by its own log. */
function sudoLines(): number {
  return readFileSync(SUDO_LOG, 'utf8').match(/COMMAND=/g)?.length ?? 0;
}

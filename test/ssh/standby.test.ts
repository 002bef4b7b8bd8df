import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { StreamCollector } from '../../src/target/collector.ts';
import type { Connection } from '../../src/target/connection.ts';
import { handOver, supervise } from '../../src/target/supervisor.ts';
import { Person, question, reach } from './client.ts';
import { word as newWord } from './fixtures.ts';
import { descendants, isRunning, Server, until } from './server.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-standby-'));

interface Params {
  readonly word: string;
  readonly script: string;
}

/** A stream whose clean-up is known by its word alone, and whose shells can be found by it. */
function byWord(word: string): StreamCollector<Params, string, { word: string }> {
  return {
    name: 'test-standby',
    title: 'A test stream',
    grade: 'trace',
    needsRoot: false,
    preamble: `say() { echo "$1 $#"; }; : ${word}\n`,
    ahead: ({ word }) => `made=$$; echo ahead >>'${folder}/${word}'; sleep 600 &`,
    script: ({ script }) => script,
    cleanup: ({ word }) => `echo cleaned >>'${folder}/${word}'`,
    decoder: () => ({ line: (text) => [text], end: () => [] }),
  };
}

/** The name of the program that a process runs; empty when it has ended. */
function programOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

let server: Server;
let connection: Connection;
let collector: ReturnType<typeof byWord>;
let word: string;
let log: string[];
/** Whether the person has allowed such streams. */
let allowed: boolean;

beforeAll(async () => {
  server = await Server.start();
  server.trust('ed25519');
});
afterAll(async () => {
  await server.dispose();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  word = newWord();
  collector = byWord(word);
  log = [];
  allowed = true;
  connection = await reach(server, new Person(), { log: (line) => log.push(line), allows: () => allowed });
});
afterEach(() => connection.dispose());

const standsBy = () =>
  until('it stands by', 20_000, () => log.some((line) => /test-standby: .*stands by/.test(line)));
const cleaned = () => {
  const file = path.join(folder, word);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

async function run(script: string) {
  const got: string[] = [];
  const stream = await connection.stream(
    collector,
    { word, script },
    { events: (batch) => got.push(...batch) },
  );
  return { got, stream };
}

describe('a shell that stands by', () => {
  test('runs the script that comes, whole and with the preamble, and cleans up after it', async () => {
    connection.standBy(collector, { word });
    await standsBy();
    const script = `say "  two  words" 'it'"'"'s \\ $HOME'\n\necho begin\n# \u00e9\nprintf '%s' last; cat; exit 4`;
    const { got, stream } = await run(script);
    const end = await stream.ended;
    expect(got).toEqual(['  two  words 2', 'begin', 'last']);
    expect(end).toMatchObject({ reason: 'finished', status: 4, cleanUp: 'confirmed' });
    expect(cleaned()).toBe('cleaned\n');
  });

  test('is the one that runs it: no other channel is opened', async () => {
    connection.standBy(collector, { word });
    await standsBy();
    const before = server.processes;
    const { got, stream } = await run('echo $PPID');
    await stream.ended;
    expect(before).toContain(Number(got[0]));
  });

  test('keeps its beats apart from the script: a stream that lives for long does not end', async () => {
    connection.standBy(collector, { word });
    await standsBy();
    await sleep(11_000);
    const { got, stream } = await run('sleep 12; echo there; sleep 600');
    await until('output', 30_000, () => got.length > 0);
    expect(got).toEqual(['there']);
    stream.dispose();
    expect(await stream.ended).toMatchObject({ reason: 'stopped', status: null });
    expect(cleaned()).toBe('cleaned\n');
  }, 60_000);

  test('ends with the connection, and has nothing to clean up when it was given nothing', async () => {
    connection.standBy(collector, { word });
    await standsBy();
    expect(isRunning(word)).toBe(true);
    connection.dispose();
    await until('its end', 20_000, () => !isRunning(word));
    expect(cleaned()).toBe('');
  });

  test('ends when it is not wanted any more, which a stream that took it does not', async () => {
    const unused = connection.standBy(collector, { word });
    await standsBy();
    unused.dispose();
    await until('its end', 20_000, () => !isRunning(word));
    log = [];
    const used = connection.standBy(collector, { word });
    await standsBy();
    const { got, stream } = await run('echo begun; sleep 600');
    await until('output', 20_000, () => got.length > 0);
    used.dispose();
    // What is asked after it is answered after it.
    await connection.run(question('echo'), null);
    expect(isRunning(word)).toBe(true);
    stream.dispose();
    expect(await stream.ended).toMatchObject({ reason: 'stopped', cleanUp: 'confirmed' });
  });

  test('does not run for another stream than the one it was made for', async () => {
    connection.standBy(collector, { word });
    await standsBy();
    const other = `${word}other`;
    const got: string[] = [];
    const stream = await connection.stream(
      collector,
      { word: other, script: 'echo other' },
      { events: (batch) => got.push(...batch) },
    );
    await stream.ended;
    expect(got).toEqual(['other']);
    expect(existsSync(path.join(folder, other))).toBe(true);
    expect(cleaned()).toBe('');
  });

  test('does ahead what it can, in the shell that the script goes on in, and undoes it once', async () => {
    const standing = connection.standBy(collector, { word });
    standing.goAhead();
    standing.goAhead();
    await until('it is ahead', 20_000, () => cleaned() === 'ahead\n');
    const { got, stream } = await run('[ "$made" = $$ ] && say there');
    expect(await stream.ended).toMatchObject({ reason: 'finished', status: 0, cleanUp: 'confirmed' });
    expect(got).toEqual(['there 1']);
    expect(cleaned()).toBe('ahead\ncleaned\n');
  });

  test('undoes what it did ahead also when no script comes, and does nothing that was not allowed', async () => {
    const standing = connection.standBy(collector, { word });
    await standsBy();
    allowed = false;
    standing.goAhead();
    await connection.run(question('echo'), null);
    allowed = true;
    expect(cleaned()).toBe('');
    standing.goAhead();
    await until('it is ahead', 20_000, () => cleaned() === 'ahead\n');
    connection.dispose();
    await until('its end', 20_000, () => !isRunning(word) && cleaned() === 'ahead\ncleaned\n');
  });

  test('is told of in the Log where it was not needed and could not undo what it did ahead', async () => {
    const leaving = { ...collector, cleanup: () => `echo 'probe x stays'` };
    const standing = connection.standBy(leaving, { word });
    standing.goAhead();
    await until('it is ahead', 20_000, () => cleaned() === 'ahead\n');
    standing.dispose();
    await until('the Log', 20_000, () => log.some((line) => line.includes('probe x stays')));
    expect(log.find((line) => line.includes('was not needed'))).toContain('could not remove everything');
  });

  test('makes room where the server has little, and takes none where it has least', async () => {
    connection.standBy(collector, { word });
    await standsBy();
    const streams = await Promise.all(
      [0, 1, 2, 3, 4].map((i) =>
        connection.stream(collector, { word: `${word}n${i}`, script: 'sleep 600' }, { events: () => {} }),
      ),
    );
    connection.standBy(collector, { word });
    expect(await connection.run(question('echo still'), null)).toBe('still\n');
    for (const stream of streams) stream.dispose();
    await Promise.all(streams.map((stream) => stream.ended));
  });

  test('starts no process while it waits', async () => {
    const child = spawn('sh', [], { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
    const nonce = 'e'.repeat(32);
    child.stdin.write(supervise({ nonce, preamble: '', script: null, cleanup: '', kind: 'stream' }));
    const programs = () => descendants(child.pid ?? 0).map((pid) => `${pid} ${programOf(pid)}`);
    await until('its ticker', 20_000, () => programs().some((one) => one.endsWith(' bash')));
    const seen = new Set<string>();
    // Longer than between two beats: a `sleep` between them would always be seen.
    for (let turn = 0; turn < 12; turn += 1) {
      await sleep(500);
      for (const one of programs()) seen.add(one);
    }
    expect([...seen].filter((one) => one.endsWith(' sleep'))).toEqual([]);
    child.stdin.end();
    await until('the end', 20_000, () => / end finished (0|255) none/.test(output));
  });

  test('hears its end, also when it was given the script while it did what a beat has it do', async () => {
    const bin = path.join(folder, newWord());
    mkdirSync(bin);
    const called = path.join(bin, 'called');
    // What a note asks takes long on a slow machine.
    writeFileSync(path.join(bin, 'stat'), `#!/bin/sh\necho >'${called}'\nsleep 2\n`, { mode: 0o755 });
    const nonce = 'd'.repeat(32);
    const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}` };
    const child = spawn('sh', [], { stdio: ['pipe', 'pipe', 'inherit'], env });
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
    child.stdin.write(supervise({ nonce, preamble: '', script: null, cleanup: ':', kind: 'stream' }));
    await until('the ready mark', 20_000, () => output.includes('ready'));
    child.stdin.write('\n');
    for (let turn = 0; turn < 10 && !existsSync(called); turn += 1) await sleep(100);
    child.stdin.write(handOver(nonce, 'echo begun; sleep 60\n'));
    await until('the script', 20_000, () => output.includes('begun'));
    child.stdin.end();
    await until('the end', 30_000, () => / end /.test(output));
    expect(output).toMatch(/ end stopped /);
  });

  test.each(['sh', 'bash', 'busybox sh'])('in %s a script that broke off does not run', async (shell) => {
    const nonce = 'f'.repeat(32);
    const [command = 'sh', ...args] = shell.split(' ');
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
    const text = supervise({ nonce, preamble: '', script: null, cleanup: 'echo cleaned', kind: 'stream' });
    child.stdin.write(text);
    await until('the ready mark', 20_000, () => output.includes('ready'));
    child.stdin.end('\nbegin\necho ran\necho ran again');
    await new Promise((resolve) => child.on('close', resolve));
    expect(output).not.toContain('ran');
    // 255 in bash, which may have missed its end.
    expect(output).toMatch(/ end finished (0|255) none/);
  });
});

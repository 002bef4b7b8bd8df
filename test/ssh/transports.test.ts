/** The same connection by other ways than our SSH library: the system's ssh, and no SSH at all. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Connection } from '../../src/target/connection.ts';
import { connect } from '../../src/target/index.ts';
import { LocalTransport } from '../../src/target/local-transport.ts';
import { TargetConnection } from '../../src/target/target-connection.ts';
import type { Transport } from '../../src/target/transport.ts';
import { failureOf } from '../support/failure-of.ts';
import { lines, Person, question, reach } from './client.ts';
import { allProcesses, forever, placesOf, serverStarter, word } from './fixtures.ts';
import { isRunning, kill, type Server, until } from './server.ts';

// Others on this machine make folders of the same name: here are none but ours.
const temporary = mkdtempSync(path.join(tmpdir(), 'zscope-'));
const ourFolders = () => readdirSync(temporary).filter((file) => file.startsWith('zscope-ctl-'));
const before = process.env['TMPDIR'];
beforeAll(() => {
  process.env['TMPDIR'] = temporary;
});
afterAll(() => {
  if (before === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = before;
  rmSync(temporary, { recursive: true, force: true });
});

const start = serverStarter();

/** Questions, a stream that is stopped, and one that ends with the connection. */
async function proves(connection: Connection): Promise<void> {
  expect(await connection.run(question('cat; echo answer'), null)).toBe('answer\n');
  expect((await failureOf(connection.run(question('echo why >&2; exit 3'), null))).message).toContain(
    '(why)',
  );
  const bytes = await connection.run(question("head -c 3000000 /dev/zero | tr '\\0' x"), null);
  expect(bytes).toHaveLength(3_000_000);
  const name = word();
  const stopped = await connection.stream(lines(forever(name), 'echo cleaned >&2'), null, {
    events: () => {},
  });
  await until('it runs', 20_000, () => isRunning(name));
  stopped.dispose();
  expect(await stopped.ended).toMatchObject({ reason: 'stopped', stderr: 'cleaned\n' });
  expect(isRunning(name)).toBe(false);
  const late = word();
  expect((await failureOf(connection.run(question(forever(late), { timeoutMs: 1000 }), null))).code).toBe(
    'timeout',
  );
  await until('its processes are gone', 20_000, () => !isRunning(late));
  const left = word();
  await connection.stream(lines(forever(left)), null, { events: () => {} });
  await until('it runs', 20_000, () => isRunning(left));
  connection.dispose();
  expect(connection.state).toBe('closed');
  await until('nothing is left', 30_000, () => !isRunning(left));
}

/** A server that takes keys by their certificate only, with one for root. */
async function certified(): Promise<Server> {
  const server = await start({ config: [] });
  server.makeKey('ca');
  writeFileSync(server.path('authorized_keys'), '');
  const sign = ['-q', '-s', server.path('ca'), '-I', 'test', '-n', 'root', server.path('id.pub')];
  execFileSync('ssh-keygen', sign);
  const config = server.path('sshd_config');
  await server.stop();
  const more = `TrustedUserCAKeys ${server.path('ca.pub')}\nPasswordAuthentication yes\n`;
  writeFileSync(config, `${more}${execFileSync('cat', [config], { encoding: 'utf8' })}`);
  await server.run();
  return server;
}

test("a certificate goes by the system's ssh, without a question", async () => {
  const server = await certified();
  const person = new Person();
  const connection = await reach(server, person);
  expect(connection.remark).toContain('certificates of keys');
  // No host key that a password could be kept for.
  expect(connection.identity).toBeNull();
  expect(ourFolders()).toHaveLength(1);
  await proves(connection);
  expect(person.asked).toEqual([]);
  await until('no connection is left', 20_000, () => server.processes.length === 0);
  await until('the folder of its sockets is gone', 20_000, () => ourFolders().length === 0);
});

test("what the configuration wants and the library lacks goes by the system's ssh", async () => {
  const server = await start();
  server.writeClientConfig('root', ['KexAlgorithms sntrup761x25519-sha512@openssh.com']);
  const connection = await reach(server);
  expect(connection.remark).toContain('its KexAlgorithms');
  connection.dispose();
});

/** The certified key with a passphrase. */
async function locked(passphrase: string): Promise<Server> {
  const server = await certified();
  const change = ['-q', '-p', '-f', server.path('id'), '-P', '', '-N', passphrase];
  execFileSync('ssh-keygen', change);
  return server;
}

test("the system's ssh asks the person for the passphrase, as often as ssh does", async () => {
  const canary = word();
  const server = await locked(canary);
  const person = new Person();
  person.answers = [`${word()}-wrong`, canary];
  const modes: number[] = [];
  const answer = person.answer.bind(person);
  person.answer = (...asked) => {
    modes.push(...ourFolders().map((name) => statSync(path.join(temporary, name)).mode & 0o777));
    return answer(...asked);
  };
  const log: string[] = [];
  const connection = await reach(server, person, { log: (line) => log.push(line) });
  expect(await connection.run(question('echo there'), null)).toBe('there\n');
  const asked = `answer The system's ssh for box false Enter passphrase for key '${server.path('id')}':`;
  expect(person.asked).toEqual([asked, asked]);
  // The socket for the answers is in a folder that nobody else can open.
  expect(new Set(modes)).toEqual(new Set([0o700]));
  // Nowhere but in the pipes between the three.
  expect(log.join('\n')).not.toContain(canary);
  expect(placesOf(canary, server, allProcesses())).toEqual([]);
  connection.dispose();
});

test("a question of the system's ssh that is given up ends the attempt, and ssh", async () => {
  const server = await locked(word());
  const person = new Person();
  person.answers = [undefined];
  expect((await failureOf(reach(server, person))).code).toBe('cancelled');
  expect(person.asked).toHaveLength(1);
  await until('ssh is gone', 20_000, () => !isRunning(server.configFile));
});

test('a certificate that the server does not take leaves the questions', async () => {
  const server = await certified();
  writeFileSync(server.path('ca.pub'), '');
  const person = new Person();
  person.passwords = [undefined];
  expect((await failureOf(reach(server, person))).code).toBe('cancelled');
  expect(person.asked).toEqual(['password root box']);
});

test("a host with a certificate of its own goes by the system's ssh", async () => {
  const server = await start();
  server.makeKey('ca');
  const names = ['-q', '-s', server.path('ca'), '-I', 'host', '-h', '-n', '127.0.0.1'];
  execFileSync('ssh-keygen', [...names, server.path('host_ed25519.pub')]);
  const config = server.path('sshd_config');
  await server.stop();
  const text = execFileSync('cat', [config], { encoding: 'utf8' });
  writeFileSync(config, `HostCertificate ${server.path('host_ed25519-cert.pub')}\n${text}`);
  await server.run();
  const ca = execFileSync('cat', [server.path('ca.pub')], { encoding: 'utf8' });
  writeFileSync(server.knownHosts, `@cert-authority [127.0.0.1]:${server.port} ${ca}`);
  const person = new Person();
  const connection = await reach(server, person);
  expect(connection.remark).toContain('a host certificate');
  expect(connection.facts.root).toBe('root');
  connection.dispose();
  expect(person.asked).toEqual([]);
});

test("by the system's ssh too a frozen server is noticed, and a dead one", async () => {
  const server = await certified();
  const connection = await reach(server);
  const frozen = server.processes;
  for (const pid of frozen) kill(pid, 'SIGSTOP');
  try {
    await until('it is silent', 30_000, () => connection.state === 'silent');
  } finally {
    for (const pid of frozen) kill(pid, 'SIGCONT');
  }
  await until('it is heard again', 30_000, () => connection.state === 'connected');
  await server.stop();
  await until('it is lost', 30_000, () => connection.state === 'closed');
});

test('this machine, without SSH', async () => {
  const entry = { alias: 'This machine', configFile: null, isLocal: true };
  const connection = await connect(entry, new Person());
  expect(connection.facts).toMatchObject({ hostname: hostname(), root: 'root' });
  await proves(connection);
});

test.each([true, false])(
  'why a connection ended is known later too, distrust apart: %s',
  async (distrusted) => {
    const local = await LocalTransport.open(process.env);
    const transport: Transport = {
      identity: null,
      remark: '',
      received: null,
      ended: false,
      isDistrusted: distrusted,
      open: (command, tty, signal) => local.open(command, tty, signal),
      onEnd: (listener) => local.onEnd(listener),
      why: () => 'it showed another key',
      silentHop: () => null,
      end: () => local.end(),
    };
    const target = {
      alias: 'box',
      user: 'me',
      deadAfterMs: 60_000,
      log: () => {},
      activity: () => {},
      consent: async () => true,
      allows: () => true,
    };
    const connection = await TargetConnection.start(transport, target, new AbortController().signal);
    expect([connection.why, connection.wasCut]).toEqual(['', false]);
    local.end();
    expect(connection.state).toBe('closed');
    expect(connection.why).toContain('it showed another key');
    expect(connection.wasCut).toBe(distrusted);
  },
);

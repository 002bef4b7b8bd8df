import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server as NetServer, connect as netConnect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { listHosts } from '../../src/target/index.ts';
import { failureOf } from '../support/failure-of.ts';
import { Person, question, reach } from './client.ts';
import { serverStarter } from './fixtures.ts';
import { freePort, isRunning, until } from './server.ts';

const start = serverStarter();
const sockets: NetServer[] = [];
const queue: Socket[] = [];
afterEach(() => {
  for (const socket of queue.splice(0)) socket.destroy();
  for (const socket of sockets.splice(0)) socket.close();
});

/** Something that listens and is no SSH server. */
async function impostor(onData: (write: (text: string) => void, close: () => void) => void): Promise<number> {
  const port = await freePort();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () =>
      onData(
        (text) => socket.write(text),
        () => socket.end(),
      ),
    );
  });
  sockets.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return port;
}

test('what a target is', async () => {
  const server = await start();
  const connection = await reach(server);
  expect(connection.facts).toMatchObject({ root: 'root', machine: expect.stringMatching(/^\w+$/) });
  expect(connection.facts.bootId).toMatch(/^[0-9a-f-]{36}$/);
  expect(connection.facts.kernelRelease).toBe((await connection.run(question('uname -r'), null)).trim());
  expect(connection.facts.hostname).toBe((await connection.run(question('uname -n'), null)).trim());
  expect(connection.state).toBe('connected');
  connection.dispose();
  expect(connection.state).toBe('closed');
});

test('lists of algorithms are kept to', async () => {
  const server = await start();
  const lists = ['Ciphers aes256-ctr', 'KexAlgorithms ecdh-sha2-nistp384', 'MACs hmac-sha2-512'];
  server.writeClientConfig('root', lists);
  const log: string[] = [];
  const connection = await reach(server, new Person(), { log: (line) => log.push(line) });
  expect(log.join('\n')).toContain('ecdh-sha2-nistp384, host key ssh-ed25519, aes256-ctr hmac-sha2-512');
  connection.dispose();
});

test('the order of packets is bound to the key exchange, and nothing rests on SHA-1', async () => {
  const server = await start({ config: ['LogLevel DEBUG3'] });
  (await reach(server)).dispose();
  // What this client offers, as the server sees it. The sign of strict ordering is a name among the key exchanges.
  const offers = server.log.split('peer client KEXINIT proposal')[1] ?? '';
  expect(offers).toContain('kex-strict-c-v00@openssh.com');
  expect(offers.split('\n').slice(0, 12).join('\n')).not.toMatch(/sha1|ssh-rsa\b|3des|arcfour|md5/);
  expect(server.log).toMatch(/strict KEX/i);
});

test('nothing listens', async () => {
  const server = await start();
  server.writeClientConfig('root', [`Port ${await freePort()}`]);
  const failure = await failureOf(reach(server));
  expect(failure.code).toBe('refused');
  expect(failure.message).toContain('refused the connection');
  expect(failure.remedy).not.toBe('');
});

test('no such host', async () => {
  const server = await start();
  server.writeClientConfig('root', ['HostName no-such-host.invalid']);
  const failure = await failureOf(reach(server));
  expect(failure.code).toBe('no-host');
  expect(failure.message).toContain('no-such-host.invalid');
});

test('an address that does not answer, within ConnectTimeout', async () => {
  const server = await start();
  const port = await freePort();
  // A listener that takes nobody in and whose queue is full: the kernel drops what comes.
  const program = `require('net').createServer().listen({ port: ${port}, host: '127.0.0.1', backlog: 1 }, () => console.log('up'))`;
  const deaf = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(deaf.stdout, 'data');
    deaf.kill('SIGSTOP');
    for (let turn = 0; turn < 4; turn += 1) queue.push(netConnect(port, '127.0.0.1').on('error', () => {}));
    await sleep(200);
    server.writeClientConfig('root', [`Port ${port}`, 'ConnectTimeout 1']);
    const startedAt = performance.now();
    expect((await failureOf(reach(server))).code).toBe('timeout');
    expect(performance.now() - startedAt).toBeLessThan(3000);
  } finally {
    deaf.kill('SIGKILL');
  }
});

test('a web server', async () => {
  const server = await start();
  const port = await impostor((write, close) => {
    write('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html></html>\r\n');
    close();
  });
  server.writeClientConfig('root', [`Port ${port}`]);
  const failure = await failureOf(reach(server));
  expect(failure.code).toBe('unreachable');
  expect(failure.message).toContain('does not speak SSH');
});

test('a server that closes at once', async () => {
  const server = await start();
  const port = await impostor((_write, close) => close());
  server.writeClientConfig('root', [`Port ${port}`]);
  expect((await failureOf(reach(server))).code).toBe('unreachable');
});

test('cancelled while the host key is asked about', async () => {
  const server = await start();
  writeFileSync(server.knownHosts, '');
  const person = new Person();
  person.slow = 60_000;
  const controller = new AbortController();
  const failed = failureOf(reach(server, person, { signal: controller.signal }));
  while (person.asked.length === 0) await sleep(20);
  controller.abort();
  expect((await failed).code).toBe('cancelled');
});

test('cancelled before it began, and while connecting', async () => {
  const server = await start();
  expect((await failureOf(reach(server, new Person(), { signal: AbortSignal.abort() }))).code).toBe(
    'cancelled',
  );
  server.writeClientConfig('root', [`Port ${await impostor(() => {})}`]);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 300);
  expect((await failureOf(reach(server, new Person(), { signal: controller.signal }))).code).toBe(
    'cancelled',
  );
});

test.each([
  ['CertificateFile', 'CertificateFile /nonexistent'],
  ['KnownHostsCommand', 'KnownHostsCommand /bin/true'],
])('%s is beyond our library: the ssh of the system connects, and that is said', async (name, line) => {
  const server = await start({ client: [line] });
  const connection = await reach(server);
  expect(connection.remark).toContain(`system's own ssh`);
  expect(connection.remark).toContain(name);
  expect(await connection.run(question('echo there'), null)).toBe('there\n');
  connection.dispose();
});

test("the system's ssh takes no key that we would not take, whatever the configuration says", async () => {
  const server = await start({ client: ['CertificateFile /nonexistent', 'StrictHostKeyChecking no'] });
  writeFileSync(server.knownHosts, '');
  const failure = await failureOf(reach(server));
  expect(failure.code).toBe('unsupported');
  expect(failure.message).toContain('verification failed');
  expect(readFileSync(server.knownHosts, 'utf8')).toBe('');

  server.writeClientConfig('root', ['CertificateFile /nonexistent', 'StrictHostKeyChecking accept-new']);
  (await reach(server)).dispose();
  expect(readFileSync(server.knownHosts, 'utf8')).not.toBe('');
});

test("the system's ssh is not used through a jump host whose key it would not check", async () => {
  const server = await start({ client: ['CertificateFile /nonexistent', 'ProxyJump hop'] });
  const text = readFileSync(server.configFile, 'utf8');
  const hop = `Host hop\n  HostName 127.0.0.1\n  Port ${server.port}\n  StrictHostKeyChecking off\n`;
  writeFileSync(server.configFile, `${hop}${text}`);
  const failure = await failureOf(reach(server));
  expect(failure.code).toBe('unsupported');
  expect(failure.message).toContain('any host key of hop');
});

test("a machine that boots is one to try again, where it takes the system's ssh too", async () => {
  const server = await start();
  server.writeClientConfig('root', ['CertificateFile /nonexistent', `Port ${await freePort()}`]);
  expect((await failureOf(reach(server))).code).toBe('unreachable');
});

test("an attempt of the system's ssh that was cancelled leaves no process", async () => {
  const server = await start();
  const port = await impostor(() => {});
  const lines = ['CertificateFile /nonexistent', `Port ${port}`, 'ConnectTimeout 600'];
  server.writeClientConfig('root', lines);
  const runs = () => isRunning(`-F ${server.configFile} -T`);
  const controller = new AbortController();
  const failed = failureOf(reach(server, new Person(), { signal: controller.signal }));
  await until('ssh runs', 20_000, runs);
  controller.abort();
  expect((await failed).code).toBe('cancelled');
  await until('ssh has ended', 30_000, () => !runs());
});

test('what neither our library nor the ssh of the system can do is named', async () => {
  const server = await start({ client: ['RevokedHostKeys /nonexistent'] });
  const failure = await failureOf(reach(server));
  expect(failure.code).toBe('unsupported');
  expect(failure.message).toContain('RevokedHostKeys');
  expect(failure.message).toContain("The system's ssh could not connect");
});

test('a login shell that runs nothing', async () => {
  const server = await start({ config: ['ForceCommand /bin/echo not today >&2; exit 1'] });
  const failure = await failureOf(reach(server));
  expect(failure.code).toBe('script-failed');
  expect(failure.message).toContain('not today');
});

test('hosts of files, with Include, without patterns', async () => {
  const server = await start();
  writeFileSync(server.path('more_a.conf'), 'Host inner other*\nHost "quoted name" second\n');
  writeFileSync(
    server.path('list'),
    `host=first !never\n  port 1\nInclude ${server.path('more_*.conf')}\nHost first -dash\nMatch host x\n`,
  );
  const entries = await listHosts([server.path('missing'), server.path('list')], false);
  expect(entries.map((entry) => entry.alias)).toEqual(['first', 'inner', 'second']);
  expect(entries[0]?.configFile).toBe(server.path('list'));
});

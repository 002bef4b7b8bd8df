/** Ways through jump hosts and proxy commands, with a real server for each machine on the way. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Connection } from '../../src/target/connection.ts';
import { connect } from '../../src/target/index.ts';
import { failureOf } from '../support/failure-of.ts';
import { Person, question } from './client.ts';
import { serverStarter } from './fixtures.ts';
import { freePort, isRunning, kill, type Server, until } from './server.ts';

const start = serverStarter();

/** One configuration in which machines are reached through each other; `vm` is the last one. */
function chain(servers: Readonly<Record<string, Server>>, lines: Readonly<Record<string, string>>): string {
  const all = Object.entries(servers);
  const [, first] = all[0] ?? [];
  if (first === undefined) throw new Error('a chain has machines');
  const entries = all.map(
    ([name, server]) => `Host ${name}
  HostName 127.0.0.1
  Port ${server.port}
  User root
  IdentityFile ${server.path('id')}
  IdentityAgent none
  UserKnownHostsFile ${server.knownHosts}
  GlobalKnownHostsFile none
  ${lines[name] ?? ''}
`,
  );
  writeFileSync(first.configFile, entries.join(''));
  return first.configFile;
}

async function to(configFile: string, person = new Person(), log: string[] = []): Promise<Connection> {
  return await connect({ alias: 'vm', configFile }, person, { log: (line) => log.push(line) });
}

test('two jump hosts: each is signed in to, and all end together', async () => {
  const servers = { vm: await start(), inner: await start(), outer: await start() };
  const connection = await to(chain(servers, { vm: 'ProxyJump outer,inner' }));
  expect(await connection.run(question('echo $SSH_CONNECTION'), null)).toContain(` ${servers.vm.port}`);
  expect(await connection.run(question("head -c 3000000 /dev/zero | tr '\\0' x"), null)).toHaveLength(
    3_000_000,
  );
  for (const server of Object.values(servers)) expect(server.log).toContain('Accepted publickey');
  // Each hop sees only the next machine.
  expect(servers.outer.log).not.toContain(`port ${servers.vm.port}`);
  connection.dispose();
  await until('no connection is left', 20_000, () =>
    Object.values(servers).every((server) => server.processes.length === 0),
  );
});

test('a jump host has a jump host of its own, another user and another port', async () => {
  const servers = { vm: await start(), inner: await start(), outer: await start() };
  const configFile = chain(servers, { inner: 'ProxyJump outer\n  Port 1\n  User nobody' });
  const text = readFileSync(configFile, 'utf8').replace(
    'Host vm\n',
    `Host vm\n  ProxyJump root@inner:${servers.inner.port}\n`,
  );
  writeFileSync(configFile, text);
  const log: string[] = [];
  (await to(configFile, new Person(), log)).dispose();
  expect(log.filter((line) => line.startsWith('through'))).toEqual([
    `through inner: root at 127.0.0.1 port ${servers.inner.port}`,
    `through outer: root at 127.0.0.1 port ${servers.outer.port}`,
  ]);
});

test('the key of each machine is asked about by its name, nearest first', async () => {
  const servers = { vm: await start(), outer: await start() };
  for (const server of Object.values(servers)) writeFileSync(server.knownHosts, '');
  const person = new Person();
  (await to(chain(servers, { vm: 'ProxyJump outer' }), person)).dispose();
  expect(person.hostKeys.map(({ alias, onTheWayTo }) => [alias, onTheWayTo])).toEqual([
    ['outer', 'vm'],
    ['vm', null],
  ]);
  expect(readFileSync(servers.vm.knownHosts, 'utf8')).toContain(servers.vm.publicKey('ed25519'));
});

test('a passphrase for both is asked once', async () => {
  const servers = { vm: await start(), outer: await start() };
  servers.vm.makeKey('locked', '-N', 'open sesame');
  const key = servers.vm.path('locked');
  for (const server of Object.values(servers)) {
    appendFileSync(server.path('authorized_keys'), readFileSync(`${key}.pub`));
  }
  const configFile = chain(servers, { vm: 'ProxyJump outer' });
  writeFileSync(
    configFile,
    readFileSync(configFile, 'utf8').replace(/IdentityFile .*/g, `IdentityFile ${key}`),
  );
  const person = new Person();
  person.passphrases = ['open sesame'];
  (await to(configFile, person)).dispose();
  expect(person.asked).toEqual([`passphrase ${key}`]);
});

test('what goes wrong names the machine', async () => {
  const servers = { vm: await start(), outer: await start() };
  const configFile = chain(servers, { vm: 'ProxyJump outer' });
  const good = readFileSync(configFile, 'utf8');
  const breaking = async (from: string, into: string): Promise<string> => {
    writeFileSync(configFile, good.replace(from, into));
    return (await failureOf(to(configFile))).message;
  };
  const nobody = String(await freePort());
  expect(await breaking(`Port ${servers.outer.port}`, `Port ${nobody}`)).toMatch(
    /^On the way to vm: outer .*refused the connection/,
  );
  expect(await breaking(`Port ${servers.vm.port}`, `Port ${nobody}`)).toMatch(
    /^The jump host outer cannot connect to vm .*refused/,
  );
  expect(await breaking(servers.outer.path('id'), servers.vm.path('id'))).toMatch(
    /^On the way to vm: outer did not let root in/,
  );
  expect(await breaking('ProxyJump outer', 'ProxyJump vm')).toMatch(/in a circle/);
  await until('no connection is left', 20_000, () => servers.outer.processes.length === 0);
});

test('a jump host that forwards nothing is told from a machine that is down', async () => {
  const servers = { vm: await start(), outer: await start({ config: ['AllowTcpForwarding no'] }) };
  const failure = await failureOf(to(chain(servers, { vm: 'ProxyJump outer' })));
  expect(failure.code).toBe('refused');
  expect(failure.message).toContain('outer passes no connections on');
});

test('a frozen jump host is named, and the connection goes on when it does', async () => {
  const servers = { vm: await start(), outer: await start() };
  const connection = await to(chain(servers, { vm: 'ProxyJump outer' }));
  const states: string[] = [];
  connection.onState((state, why) => states.push(`${state} ${why}`));
  const frozen = servers.outer.processes;
  for (const pid of frozen) kill(pid, 'SIGSTOP');
  try {
    await until('it is silent', 30_000, () => connection.state === 'silent');
    expect(states).toEqual(['silent outer, the way to vm, is not answering.']);
  } finally {
    for (const pid of frozen) kill(pid, 'SIGCONT');
  }
  await until('it is heard again', 30_000, () => connection.state === 'connected');
  expect(await connection.run(question('echo there'), null)).toBe('there\n');
  connection.dispose();
});

test('a jump host that dies ends the connection', async () => {
  const servers = { vm: await start(), outer: await start() };
  const connection = await to(chain(servers, { vm: 'ProxyJump outer' }));
  const asked = failureOf(connection.run(question('sleep 60', { timeoutMs: 90_000 }), null));
  await servers.outer.stop();
  expect((await asked).code).toBe('lost');
  expect(connection.state).toBe('closed');
});

test('a proxy command is run with its tokens, and ends with the connection', async () => {
  const server = await start();
  const relay = server.path('relay.cjs');
  writeFileSync(
    relay,
    "const s = require('node:net').connect(Number(process.argv[3]), process.argv[2]);" +
      'process.stdin.pipe(s).pipe(process.stdout);',
  );
  const command = `"${process.execPath}" ${relay} %h %p %n-%r; # never ${server.path('made')}`;
  server.writeClientConfig('root', [`ProxyCommand ${command}`]);
  const connection = await connect({ alias: 'box', configFile: server.configFile }, new Person());
  expect(await connection.run(question('echo hello'), null)).toBe('hello\n');
  expect(isRunning(`${relay} 127.0.0.1 ${server.port} box-root`)).toBe(true);
  connection.dispose();
  await until('the command has ended', 20_000, () => !isRunning(relay));
});

test('a proxy command that fails is quoted', async () => {
  const server = await start({ client: ['ProxyCommand echo no tunnel today >&2; exit 1'] });
  const failure = await failureOf(connect({ alias: 'box', configFile: server.configFile }, new Person()));
  expect(failure.code).toBe('unreachable');
  expect(failure.message).toContain('(no tunnel today)');
});

test('a proxy command that says nothing is given up, with all it started', async () => {
  const server = await start();
  const mark = server.path('mark');
  server.writeClientConfig('root', [`ProxyCommand sh -c "echo > ${mark}; sleep 600 & wait"`]);
  const controller = new AbortController();
  const failed = failureOf(
    connect({ alias: 'box', configFile: server.configFile }, new Person(), { signal: controller.signal }),
  );
  while (!existsSync(mark)) await sleep(20);
  controller.abort();
  expect((await failed).code).toBe('cancelled');
  await until('the command has ended', 20_000, () => !isRunning(mark));
});

test('the name of a host cannot bring a command', async () => {
  const server = await start({ client: ['ProxyCommand true %n'] });
  for (const alias of ['$(touch made)', '`touch made`', 'a;touch made', '-oProxyCommand=touch made', "a'b"]) {
    const failure = await failureOf(connect({ alias, configFile: server.configFile }, new Person()));
    expect(failure.code).toBe('no-host');
  }
});

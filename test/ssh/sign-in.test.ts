import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import type { ActivityRecord } from '../../src/target/activity.ts';
import { failureOf } from '../support/failure-of.ts';
import { Person, question, reach } from './client.ts';
import { allProcesses, placesOf, serverStarter, word } from './fixtures.ts';
import { type Server, until } from './server.ts';
import { PASSWORD, USER } from './setup.ts';

const start = serverStarter();
const agents: ChildProcess[] = [];
afterEach(() => {
  for (const agent of agents.splice(0)) agent.kill();
});

/** An ssh-agent that holds these keys; returns its socket. */
async function agentWith(server: Server, ...keys: readonly string[]): Promise<string> {
  const socket = server.path('agent.sock');
  agents.push(spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' }));
  await until('the agent listens', 20_000, () => {
    try {
      execFileSync('ssh-add', ['-l'], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'ignore' });
      return true;
    } catch (error) {
      return (error as { status?: number }).status === 1; // it runs and is empty
    }
  });
  for (const key of keys) {
    execFileSync('ssh-add', ['-q', server.path(key)], {
      env: { ...process.env, SSH_AUTH_SOCK: socket },
      stdio: 'ignore',
    });
  }
  return socket;
}

test('a key file that ssh -G names with tokens', async () => {
  const server = await start();
  copyFileSync(server.path('id'), server.path('key_root_127.0.0.1'));
  rmSync(server.path('id'));
  server.writeClientConfig('root', [`IdentityFile ${server.path('key_%r_%h')}`]);
  const person = new Person();
  (await reach(server, person)).dispose();
  expect(person.asked).toEqual([]);
});

test.each([
  ['ed25519', []],
  ['ecdsa', ['-b', '384']],
  ['rsa', ['-b', '2048']],
  ['rsa', ['-b', '2048', '-m', 'PEM']],
])('a plain %s key %j', async (type, more) => {
  const server = await start();
  server.makeKey('other', '-t', type, ...more);
  appendFileSync(server.path('authorized_keys'), readFileSync(server.path('other.pub')));
  server.writeClientConfig('root', [`IdentityFile ${server.path('other')}`, 'IdentitiesOnly yes']);
  (await reach(server)).dispose();
});

test('a key of PuTTY that can be read signs in; of another it is said what makes it one', async () => {
  const server = await start();
  server.makeKey('rsa', '-t', 'rsa', '-b', '2048', '-m', 'PEM');
  appendFileSync(server.path('authorized_keys'), readFileSync(server.path('rsa.pub')));
  const putty = (key: string, version: number): string => {
    const made = server.path(`${key}-${version}.ppk`);
    const format = ['-O', 'private', '--ppk-param', `version=${version}`];
    execFileSync('puttygen', [server.path(key), ...format, '-o', made]);
    return made;
  };
  server.writeClientConfig('root', [`IdentityFile ${putty('rsa', 2)}`]);
  (await reach(server)).dispose();
  const third = putty('id', 3);
  server.writeClientConfig('root', [`IdentityFile ${third}`]);
  const { message } = await failureOf(reach(server));
  expect(message).toContain(`${third}: of PuTTY keys only RSA of version 2 can be read; \`puttygen`);
});

test('keys that PubkeyAcceptedAlgorithms leaves out are not offered', async () => {
  const server = await start();
  server.makeKey('rsa', '-t', 'rsa', '-b', '2048');
  appendFileSync(server.path('authorized_keys'), readFileSync(server.path('rsa.pub')));
  const both = [`IdentityFile ${server.path('id')}`, `IdentityFile ${server.path('rsa')}`];
  const log: string[] = [];
  server.writeClientConfig('root', [...both, 'PubkeyAcceptedAlgorithms -ssh-ed25519']);
  (await reach(server, new Person(), { log: (line) => log.push(line) })).dispose();
  expect(log.join('\n')).toContain('no ssh-ed25519 by PubkeyAcceptedAlgorithms');
  expect(log.filter((line) => line.includes('trying key'))).toEqual([expect.stringMatching(/\/rsa$/)]);

  // The library takes the hash that the server names first, here one that is not allowed.
  server.writeClientConfig('root', [...both, 'PubkeyAcceptedAlgorithms rsa-sha2-512']);
  const { code, message } = await failureOf(reach(server));
  expect(code).toBe('auth-failed');
  expect(message).toContain('takes RSA keys with SHA256 only, which is not allowed');
});

test.each(['aes128-cbc', 'aes256-cbc', 'aes128-ctr', 'aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'])(
  'a key that %s encrypts',
  async (cipher) => {
    const server = await start();
    server.makeKey('locked', '-N', 'open sesame', '-Z', cipher, '-a', '1');
    appendFileSync(server.path('authorized_keys'), readFileSync(server.path('locked.pub')));
    server.writeClientConfig('root', [`IdentityFile ${server.path('locked')}`]);
    const person = new Person();
    person.passphrases = ['open sesame'];
    (await reach(server, person)).dispose();
    expect(person.asked).toHaveLength(1);
  },
);

test('the passphrase of a key is asked for, again when it was wrong', async () => {
  const server = await start();
  server.makeKey('locked', '-N', 'open sesame');
  appendFileSync(server.path('authorized_keys'), readFileSync(server.path('locked.pub')));
  server.writeClientConfig('root', [`IdentityFile ${server.path('locked')}`]);
  const person = new Person();
  person.passphrases = ['wrong', 'open sesame'];
  (await reach(server, person)).dispose();
  expect(person.asked).toEqual([
    `passphrase ${server.path('locked')}`,
    `passphrase ${server.path('locked')} again`,
  ]);
});

test('an old PEM key with a passphrase', async () => {
  const server = await start();
  server.makeKey('locked', '-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', 'open sesame');
  appendFileSync(server.path('authorized_keys'), readFileSync(server.path('locked.pub')));
  rmSync(server.path('locked.pub'));
  server.writeClientConfig('root', [`IdentityFile ${server.path('locked')}`]);
  const person = new Person();
  person.passphrases = ['wrong', 'open sesame'];
  (await reach(server, person)).dispose();
  expect(person.asked).toHaveLength(2);
});

test('nobody is asked for the passphrase of a key that the server does not take', async () => {
  const server = await start();
  server.makeKey('locked', '-N', 'open sesame');
  rmSync(server.path('locked.pub'));
  server.writeClientConfig('root', [
    `IdentityFile ${server.path('locked')}`,
    `IdentityFile ${server.path('id')}`,
  ]);
  const person = new Person();
  (await reach(server, person)).dispose();
  expect(person.asked).toEqual([]);
});

test('cancelling the passphrase ends the sign-in', async () => {
  const server = await start();
  server.makeKey('locked', '-N', 'open sesame');
  appendFileSync(server.path('authorized_keys'), readFileSync(server.path('locked.pub')));
  server.writeClientConfig('root', [
    `IdentityFile ${server.path('locked')}`,
    `IdentityFile ${server.path('id')}`,
  ]);
  const person = new Person();
  person.passphrases = [undefined];
  expect((await failureOf(reach(server, person))).code).toBe('cancelled');
});

test('a key that only the agent has', async () => {
  const server = await start();
  const socket = await agentWith(server, 'id');
  rmSync(server.path('id'));
  server.writeClientConfig('root', [`IdentityAgent ${socket}`, 'IdentityFile /nonexistent']);
  (await reach(server)).dispose();
});

test('with IdentitiesOnly only the named one of eight keys in the agent is offered', async () => {
  const server = await start();
  const names = Array.from({ length: 8 }, (_, index) => `extra${index}`);
  for (const name of names) server.makeKey(name);
  const socket = await agentWith(server, ...names, 'id');
  rmSync(server.path('id')); // the public half stays and says which
  server.writeClientConfig('root', [`IdentityAgent ${socket}`]);
  const person = new Person();
  const lines: string[] = [];
  server.writeClientConfig('root', [`IdentityAgent ${socket}`, 'IdentitiesOnly yes']);
  (await reach(server, person, { log: (line) => lines.push(line) })).dispose();
  expect(lines.filter((line) => line.includes('trying key'))).toHaveLength(1);

  // Without it the named key is still offered first.
  server.writeClientConfig('root', [`IdentityAgent ${socket}`]);
  (await reach(server, person)).dispose();
});

test('too many keys: the failure says what was tried and what to do', async () => {
  const server = await start();
  const names = Array.from({ length: 8 }, (_, index) => `extra${index}`);
  for (const name of names) server.makeKey(name);
  const socket = await agentWith(server, ...names);
  server.writeClientConfig('root', [`IdentityAgent ${socket}`, 'IdentityFile /nonexistent']);
  const failure = await failureOf(reach(server));
  expect(failure.code).toBe('auth-failed');
  expect(failure.message).toContain('extra0');
  expect(failure.remedy).toContain('IdentitiesOnly');
});

test('a password, after a wrong one', async () => {
  const server = await start({ config: ['PasswordAuthentication yes'], user: USER.password });
  const person = new Person();
  person.passwords = ['canary-4711-wrong', PASSWORD];
  const log: string[] = [];
  server.writeClientConfig(USER.password, ['IdentityFile /nonexistent']);
  const connection = await reach(server, person, { log: (line) => log.push(line) });
  connection.dispose();
  expect(person.asked).toEqual([`password ${USER.password} box`, `password ${USER.password} box again`]);
  expect(log.join('\n')).not.toContain('canary-4711');
});

test('three wrong passwords end in a failure that does not repeat them', async () => {
  const server = await start({ config: ['PasswordAuthentication yes'] });
  server.writeClientConfig(USER.password, ['IdentityFile /nonexistent']);
  const person = new Person();
  person.passwords = ['canary-4711-a', 'canary-4711-b', 'canary-4711-c'];
  const failure = await failureOf(reach(server, person));
  expect(failure.code).toBe('auth-failed');
  expect(failure.message).toContain('password');
  expect(JSON.stringify(failure)).not.toContain('canary-4711');
});

test('keyboard-interactive by PAM, with the server text shown inert', async () => {
  const server = await start({
    config: ['UsePAM yes', 'KbdInteractiveAuthentication yes', 'PasswordAuthentication no'],
  });
  server.writeClientConfig(USER.password, ['IdentityFile /nonexistent']);
  const person = new Person();
  person.answers = [PASSWORD];
  (await reach(server, person)).dispose();
  expect(person.asked).toEqual([expect.stringMatching(/^answer box false .*Password:/)]);
});

test.each(['password', 'keyboard-interactive', 'passphrase of a key'])(
  'the secret of a sign-in by %s is nowhere to be read',
  async (way) => {
    const config =
      way === 'password'
        ? ['PasswordAuthentication yes']
        : way === 'keyboard-interactive'
          ? ['UsePAM yes', 'KbdInteractiveAuthentication yes']
          : [];
    const server = await start({ config });
    const isKey = config.length === 0;
    const secret = isKey ? word() : PASSWORD;
    if (isKey) server.makeKey('locked', '-N', secret, '-a', '1');
    if (isKey) appendFileSync(server.path('authorized_keys'), readFileSync(server.path('locked.pub')));
    server.writeClientConfig(isKey ? 'root' : USER.password, [`IdentityFile ${server.path('locked')}`]);
    const person = new Person();
    for (const list of [person.passwords, person.answers, person.passphrases]) list.push(secret);
    const log: string[] = [];
    const records: ActivityRecord[] = [];
    const options = {
      log: (line: string) => log.push(line),
      activity: (one: ActivityRecord) => records.push(one),
    };
    const connection = await reach(server, person, options);
    await connection.run(question('id'), null);
    expect(person.asked).toHaveLength(1);
    // The tests' own processes have the password in their environment.
    expect(placesOf(secret, server, isKey ? allProcesses() : server.processes)).toEqual([]);
    expect(JSON.stringify([log, records, connection])).not.toContain(secret);
    expect(records.length).toBeGreaterThan(1);
    connection.dispose();
  },
);

test('two proofs in a row: a key, then a password', async () => {
  const server = await start({
    config: ['PasswordAuthentication yes', 'AuthenticationMethods publickey,password'],
    user: USER.password,
  });
  const person = new Person();
  person.passwords = [PASSWORD];
  (await reach(server, person)).dispose();
  expect(person.asked).toEqual([`password ${USER.password} box`]);
});

test('a key that is not in authorized_keys: the failure names it and what the server takes', async () => {
  const server = await start();
  writeFileSync(server.path('authorized_keys'), '');
  const failure = await failureOf(reach(server));
  expect(failure.code).toBe('auth-failed');
  expect(failure.message).toContain(server.path('id'));
  expect(failure.message).toContain('publickey');
});

test('key files that cannot be read are named with the reason', async () => {
  const server = await start();
  server.makeKey('chacha', '-N', 'open sesame', '-Z', 'chacha20-poly1305@openssh.com');
  appendFileSync(server.path('authorized_keys'), readFileSync(server.path('chacha.pub')));
  writeFileSync(server.path('garbage'), 'this is no key\n');
  server.writeClientConfig('root', [
    `IdentityFile ${server.path('chacha')}`,
    `IdentityFile ${server.path('garbage')}`,
  ]);
  const person = new Person();
  person.passphrases = ['open sesame', 'open sesame', 'open sesame'];
  const failure = await failureOf(reach(server, person));
  expect(failure.code).toBe('auth-failed');
  expect(failure.message).toContain('chacha20-poly1305 are not supported');
  expect(failure.message).toContain(`${server.path('garbage')}: its format is not supported`);
});

test('the time a person takes is not counted', async () => {
  const server = await start();
  rmSync(server.knownHosts);
  const person = new Person();
  person.slow = 35_000; // longer than the handshake may take
  (await reach(server, person)).dispose();
  expect(person.asked).toEqual(['hostkey ssh-ed25519']);
});

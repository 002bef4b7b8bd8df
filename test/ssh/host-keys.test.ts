import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { expect, test } from 'vitest';
import { type HostKeyChange, hostKeyChangeOf } from '../../src/target/host-key-changed.ts';
import { replaceHostKey } from '../../src/target/index.ts';
import { failureOf } from '../support/failure-of.ts';
import { Person, question, reach } from './client.ts';
import { serverStarter } from './fixtures.ts';
import type { Server } from './server.ts';

const start = serverStarter(false);

function fingerprintOf(server: Server, type: string): string {
  const line = execFileSync('ssh-keygen', ['-l', '-f', server.path(`host_${type}.pub`)], {
    encoding: 'utf8',
  });
  return line.split(' ')[1] ?? '';
}

test('an unknown key is asked about with its fingerprint, remembered, and not asked about again', async () => {
  const server = await start();
  const person = new Person();
  (await reach(server, person)).dispose();
  expect(person.hostKeys).toEqual([
    {
      alias: 'box',
      host: '127.0.0.1',
      port: server.port,
      keyType: 'ssh-ed25519',
      fingerprint: fingerprintOf(server, 'ed25519'),
      knownHostsFile: server.knownHosts,
      onTheWayTo: null,
    },
  ]);
  expect(readFileSync(server.knownHosts, 'utf8')).toBe(
    `[127.0.0.1]:${server.port} ${server.publicKey('ed25519')}\n`,
  );
  expect(statSync(server.knownHosts).mode & 0o777).toBe(0o600);
  // OpenSSH reads what we wrote.
  execFileSync('ssh', [
    '-F',
    server.configFile,
    '-o',
    'StrictHostKeyChecking=yes',
    '-o',
    'BatchMode=yes',
    'box',
    'true',
  ]);

  const later = new Person();
  (await reach(server, later)).dispose();
  expect(later.asked).toEqual([]);
});

test('a key that the person does not trust is refused and not remembered', async () => {
  const server = await start();
  const person = new Person();
  person.trusts = false;
  expect((await failureOf(reach(server, person))).code).toBe('host-key-refused');
  expect(existsSync(server.knownHosts)).toBe(false);
  expect(server.log).not.toContain('Accepted');
});

test('a changed key is refused without a question, naming both fingerprints and the line', async () => {
  const server = await start();
  server.trust('ed25519');
  const old = fingerprintOf(server, 'ed25519');
  writeFileSync(server.knownHosts, `# first line\n${readFileSync(server.knownHosts, 'utf8')}`);
  await server.stop();
  server.makeHostKey('ed25519');
  await server.restart();
  const person = new Person();
  const failure = await failureOf(reach(server, person));
  expect(failure.code).toBe('host-key-changed');
  expect(failure.message).toContain(`${server.knownHosts}:2`);
  expect(failure.message).toContain(old);
  expect(failure.message).toContain(fingerprintOf(server, 'ed25519'));
  expect(person.asked).toEqual([]);
  expect(server.log).not.toContain('Accepted');
});

/** The change that connecting fails with, of a server that got a new key. */
async function changeOf(server: Server): Promise<HostKeyChange> {
  await server.stop();
  server.makeHostKey('ed25519');
  await server.restart();
  const error: unknown = await reach(server).then(
    () => null,
    (reason: unknown) => reason,
  );
  const change = hostKeyChangeOf(error);
  if (change === null) throw new Error(`no change of a key: ${String(error)}`);
  return change;
}

test.each(['plain', 'hashed', 'shared', 'linked'] as const)(
  'a changed key is replaced where it stands, %s, and what was there is kept',
  async (form) => {
    const server = await start();
    server.trust('ed25519');
    const name = `[127.0.0.1]:${server.port}`;
    const other = `other ${server.publicKey('ed25519')}`;
    const own = `${form === 'shared' ? `friend,${name}` : name} ${server.publicKey('ed25519')}`;
    // A comment that is no UTF-8.
    let text = `# f\xefrst\n${other}\n${own}\n\n# last, without newline`;
    writeFileSync(server.knownHosts, text, 'latin1');
    if (form === 'hashed') {
      execFileSync('ssh-keygen', ['-H', '-f', server.knownHosts], { stdio: 'ignore' });
      text = readFileSync(server.knownHosts, 'latin1');
    }
    if (form === 'linked') {
      renameSync(server.knownHosts, server.path('elsewhere'));
      symlinkSync(server.path('elsewhere'), server.knownHosts);
    }
    chmodSync(server.knownHosts, 0o640);
    const change = await changeOf(server);
    expect(change).toMatchObject({
      alias: 'box',
      name,
      fingerprint: fingerprintOf(server, 'ed25519'),
      lines: [{ file: server.knownHosts, line: 3 }],
    });

    await replaceHostKey(change);
    const real = form === 'linked' ? server.path('elsewhere') : server.knownHosts;
    expect(readFileSync(`${real}.old`, 'latin1')).toBe(text);
    expect(statSync(real).mode & 0o777).toBe(0o640);
    expect(lstatSync(server.knownHosts).isSymbolicLink()).toBe(form === 'linked');
    const now = readFileSync(server.knownHosts, 'latin1');
    const fresh = `${name} ${server.publicKey('ed25519')}`;
    if (form === 'hashed') expect(now.split('\n')[2]).toMatch(/^\|1\|/);
    else if (form === 'shared')
      expect(now).toBe(text.replace(own, `${own.replace(`,${name}`, '')}\n${fresh}`));
    else expect(now).toBe(text.replace(own, fresh));
    const later = new Person();
    (await reach(server, later)).dispose();
    expect(later.asked).toEqual([]);
    expect(readdirSync(server.dir).filter((file) => file.includes('.zscope-'))).toEqual([]);
  },
);

test('a key in a pattern, or in a file that changed meanwhile, is not replaced', async () => {
  const server = await start();
  const text = `[127.0.0.?]:${server.port} ${server.publicKey('ed25519')}\n`;
  writeFileSync(server.knownHosts, text);
  const change = await changeOf(server);
  expect((await failureOf(replaceHostKey(change))).message).toContain('pattern');
  expect(readFileSync(server.knownHosts, 'utf8')).toBe(text);
  writeFileSync(server.knownHosts, `# another line\n${text}`);
  expect((await failureOf(replaceHostKey(change))).message).toContain('has changed since');
});

test('an entry that ssh-keygen hashed is known', async () => {
  const server = await start();
  server.trust('ed25519');
  execFileSync('ssh-keygen', ['-H', '-f', server.knownHosts], { stdio: 'ignore' });
  expect(readFileSync(server.knownHosts, 'utf8')).toMatch(/^\|1\|/);
  const person = new Person();
  (await reach(server, person)).dispose();
  expect(person.asked).toEqual([]);
});

test('with HashKnownHosts the new entry is hashed, and ssh-keygen finds it', async () => {
  const server = await start({ client: ['HashKnownHosts yes'] });
  (await reach(server)).dispose();
  expect(readFileSync(server.knownHosts, 'utf8')).toMatch(/^\|1\|/);
  const found = execFileSync('ssh-keygen', ['-F', `[127.0.0.1]:${server.port}`, '-f', server.knownHosts], {
    encoding: 'utf8',
  });
  expect(found).toContain(server.publicKey('ed25519'));
});

test.each(['ed25519', 'ecdsa', 'rsa'] as const)(
  'of a server with three keys the one that is known is asked for: %s',
  async (type) => {
    const server = await start({ hostKeys: ['rsa', 'ecdsa', 'ed25519'] });
    server.trust(type);
    const person = new Person();
    (await reach(server, person)).dispose();
    expect(person.asked).toEqual([]);
  },
);

test('a new line goes on a line of its own where the file ends without newline', async () => {
  const server = await start();
  writeFileSync(server.knownHosts, 'other ssh-ed25519 AAAA');
  (await reach(server)).dispose();
  expect(readFileSync(server.knownHosts, 'utf8').split('\n')[1]).toContain(server.publicKey('ed25519'));
});

test('a revoked key is refused even where another line trusts it', async () => {
  const server = await start();
  server.trust('ed25519');
  writeFileSync(server.path('global_known_hosts'), `@revoked * ${server.publicKey('ed25519')}\n`);
  const failure = await failureOf(reach(server));
  expect(failure.code).toBe('host-key-refused');
  expect(failure.message).toContain(`${server.path('global_known_hosts')}:1`);
});

test('a host known by an authority only is never trusted on first use', async () => {
  const server = await start();
  writeFileSync(
    server.knownHosts,
    `@cert-authority [127.0.0.1]:${server.port} ${server.publicKey('ed25519')}\n`,
  );
  const person = new Person();
  expect((await failureOf(reach(server, person))).code).toBe('unsupported');
  expect(person.asked).toEqual([]);
});

test('a known_hosts that cannot be read refuses', async () => {
  const server = await start({ client: ['UserKnownHostsFile /proc/self/mem'] });
  const person = new Person();
  const failure = await failureOf(reach(server, person));
  expect(failure.code).toBe('host-key-refused');
  expect(failure.message).toContain('/proc/self/mem');
  expect(person.asked).toEqual([]);
});

test('StrictHostKeyChecking: yes refuses, accept-new takes silently, no asks', async () => {
  const server = await start({ client: ['StrictHostKeyChecking yes'] });
  const person = new Person();
  expect((await failureOf(reach(server, person))).code).toBe('host-key-refused');
  expect(person.asked).toEqual([]);

  server.writeClientConfig('root', ['StrictHostKeyChecking no']);
  person.trusts = false;
  expect((await failureOf(reach(server, person))).code).toBe('host-key-refused');
  expect(person.hostKeys).toHaveLength(1);

  server.writeClientConfig('root', ['StrictHostKeyChecking accept-new']);
  (await reach(server, person)).dispose();
  expect(person.hostKeys).toHaveLength(1);
  expect(readFileSync(server.knownHosts, 'utf8')).toContain(server.publicKey('ed25519'));
});

test('HostKeyAlias is the name in known_hosts', async () => {
  const server = await start({ client: ['HostKeyAlias rebuilt-daily'] });
  (await reach(server)).dispose();
  expect(readFileSync(server.knownHosts, 'utf8')).toMatch(/^rebuilt-daily ssh-ed25519/);
});

test('the folder of known_hosts is made, for its owner only', async () => {
  const server = await start();
  const file = server.path('new/known_hosts');
  server.writeClientConfig('root', [`UserKnownHostsFile ${file}`]);
  chmodSync(server.dir, 0o755);
  (await reach(server)).dispose();
  expect(statSync(server.path('new')).mode & 0o777).toBe(0o700);
});

test('many rekeys in 24 MB: no question, nothing lost', async () => {
  const server = await start({ config: ['RekeyLimit 1M', 'LogLevel DEBUG1'] });
  const person = new Person();
  const connection = await reach(server, person);
  const output = await connection.run(question("head -c 25165824 /dev/zero | tr '\\0' x"), null);
  expect(output.length).toBe(25165824);
  expect(/[^x]/.test(output)).toBe(false);
  expect(person.hostKeys).toHaveLength(1);
  expect(server.log.match(/set_newkeys: rekeying out/g)?.length ?? 0).toBeGreaterThan(10);
  connection.dispose();
});

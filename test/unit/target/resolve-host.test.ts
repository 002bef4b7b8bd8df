import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lackOf } from '../../../src/target/beyond-library.ts';
import { expandProxyCommand } from '../../../src/target/proxy-command.ts';
import { interpret, parseSshG } from '../../../src/target/resolve-host.ts';
import { parseJump } from '../../../src/target/route.ts';
import { computeFromFiles, parseDirectives } from '../../../src/target/ssh-config-files.ts';
import { isSafeAlias, type Surroundings } from '../../../src/target/surroundings.ts';
import { Random } from '../../support/random.ts';
import { bothReadings, randomConfiguration } from '../../support/ssh-configurations.ts';

const around: Surroundings = {
  home: '/home/me',
  user: 'me',
  env: { SSH_AUTH_SOCK: '/run/agent', OTHER: '/run/other' },
  platform: 'linux',
};
function caught(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return null;
}
const of = (text: string) => interpret({ alias: 'vm', configFile: null }, parseSshG(text), around);

test('what ssh -G prints', () => {
  const host = of(`host vm
user root
hostname 192.168.1.5
port 2222
addressfamily inet6
batchmode no
hashknownhosts yes
identitiesonly yes
stricthostkeychecking accept-new
identityfile ~/.ssh/id_ed25519
identityfile %d/keys/%r@%h:%p-%n-%%
identityfile \${OTHER}/key
userknownhostsfile /home/me/.ssh/known_hosts /home/me/.ssh/known_hosts2
globalknownhostsfile none
connecttimeout 3
passwordauthentication no
pubkeyauthentication true
preferredauthentications password,keyboard-interactive,publickey,gssapi
proxyusefdpass no
certificatefile none
ciphers aes256-ctr,aes128-ctr,3des-cbc
kexalgorithms mlkem768x25519-sha256,curve25519-sha256
macs hmac-sha1,hmac-sha2-256,umac-64@openssh.com
hostkeyalgorithms ssh-rsa,ssh-ed25519-cert-v01@openssh.com,ssh-ed25519
pubkeyacceptedalgorithms ssh-rsa,rsa-sha2-256,ssh-ed25519`);
  expect(host).toEqual({
    alias: 'vm',
    hostname: '192.168.1.5',
    port: 2222,
    user: 'root',
    family: 6,
    bindAddress: null,
    connectTimeoutMs: 3000,
    patienceMs: null,
    identityFiles: ['/home/me/.ssh/id_ed25519', '/home/me/keys/root@192.168.1.5:2222-vm-%', '/run/other/key'],
    identitiesOnly: true,
    agent: '/run/agent',
    userKnownHostsFiles: ['/home/me/.ssh/known_hosts', '/home/me/.ssh/known_hosts2'],
    globalKnownHostsFiles: [],
    hashKnownHosts: true,
    hostKeyAlias: null,
    strictHostKeyChecking: 'accept-new',
    methods: ['keyboard-interactive', 'publickey'],
    gssapi: false,
    algorithms: {
      kex: ['curve25519-sha256'],
      cipher: ['aes128-ctr', 'aes256-ctr'],
      hmac: ['hmac-sha2-256'],
      serverHostKey: ['ssh-ed25519'],
      publicKey: ['ssh-ed25519', 'rsa-sha2-256'],
    },
    route: { kind: 'direct' },
    unused: [],
    configFile: null,
  });
});

test.each([
  ['', true, true],
  ['ciphers +3des-cbc', true, true],
  ['ciphers ^aes256-ctr,none', true, true],
  ['ciphers -*-gcm@openssh.com,aes12?-*', true, false],
  ['ciphers aes1*', false, true],
])('of the list "%s" stay AES 256 and 128: %s, %s', (text, large, small) => {
  const { cipher } = of(text).algorithms;
  expect(cipher.includes('aes256-ctr')).toBe(large);
  expect(cipher.includes('aes128-ctr')).toBe(small);
});

test('a list without anything of ours is left to the ssh of the system', () => {
  const error = caught(() => of('macs hmac-sha1,umac-64@openssh.com'));
  expect(lackOf(error)).toBe('its MACs');
});

test.each([
  ['identityagent none', null],
  ['identityagent SSH_AUTH_SOCK', '/run/agent'],
  ['identityagent $OTHER', '/run/other'],
  ['identityagent $UNSET', null],
  ['identityagent ~/agent.sock', '/home/me/agent.sock'],
  ['identityagent ${OTHER}/x', '/run/other/x'],
  ['', '/run/agent'],
])('the agent of "%s"', (text, agent) => {
  expect(of(text).agent).toBe(agent);
});

test.each(['true', 'yes', 'ask', 'accept-new', 'no', 'off', 'false'])('StrictHostKeyChecking %s', (value) => {
  const expected = { true: 'yes', yes: 'yes', 'accept-new': 'accept-new' }[value] ?? 'ask';
  expect(of(`stricthostkeychecking ${value}`).strictHostKeyChecking).toBe(expected);
});

test.each(['proxyusefdpass yes', 'certificatefile /x', 'revokedhostkeys /y', 'knownhostscommand /z'])(
  'refused: %s',
  (text) => {
    expect(() => of(text)).toThrowError(new RegExp(`has ${text.split(' ')[0]}`, 'i'));
  },
);

test.each([
  ['proxyjump none\nproxycommand none', { kind: 'direct' }],
  ['proxycommand nc %h %p', { kind: 'command', command: 'nc %h %p' }],
  [
    'proxyjump a,dev@b.example:2222,[fe80::1]:22,ssh://root@c',
    {
      kind: 'jump',
      hops: [
        { host: 'a', user: null, port: null },
        { host: 'b.example', user: 'dev', port: 2222 },
        { host: 'fe80::1', user: null, port: 22 },
        { host: 'c', user: 'root', port: null },
      ],
    },
  ],
])('the way of %j', (text, route) => {
  expect(of(text).route).toEqual(route);
});

test.each(['-oProxyCommand=x', 'a b', 'a;b', 'u$(x)@a', 'a:0', 'a:99999', '[a', 'a,,b', ''])(
  'no jump host: %j',
  (text) => {
    if (text === '') expect(parseJump(text)).toBeNull();
    else expect(() => of(`proxyjump ${text}`)).toThrowError(/ProxyJump of vm cannot be read/);
  },
);

test('the tokens of ProxyCommand', () => {
  const host = { alias: 'vm', hostname: '10.0.0.1', port: 2222, user: 'dev' };
  expect(expandProxyCommand('nc %h %p # %n %r 100%%', host)).toBe('nc 10.0.0.1 2222 # vm dev 100%');
  expect(() => expandProxyCommand('nc %x', host)).toThrowError(/ProxyCommand of vm has %x/);
  expect(() => expandProxyCommand('nc %', host)).toThrowError(/ProxyCommand of vm has %/);
});

test.each([
  ['vm', true],
  ['root@vm.example', true],
  ['fe80::1%eth0', true],
  ['büro', true],
  ['-oProxyCommand=x', false],
  ['a b', false],
  ['a;b', false],
  ['$(x)', false],
  ['a\nb', false],
  ['', false],
])('the alias %j is safe: %s', (alias, safe) => {
  expect(isSafeAlias(alias)).toBe(safe);
});

test('directives: equal signs, quotes, comments, indents', () => {
  expect(
    parseDirectives('Host=a "b c"\n\t# Port 1\n  Port = 22 # why\nIdentityFile "~/my \\"key\\""\n\nbroken\n'),
  ).toEqual([
    { keyword: 'host', args: ['a', 'b c'] },
    { keyword: 'port', args: ['22'] },
    { keyword: 'identityfile', args: ['~/my "key"'] },
  ]);
});

test('directives: a quote that nothing closes is none, and a line made to be slow is not', () => {
  const size = 1_000_000;
  expect(parseDirectives('Host "a b" "c \\"d')).toEqual([{ keyword: 'host', args: ['a b', 'c', '\\', 'd'] }]);
  expect(parseDirectives(`Host "${'\\"'.repeat(size / 2)}`)[0]?.args).toHaveLength(size / 2);
  expect(parseDirectives(`Host${' '.repeat(size)}x\ry`)).toEqual([{ keyword: 'host', args: ['x', 'y'] }]);
});

test('what is no configuration is said to be none', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'zscope-config-'));
  try {
    const configFile = join(dir, 'config');
    writeFileSync(configFile, 'Match host vm user\n  Port 1\n');
    await expect(computeFromFiles({ alias: 'vm', configFile }, around)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/^The ssh configuration of vm cannot be read: /),
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

const hasSsh = spawnSync('ssh', ['-V']).error === undefined;
test.runIf(hasSsh)('our own reading of random configurations comes to what ssh -G says', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'zscope-config-'));
  try {
    // `npm run prove -- fuzz` tries thousands.
    for (let seed = 0; seed < 30; seed += 1) {
      const files = randomConfiguration(new Random(seed), dir);
      const { ours, theirs } = await bothReadings(dir, files);
      expect({ ...ours, files }).toEqual({ ...theirs, files });
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('what an included file leaves open ends with it, and in a block for others all of it is for them', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'zscope-config-'));
  try {
    const configFile = join(dir, 'config');
    writeFileSync(join(dir, 'sub'), 'User dev\nHost vm\n  IdentityFile /k/sub\nHost other\n  Port 1\n');
    const options = async (text: string) => {
      writeFileSync(configFile, text);
      return await computeFromFiles({ alias: 'vm', configFile }, around);
    };
    const meant = await options(`Host vm\n  Include ${dir}/sub\n  Port 2\n`);
    expect([meant.get('user'), meant.get('identityfile'), meant.get('port')]).toEqual([
      ['dev'],
      ['/k/sub'],
      ['2'],
    ]);
    const others = await options(`Host other\n  Include ${dir}/sub\nMatch user ${around.user}\n  Port 3\n`);
    expect([others.get('user'), others.get('port')]).toEqual([undefined, ['3']]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('the agent on Windows is found by its pipe, OpenSSH before Pageant', () => {
  const agent = (pipes: readonly string[], text = '') =>
    interpret({ alias: 'vm', configFile: null }, parseSshG(text), {
      home: 'C:\\Users\\me',
      user: 'Me',
      env: {},
      platform: 'win32',
      pipes: () => pipes,
    }).agent;
  const openssh = '\\\\.\\pipe\\openssh-ssh-agent';
  const pageant = `pageant.me.${'0f'.repeat(32)}`;
  expect(agent(['lsass', `pageant.you.${'0f'.repeat(32)}`])).toBe(openssh);
  expect(agent(['lsass', pageant])).toBe(`\\\\.\\pipe\\${pageant}`);
  expect(agent([pageant, 'openssh-ssh-agent'])).toBe(openssh);
  expect(agent([pageant], 'identityagent none')).toBeNull();
});

test('how long a machine is waited for is that of the configuration, in its formats of time', () => {
  const of45 = of('serveraliveinterval 15\nserveralivecountmax 3');
  expect([of45.patienceMs, of('serveraliveinterval 1').patienceMs]).toEqual([45_000, 10_000]);
  expect(of('serveraliveinterval 1m30s\nserveralivecountmax 2').patienceMs).toBe(180_000);
  expect(of('serveraliveinterval 0\nserveralivecountmax 3').patienceMs).toBeNull();
  expect(of('serveraliveinterval soon').patienceMs).toBeNull();
  // Read in no time, whatever is there; and no longer than a timer takes.
  expect(of(`serveraliveinterval ${'1'.repeat(60)}x`).patienceMs).toBeNull();
  expect(of('connecttimeout 9w').connectTimeoutMs).toBe(2 ** 31 - 1);
  expect([of('connecttimeout 1m').connectTimeoutMs, of('connecttimeout x').connectTimeoutMs]).toEqual([
    60_000, 10_000,
  ]);
});

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { interpret, parseSshG } from '../../../src/target/resolve-host.ts';
import { computeFromFiles, parseDirectives } from '../../../src/target/ssh-config-files.ts';
import { isSafeAlias, type Surroundings } from '../../../src/target/surroundings.ts';

const around: Surroundings = {
  home: '/home/me',
  user: 'me',
  env: { SSH_AUTH_SOCK: '/run/agent', OTHER: '/run/other' },
  platform: 'linux',
};
const of = (text: string) => interpret('vm', parseSshG(text), around);

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
certificatefile none`);
  expect(host).toEqual({
    alias: 'vm',
    hostname: '192.168.1.5',
    port: 2222,
    user: 'root',
    family: 6,
    bindAddress: null,
    connectTimeoutMs: 3000,
    identityFiles: ['/home/me/.ssh/id_ed25519', '/home/me/keys/root@192.168.1.5:2222-vm-%', '/run/other/key'],
    identitiesOnly: true,
    agent: '/run/agent',
    userKnownHostsFiles: ['/home/me/.ssh/known_hosts', '/home/me/.ssh/known_hosts2'],
    globalKnownHostsFiles: [],
    hashKnownHosts: true,
    hostKeyAlias: null,
    strictHostKeyChecking: 'accept-new',
    methods: ['keyboard-interactive', 'publickey'],
  });
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

test.each(['proxycommand nc %h %p', 'proxyjump other', 'certificatefile /x', 'revokedhostkeys /y'])(
  'refused: %s',
  (text) => {
    expect(() => of(text)).toThrowError(new RegExp(`has ${text.split(' ')[0]}`, 'i'));
  },
);

test('proxyjump none and proxycommand none are no proxy', () => {
  expect(of('proxyjump none\nproxycommand none').hostname).toBe('vm');
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

const hasSsh = spawnSync('ssh', ['-V']).error === undefined;
describe.runIf(hasSsh)('our own reading, against ssh -G', () => {
  // ssh takes the name of the account, not of the environment.
  const local: Surroundings = { ...around, user: userInfo().username };
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'zscope-config-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const option = fc.oneof(
    fc.constantFrom('alpha.example', '10.1.2.3', '%h.example').map((value) => `HostName ${value}`),
    fc.integer({ min: 1, max: 65535 }).map((value) => `Port ${value}`),
    fc.constantFrom('root', 'dev').map((value) => `User ${value}`),
    fc.constantFrom('yes', 'no').map((value) => `IdentitiesOnly=${value}`),
    fc.constantFrom('/k/one', '/k/two', '"/k/with space"').map((value) => `IdentityFile ${value}`),
    fc.constantFrom('yes', 'no', 'accept-new', 'ask').map((value) => `StrictHostKeyChecking ${value}`),
    fc.constantFrom('/h/one', '/h/one /h/two').map((value) => `UserKnownHostsFile ${value}`),
    fc.constantFrom('other', 'name').map((value) => `HostKeyAlias ${value}`),
    fc.constantFrom('none', '/run/x').map((value) => `IdentityAgent ${value}`),
  );
  const block = fc.tuple(
    fc.constantFrom(
      'Host vm',
      'Host *',
      'Host v*',
      'Host * !vm',
      'Host other',
      'Host "vm" x',
      'Match all',
      'Match host nobody',
    ),
    fc.array(option, { maxLength: 4 }),
  );

  test('the same answer for random configurations', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(option, { maxLength: 2 }),
        fc.array(block, { maxLength: 4 }),
        async (first, blocks) => {
          const file = join(dir, 'config');
          const text = [
            ...first,
            ...blocks.flatMap(([head, lines]) => [head, ...lines.map((one) => `  ${one}`)]),
          ].join('\n');
          writeFileSync(file, `${text}\n`);
          const said = execFileSync('ssh', ['-G', '-F', file, '--', 'vm'], {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'ignore'],
          });
          const theirs = interpret('vm', parseSshG(said), local);
          const ours = interpret(
            'vm',
            await computeFromFiles({ alias: 'vm', configFile: file }, local),
            local,
          );
          const named = (host: typeof ours) => ({
            hostname: host.hostname,
            port: host.port,
            user: host.user,
            identityFiles: /IdentityFile/.test(text)
              ? host.identityFiles.filter((name) => name.startsWith('/k/'))
              : [],
            identitiesOnly: host.identitiesOnly,
            strict: host.strictHostKeyChecking,
            known: host.userKnownHostsFiles.filter((name) => name.startsWith('/h/')),
            alias: host.hostKeyAlias,
            agent: host.agent,
          });
          expect({ text, ...named(ours) }).toEqual({ text, ...named(theirs) });
        },
      ),
      { numRuns: 100 },
    );
  });
});

/** Random configurations of ssh, and what they come to: by our own reading and by `ssh -G`. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { interpret, parseSshG, type ResolvedHost } from '../../src/target/resolve-host.ts';
import { computeFromFiles } from '../../src/target/ssh-config-files.ts';
import type { Surroundings } from '../../src/target/surroundings.ts';
import type { Random } from './random.ts';

const ALIAS = 'vm';
/** Files that the main one may include. */
const INCLUDED = ['one', 'two', 'three'] as const;
const MAIN = 'config';

const OPTIONS: ReadonlyArray<readonly [keyword: string, values: readonly string[]]> = [
  ['HostName', ['alpha.example', '10.1.2.3', '%h.example', '"%h"', 'v-%%-%h']],
  ['Port', ['22', '2222', '65535']],
  ['User', ['root', 'dev', '"dev"']],
  ['IdentitiesOnly', ['yes', 'no']],
  ['IdentityFile', ['/k/one', '/k/two', '"/k/with space"', '/k/%h-%p', '/k/%n/%r', '/k/%u%%', 'none']],
  ['StrictHostKeyChecking', ['yes', 'no', 'accept-new', 'ask', 'off']],
  ['UserKnownHostsFile', ['/h/one', '/h/one /h/two', '/h/%h']],
  ['HostKeyAlias', ['other', 'name']],
  ['IdentityAgent', ['none', '/run/x', '/run/%r']],
  ['ProxyJump', ['none', 'a', 'a,dev@b:2222']],
  ['ProxyCommand', ['none', 'nc %h %p', 'ssh -W "%h:%p" a', 'nc  %h # no comment']],
  ['HashKnownHosts', ['yes', 'no']],
  ['ConnectTimeout', ['1', '30']],
  ['ServerAliveInterval', ['0', '5', '1m']],
  ['ServerAliveCountMax', ['1', '9']],
  ['AddressFamily', ['any', 'inet', 'inet6']],
  ['PreferredAuthentications', ['password,publickey', 'publickey']],
  ['PasswordAuthentication', ['yes', 'no']],
  ['PubkeyAuthentication', ['yes', 'no']],
];

const PATTERNS = [ALIAS, '*', 'v*', '?m', '!vm', 'other', '"vm"', 'VM', '*.example', '10.*', '!other', '??'];
const CRITERIA = ['host', 'originalhost', 'user', 'localuser', '!host', '!user'];
/** Lists of patterns after a criterion of Match. */
const LISTS = [
  'vm',
  'other',
  '*',
  'v*,!vm',
  '!vm,*',
  'alpha.example',
  '10.*',
  'vm.example',
  'root',
  'dev',
  'dev,root',
];

function head(random: Random): string {
  switch (random.below(4)) {
    case 0:
      return 'Match all';
    case 1: {
      const criteria = Array.from(
        { length: random.between(1, 2) },
        () => `${random.pick(CRITERIA)} ${random.pick([...LISTS, userInfo().username])}`,
      );
      return `Match ${criteria.join(' ')}`;
    }
    default:
      return `Host ${Array.from({ length: random.between(1, 3) }, () => random.pick(PATTERNS)).join(' ')}`;
  }
}

function option(random: Random): string {
  const [keyword, values] = random.pick(OPTIONS);
  const written = random.pick([keyword, keyword.toLowerCase(), keyword.toUpperCase()]);
  return `${random.pick(['', '  ', '\t'])}${written}${random.pick([' ', ' ', '=', ' = ', '\t'])}${random.pick(values)}`;
}

/** @param includes files, and patterns of names of files, that it may include */
function text(random: Random, folder: string, includes: readonly string[]): string {
  const lines = Array.from({ length: random.between(0, 10) }, () => {
    const kind = random.below(includes.length > 0 ? 10 : 9);
    if (kind < 3) return head(random);
    if (kind === 3) return random.pick(['', '# Port 1', '  # Host vm']);
    return kind < 9 ? option(random) : `Include ${folder}/${random.pick(includes)}`;
  });
  return `${lines.join('\n')}\n`;
}

/** Files by their names. None includes itself, which ssh refuses. */
export function randomConfiguration(random: Random, folder: string): ReadonlyMap<string, string> {
  const [one, two, three] = INCLUDED;
  return new Map([
    [MAIN, text(random, folder, [...INCLUDED, 'missing', '*ee', 't*'])],
    [one, text(random, folder, [two, 't*'])],
    [two, text(random, folder, [three])],
    [three, text(random, folder, [])],
  ]);
}

/** What is compared of a host: all that a configuration can say differently, and not what is ours. */
function compared(host: ResolvedHost) {
  const {
    identityFiles,
    userKnownHostsFiles,
    globalKnownHostsFiles,
    unused,
    algorithms,
    configFile,
    ...rest
  } = host;
  return {
    ...rest,
    // Where none is named, each has its own defaults.
    identityFiles: identityFiles.filter((name) => name.startsWith('/k/')),
    userKnownHostsFiles: userKnownHostsFiles.filter((name) => name.startsWith('/h/')),
  };
}

/**
 * Writes the files to a folder and reads them in both ways.
 * @throws Failure when we cannot read them
 * @throws Error when ssh cannot
 */
export async function bothReadings(folder: string, files: ReadonlyMap<string, string>) {
  for (const [name, content] of files) writeFileSync(join(folder, name), content);
  const configFile = join(folder, MAIN);
  const around: Surroundings = {
    home: folder,
    // ssh takes the name of the account, not of the environment.
    user: userInfo().username,
    env: {},
    platform: 'linux',
  };
  const { stdout } = await promisify(execFile)('ssh', ['-G', '-F', configFile, '--', ALIAS]);
  const entry = { alias: ALIAS, configFile };
  return {
    theirs: compared(interpret(entry, parseSshG(stdout), around)),
    ours: compared(interpret(entry, await computeFromFiles(entry, around), around)),
  };
}

/** What the tests need of the machine: OpenSSH's server and agent, sudo, and login shells. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { ensurePrograms } from '../support/debian.ts';

const PROGRAMS: Readonly<Record<string, string>> = {
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  'ssh-agent': 'openssh-client',
  sudo: 'sudo',
  busybox: 'busybox',
  fish: 'fish',
  tcsh: 'tcsh',
  zsh: 'zsh',
  setsid: 'util-linux',
  doas: 'opendoas',
  puttygen: 'putty-tools',
  strace: 'strace',
};

export default async function setup(): Promise<() => void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Error(
      'The SSH tests start real SSH servers with users of their own: run them as root on Linux.',
    );
  }
  process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  await ensurePrograms(PROGRAMS, 'the SSH tests', (line) => console.log(line));
  // sshd gives up its rights in this folder; a package's start script would make it.
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  for (const user of USERS) addUser(user.name, user.shell);
  writeRule(`${SUDO_RULE}-asks`, [
    `${USER.asks} ALL=(root) /bin/sh`,
    `${USER.tty} ALL=(root) /bin/sh`,
    `Defaults:${USER.tty} requiretty`,
  ]);
  return () => {
    rmSync(SUDO_RULE, { force: true });
    rmSync(SUDO_LOG, { force: true });
    rmSync(`${SUDO_RULE}-asks`, { force: true });
    for (const { name } of USERS) execFileSync('userdel', ['--force', '--remove', name], { stdio: 'ignore' });
  };
}

/** In the names of this run's accounts, so that two runs on one machine keep apart. */
const RUN = process.env['ZSCOPE_TEST_RUN'] ?? randomBytes(3).toString('hex');
process.env['ZSCOPE_TEST_RUN'] = RUN;

/** The rule by which sudo lets `USER.sudo` be root. */
export const SUDO_RULE = `/etc/sudoers.d/zscope-tests-${RUN}`;

/** What sudo says of `USER.sudo`: one entry each time it lets it be root. */
export const SUDO_LOG = `/run/zscope-tests-${RUN}.sudo`;

/** Accounts of the tests, by what is special about them. Keys are given to them by each server. */
export const USER = {
  sudo: `zscope-${RUN}-sudo`,
  dash: `zscope-${RUN}-dash`,
  fish: `zscope-${RUN}-fish`,
  tcsh: `zscope-${RUN}-tcsh`,
  zsh: `zscope-${RUN}-zsh`,
  password: `zscope-${RUN}-password`,
  /** sudo lets it be root for its password. */
  asks: `zscope-${RUN}-asks`,
  /** The same, from a terminal only. */
  tty: `zscope-${RUN}-tty`,
} as const;

const USERS: ReadonlyArray<{ readonly name: string; readonly shell: string }> = [
  { name: USER.sudo, shell: '/bin/bash' },
  { name: USER.dash, shell: '/bin/dash' },
  { name: USER.fish, shell: '/usr/bin/fish' },
  { name: USER.tcsh, shell: '/usr/bin/tcsh' },
  { name: USER.zsh, shell: '/usr/bin/zsh' },
  { name: USER.password, shell: '/bin/bash' },
  { name: USER.asks, shell: '/usr/bin/fish' },
  { name: USER.tty, shell: '/usr/bin/tcsh' },
];

/**
 * The password of those that have one: made anew for each run, since the account is a real one of this
 * machine while the tests run. The workers get it through the environment.
 */
export const PASSWORD =
  process.env['ZSCOPE_TEST_PASSWORD'] ?? `canary-4711-${randomBytes(12).toString('hex')}`;
process.env['ZSCOPE_TEST_PASSWORD'] = PASSWORD;

function addUser(name: string, shell: string): void {
  try {
    execFileSync('id', [name], { stdio: 'ignore' });
  } catch {
    execFileSync('useradd', ['--create-home', '--shell', shell, name]);
  }
  // An account whose password is locked may not sign in at all without PAM; `*` is no password.
  const signsIn: readonly string[] = [USER.password, USER.asks, USER.tty];
  if (signsIn.includes(name)) execFileSync('chpasswd', [], { input: `${name}:${PASSWORD}\n` });
  else execFileSync('usermod', ['--password', '*', name]);
  if (name === USER.sudo) {
    writeRule(SUDO_RULE, [`${name} ALL=(root) NOPASSWD: /bin/sh`, `Defaults:${name} logfile=${SUDO_LOG}`]);
  }
}

function writeRule(file: string, lines: readonly string[]): void {
  // By a name that sudo does not read (sudoers(5), @includedir), so it never sees half a rule.
  rmSync(`${file}.new`, { force: true });
  writeFileSync(`${file}.new`, lines.map((line) => `${line}\n`).join(''), { mode: 0o440 });
  renameSync(`${file}.new`, file);
}

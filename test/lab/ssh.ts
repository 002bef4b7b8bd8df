/** Reaching the VM by the host's OpenSSH client, and the configuration that lets others do so. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Image } from './image.ts';
import { type ExecResult, run } from './processes.ts';

/** Accounts of the VM: root, one that may become root by `sudo -n`, and one that may not. */
export type LabUser = 'root' | 'dev' | 'plain';

export interface SshAddress {
  readonly port: number;
  readonly image: Image;
}

/** Runs a script with `/bin/sh`, which reads it from standard input. */
export function execScript(
  address: SshAddress,
  user: LabUser,
  script: string,
  timeoutMs: number,
): Promise<ExecResult> {
  const args = [...options(address), '-o', 'BatchMode=yes', '-T', target(user), 'exec /bin/sh'];
  return run('ssh', args, { input: script, timeoutMs });
}

/** ssh in the foreground, as a person types it. Resolves to its exit code. */
export function interactiveSsh(
  address: SshAddress,
  user: LabUser,
  command: readonly string[],
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('ssh', [...options(address), target(user), ...command], {
      stdio: 'inherit',
    });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 255));
  });
}

function target(user: LabUser): string {
  return `${user}@127.0.0.1`;
}

function options({ port, image }: SshAddress): string[] {
  return [
    ...['-F', 'none', '-p', String(port), '-i', image.keyFile],
    ...['-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=yes'],
    // The keys are known from the image, under one name for every port.
    ...['-o', `UserKnownHostsFile="${image.knownHosts}"`, '-o', 'HostKeyAlias=zscope-lab'],
    ...['-o', 'GlobalKnownHostsFile=none', '-o', 'ConnectTimeout=20', '-o', 'LogLevel=ERROR'],
  ];
}

/** Name of a `Host` of {@link writeSshConfig} by account. */
export const hostAliases: Readonly<Record<LabUser, string>> = {
  root: 'zscope-lab',
  dev: 'zscope-lab-dev',
  plain: 'zscope-lab-plain',
};

/**
 * Writes the ssh_config(5) through which the extension and its tests find the VM. Its known_hosts
 * file is one of its own: it starts empty, so that a first connection asks.
 */
export function writeSshConfig(stateDir: string, { port, image }: SshAddress): string {
  const users: readonly LabUser[] = ['root', 'dev', 'plain'];
  const hosts = users.map((user) =>
    [
      `Host ${hostAliases[user]}`,
      '    HostName 127.0.0.1',
      `    Port ${port}`,
      `    User ${user}`,
      `    IdentityFile "${image.keyFile}"`,
      '    IdentitiesOnly yes',
      `    UserKnownHostsFile "${join(stateDir, 'known_hosts')}"`,
    ].join('\n'),
  );
  const file = join(stateDir, 'ssh_config');
  writeFileSync(file, `${hosts.join('\n\n')}\n`, { mode: 0o600 });
  return file;
}

/**
 * Whether an SSH server greets on that port of 127.0.0.1. The emulator accepts connections long
 * before the guest does, so only the greeting counts (RFC 4253, 4.2).
 */
export function greetsSsh(port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const finish = (answer: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    socket.once('data', (data) => finish(data.toString('latin1').startsWith('SSH-2.0-')));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
  });
}

/** A machine for the tests to connect to: a real sshd on loopback, run as whoever runs the tests. */
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import * as vscode from 'vscode';
import { Server } from '../../ssh/server.ts';
import { eventually, type Row, rows } from './window.ts';

const isRoot = process.getuid?.() === 0;

/**
 * The command of a session that has no root and no way to it, whoever signs in. Takes the place of
 * the client's command (sshd_config(5), ForceCommand).
 */
export const WITHOUT_ROOT = `ForceCommand exec setpriv --no-new-privs${
  isRoot ? ' --reuid=65534 --regid=65534 --clear-groups' : ''
} /bin/sh`;

/** Starts a server whose host key the client knows. @param config further lines of sshd_config. */
export async function startMachine(...config: readonly string[]): Promise<Server> {
  if (isRoot) {
    // sshd gives up its rights in this folder; a package's start script would make it.
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  }
  const server = await Server.start({ user: os.userInfo().username, config });
  server.trust('ed25519');
  return server;
}

/** Gives the client these configuration files, as a person would in the user's settings. */
export async function configure(...files: readonly string[]): Promise<void> {
  await vscode.workspace
    .getConfiguration()
    .update(
      'zscope.ssh.configFiles',
      files.length === 0 ? undefined : files,
      vscode.ConfigurationTarget.Global,
    );
}

/** The row of a machine in the Targets view. */
export async function rowOf(server: Server): Promise<Row> {
  const found = await eventually(
    `a row of ${server.configFile}`,
    async () => (await rows('zscope.targets')).filter(({ item }) => item.id?.startsWith(server.configFile)),
    (list) => list.length === 1,
  );
  const [row] = found;
  if (row === undefined) {
    throw new Error('unreachable: the list has one row');
  }
  return row;
}

/** What the row says: its state, and the text after its name. */
export async function stateOf(server: Server): Promise<{ state: string; text: string }> {
  const { item } = await rowOf(server);
  return { state: item.contextValue ?? '', text: String(item.description ?? '') };
}

/** Runs a command as from the machine's row. */
export async function onRow(
  command: 'connectTarget' | 'disconnect' | 'showTarget' | 'replaceHostKey' | 'becomeRoot' | 'showConsole',
  server: Server,
): Promise<void> {
  await vscode.commands.executeCommand(`zscope.${command}`, (await rowOf(server)).node);
}

/** Clicks the machine's row, or presses Enter on it; does nothing when that has no effect. */
export async function clickRow(server: Server): Promise<void> {
  const { command } = (await rowOf(server)).item;
  if (command !== undefined) {
    await vscode.commands.executeCommand(command.command, ...(command.arguments ?? []));
  }
}

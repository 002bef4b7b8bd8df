/** The folder that the window of a test run opens: a copy, since tests and VS Code write into it. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { repository } from '../support/paths.ts';

/**
 * Copies test/vscode/workspace to a temporary folder and gives it settings that a hostile workspace
 * would like to have: a configuration of its own for where connections go.
 */
export function makeWorkspace(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'zscope-workspace-'));
  const remove = () => {
    process.off('exit', remove);
    rmSync(folder, { recursive: true, force: true });
  };
  process.on('exit', remove);
  cpSync(path.join(repository, 'test/vscode/workspace'), folder, { recursive: true });
  mkdirSync(path.join(folder, '.vscode'));
  const hosts = path.join(folder, '.vscode', 'hosts');
  writeFileSync(hosts, 'Host of-the-workspace\n  HostName 127.0.0.1\n');
  const settings = { 'zscope.ssh.configFiles': [hosts] };
  writeFileSync(path.join(folder, '.vscode', 'settings.json'), JSON.stringify(settings));
  return { folder, remove };
}

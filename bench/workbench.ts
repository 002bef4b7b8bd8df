/** A real workbench that is connected to the lab VM. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openWorkbench, type Workbench } from '../test/e2e/driver.ts';
import type { LabInfo } from '../test/lab/lab.ts';

/** Runs `work` in a window on the ZFS source, connected as root; then the window is closed. */
export async function inWorkbench<T>(
  vm: LabInfo,
  vsix: string,
  work: (workbench: Workbench) => Promise<T>,
): Promise<T> {
  const home = mkdtempSync(path.join(os.tmpdir(), 'zscope-bench-'));
  const sshConfig = path.join(home, 'ssh_config');
  const config = readFileSync(vm.sshConfig, 'utf8');
  writeFileSync(sshConfig, config.replaceAll(vm.knownHosts, path.join(home, 'known_hosts')));
  const workbench = await openWorkbench({
    vsix,
    folder: vm.sourceDir,
    // The first trace on a target asks; what is measured is any other one.
    settings: { 'zscope.ssh.configFiles': [sshConfig], 'zscope.trace.askFirst': false },
    env: { HOME: home },
    artifacts: path.join('test-artifacts', 'bench'),
  });
  try {
    await workbench.openActivity('ZScope');
    await workbench.tree('Targets').rowAction(/^zscope-lab(?!-)/, 'Connect');
    await workbench.dialog.press('Trust and Connect');
    await workbench
      .tree('Targets')
      .row(/^zscope-lab ?ZFS \d/)
      .waitFor();
    return await work(workbench);
  } catch (error) {
    await workbench.screenshot('failed').catch(() => {});
    throw error;
  } finally {
    await workbench.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

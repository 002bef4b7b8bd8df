/**
 * A person's walk from a hung process to its source line: a real workbench, a real VM whose pool
 * hangs, clicks, and a picture of each step in test-artifacts/e2e.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { packageVsix } from '../host/package-vsix.ts';
import * as lab from '../lab/lab.ts';
import { openWorkbench, type Workbench, waitFor } from './driver.ts';
import { goToFunction, MAX_RATE, traceSteps } from './trace-steps.ts';

const VNOPS = 'module/os/linux/zfs/zfs_vnops_os.c';

const progress = (line: string) => console.log(`[lab] ${line}`);

let vm: lab.LabInfo;
let home: string;
let sshConfig: string;
let knownHosts: string;
let workbench: Workbench;

beforeAll(async () => {
  vm = await lab.ensureUp(progress);
  if (await lab.isHung()) {
    await lab.resume(progress);
  }
  await lab.hang(progress);
  home = mkdtempSync(path.join(os.tmpdir(), 'zscope-walk-'));
  knownHosts = path.join(home, 'known_hosts');
  sshConfig = path.join(home, 'ssh_config');
  // The lab's own configuration, but with known hosts that know nobody yet.
  writeFileSync(sshConfig, readFileSync(vm.sshConfig, 'utf8').replaceAll(vm.knownHosts, knownHosts));
  workbench = await openWorkbench({
    vsix: await packageVsix(),
    folder: vm.sourceDir,
    settings: { 'zscope.ssh.configFiles': [sshConfig], 'zscope.trace.maxRate': MAX_RATE },
    env: { HOME: home },
  });
});

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') {
    await workbench?.screenshot(`failed-${task.name}`);
    console.log(`[log]\n${extensionLog()}`);
  }
});

afterAll(async () => {
  await workbench?.stop();
  await lab.exec('rm -f /run/calls');
  if (await lab.isHung().catch(() => false)) {
    await lab.resume(progress);
  }
  rmSync(home, { recursive: true, force: true });
});

/** What tracing left in the VM: instances, probes and processes of ours. */
async function leftovers(): Promise<string> {
  return lab.execChecked(`
    ls /sys/kernel/tracing/instances | grep -vx lab
    cat /sys/kernel/tracing/kprobe_events
    for p in /proc/[0-9]*; do
      case $(readlink $p/exe 2>/dev/null) in */cat) tr '\\0' ' ' < $p/cmdline | grep trace_pipe ;; esac
    done
    true`);
}

/** The extension's own Log, as VS Code keeps it on disk. */
function extensionLog(): string {
  const logs = path.join(workbench.userData, 'logs');
  return readdirSync(logs, { recursive: true, encoding: 'utf8' })
    .filter((file) => /(ZScope|remoteexthost)\.log$/.test(file))
    .map((file) => `${file}:\n${readFileSync(path.join(logs, file), 'utf8').slice(-6000)}`)
    .join('\n');
}

/** Waits until the views show the connected lab. */
async function connected(): Promise<void> {
  await workbench
    .tree('Targets')
    .row(/^zscope-lab ?ZFS 2/)
    .waitFor();
}

/** A line of a file of the source, 1-based. */
function sourceLine(file: string, line: number): string {
  return readFileSync(path.join(vm.sourceDir, file), 'utf8').split('\n')[line - 1] ?? '';
}

describe('from a hung process to its source line', () => {
  it('lists the targets of the ssh configuration', async () => {
    await workbench.openActivity('ZScope');
    await workbench.widenSidebar(430);
    const rows = await workbench
      .tree('Targets')
      .waitForRows('the lab is listed', (texts) => texts.some((text) => text.startsWith('zscope-lab')));
    expect(rows.map((row) => row.trim())).toEqual(
      expect.arrayContaining(['zscope-lab', 'zscope-lab-dev', 'zscope-lab-plain']),
    );
    expect(await workbench.tree('Hung Tasks').welcomeText()).toContain('Connect to');
    await workbench.screenshot('targets');
  });

  it('asks before it trusts a new host key, and shows its type and fingerprint', async () => {
    await workbench.tree('Targets').rowAction(/^zscope-lab(?!-)/, 'Connect');
    const text = await workbench.dialog.text();
    const key = await lab.execChecked('ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub');
    const fingerprint = /SHA256:\S+/.exec(key)?.[0] ?? 'none';
    expect(text).toContain('ssh-ed25519');
    expect(text).toContain(fingerprint);
    await workbench.screenshot('host-key');
    await workbench.dialog.press('Trust and Connect');
    await connected();
    await workbench.statusBarItem('zscope-lab').waitFor();
    expect(readFileSync(knownHosts, 'utf8')).toContain(`[127.0.0.1]:${vm.port} ssh-ed25519`);
  });

  it('shows the four hung tasks, and their number on the icon', async () => {
    const rows = await workbench
      .tree('Hung Tasks')
      .waitForRows('four hung tasks', (texts) =>
        ['sync', 'zfs', 'dd', 'txg_sync'].every((comm) => texts.some((text) => text.startsWith(`${comm} `))),
      );
    for (const row of rows) {
      // sync (3198) D  45 s  zil_commit_impl, or sync ×2  D  45 s  zil_commit_impl
      expect(row).toMatch(/^[\w, ]+ (\(\d+\) |×\d+ {2})D {2}\d+ (s|min) {2}\w+$/);
    }
    expect(rows.some((row) => /txg_wait_synced/.test(row))).toBe(true);
    // Four were made to hang; others that need the pool may have joined them.
    const hung = rows.reduce((sum, row) => sum + Number(/ ×(\d+) /.exec(row)?.[1] ?? 1), 0);
    expect(hung).toBeGreaterThanOrEqual(4);
    await waitFor('the number on the icon', async () =>
      (await workbench.badge('ZScope')) === String(hung) ? true : undefined,
    );
    await workbench.screenshot('hung-tasks');
  });

  it('opens a stack into frames at their exact lines, inlined functions included', async () => {
    const tree = workbench.tree('Hung Tasks');
    // Of sync and dd the first waits in zil_create() for a txg; the other waits for the first.
    await tree.expand(/^(sync|dd)\b.*txg_wait_synced/);
    const rows = await tree.waitForRows(
      'exact lines',
      (texts) => texts.some((text) => /^zil_create zil\.c:\d+ {2}\+0x/.test(text)),
      120_000,
    );
    expect(rows.find((row) => /^zil_commit_impl /.test(row))).toMatch(
      /^zil_commit_impl zil\.c:\d+ {2}\+0x[0-9a-f]+ \[zfs\]$/,
    );
    expect(rows.some((row) => / \w+\.[ch]:\d+ {2}inlined$/.test(row))).toBe(true);
    await workbench.screenshot('frames');
    await tree.click(/^zil_create/);
    const line = Number(/:(\d+) /.exec(rows.find((row) => row.startsWith('zil_create ')) ?? '')?.[1]);
    await workbench.editor.waitForPosition('zil.c', line);
    // The task waits in txg_wait_synced(), called by zil_create(): that very line calls it.
    expect(sourceLine('module/zfs/zil.c', line)).toContain('txg_wait_synced(');
    await waitFor('the line is marked', async () =>
      (await workbench.editor.markedLines()).includes(line) ? true : undefined,
    );
    await workbench.screenshot('source-line');
  });

  it('shows all tasks on a switch, without idle threads unless asked, and filters', async () => {
    const tree = workbench.tree('Hung Tasks');
    await tree.titleAction('Show All Tasks');
    const all = workbench.tree('All Tasks');
    const rows = await all.waitForRows('more than the hung', (texts) => texts.length > 6);
    expect(rows.join('\n')).not.toMatch(/^l2arc_feed/m);
    await workbench.runCommand('ZScope: Show Idle ZFS Threads');
    await all.titleAction('Filter Tasks...');
    await workbench.quickInput.fill('l2arc_feed');
    await all.waitForRows('the idle thread', (texts) => texts.some((text) => text.startsWith('l2arc_feed')));
    await workbench.runCommand('ZScope: Hide Idle ZFS Threads');
    await all.waitForRows('no idle thread', (texts) => texts.length === 0);
    await all.titleAction('Clear Task Filter');
    await all.titleAction('Filter Tasks...');
    await workbench.quickInput.fill('txg_sync');
    await all.waitForRows(
      'only what has to do with txg_sync',
      (texts) =>
        texts.some((text) => text.startsWith('txg_sync')) &&
        texts.every((text) => !text.startsWith('systemd')),
    );
    await workbench.screenshot('filtered');
    await all.titleAction('Clear Task Filter');
    await all.titleAction('Show Hung Tasks Only');
    await tree.waitForRows('the hung ones again', (texts) => texts.some((text) => text.startsWith('dd ')));
  });

  it('traces the function under the cursor, with arguments and stacks', async () => {
    await goToFunction({ workbench, vm }, VNOPS, 'zfs_getattr_fast');
    await lab.execChecked(
      'touch /run/calls; (while [ -e /run/calls ]; do stat /tank; sleep 0.1; done) </dev/null >/dev/null 2>&1 &',
    );
    await workbench.editor.contextMenu('zfs_getattr_fast', 'Trace This Function');
    // The first trace on a target asks; no other one does.
    expect(await workbench.dialog.text()).toContain('Trace on "zscope-lab"?');
    expect((await leftovers()).trim()).toBe('');
    const clicked = performance.now();
    await workbench.dialog.press('Trace');
    const first = await waitFor('the first call behind the function', async () =>
      (await workbench.editor.textsBehindLines()).find((text) => text.includes('first call: ')),
    );
    expect(first).toMatch(/first call: stat\(\d+\).* <- zpl_getattr <- vfs_/);
    console.log(
      `[walk] click to first call behind the function: ${Math.round(performance.now() - clicked)} ms`,
    );
    const view = await workbench.webview();
    await view.getByText('zfs_getattr_fast').first().waitFor();
    await view.locator('[role=row]', { hasText: 'stat' }).first().waitFor();
    const took = performance.now() - clicked;
    console.log(`[walk] click to first call on screen: ${Math.round(took)} ms`);
    // Two seconds is what is promised; the machine of a test may be busy with other things.
    expect(took).toBeLessThan(6000);
    await view.locator('text=/ip=0x[0-9a-f]+/').first().waitFor();
    // Its caller, and in it the function that the compiler inlined there, at their lines.
    await view.getByText('zpl_getattr_impl').first().waitFor({ timeout: 120_000 });
    await view
      .getByText(/zpl_inode\.c:\d+/)
      .first()
      .waitFor();
    await workbench.screenshot('trace');
    await view.getByRole('button', { name: 'Stop' }).click();
    await view.getByText('nothing is left on the target').waitFor();
    expect((await leftovers()).trim()).toBe('');
  });

  it('says why an inlined function cannot be traced, and offers its caller', async () => {
    await goToFunction({ workbench, vm }, 'module/zfs/zil.c', 'zil_commit_writer');
    await workbench.runCommand('ZScope: Trace This Function');
    const view = await workbench.webview('Trace zil_commit_writer');
    await view
      .getByRole('alert')
      .getByText(/inlined/)
      .waitFor();
    const caller = view.getByRole('button', { name: /^zil_commit_impl / });
    await caller.waitFor();
    await workbench.screenshot('why-not');
    expect((await leftovers()).trim()).toBe('');
    await caller.click();
    const other = await workbench.webview('Trace zil_commit_impl');
    // The tasks that hang in it are why no call comes.
    await other.getByText(/hung tasks? (is|are) inside zil_commit_impl/).waitFor();
    await other.getByRole('button', { name: 'Stop' }).click();
    await other.getByText('nothing is left on the target').waitFor();
    expect((await leftovers()).trim()).toBe('');
  });

  it('tails dbgmsg, each place a link', async () => {
    await workbench.runCommand('ZScope: Show dbgmsg');
    const view = await workbench.webview('dbgmsg');
    await view.locator('[role=row]', { hasText: 'spa_history' }).first().waitFor();
    await workbench.screenshot('dbgmsg');
    const link = view.locator('[role=row]', { hasText: /\.c:\d+:/ }).first();
    const text = (await link.textContent()) ?? '';
    const [, file = '', at = ''] = /(\w+\.c):(\d+):/.exec(text) ?? [];
    await link.locator('button, a').first().click();
    await workbench.editor.waitForPosition(file, Number(at));
    await workbench.screenshot('dbgmsg-source');
  });

  it('empties the list by itself when the disk comes back', async () => {
    await lab.resume(progress);
    await workbench.openActivity('ZScope');
    await waitFor('the view says that nothing hangs', async () =>
      (await workbench.tree('Hung Tasks').message()).includes('No task') ? true : undefined,
    );
    expect(await workbench.tree('Hung Tasks').rows()).toEqual([]);
    await waitFor('the icon has no number', async () =>
      (await workbench.badge('ZScope')) === undefined ? true : undefined,
    );
    await workbench.screenshot('resumed');
  });

  it('connects again without a question', async () => {
    await workbench.tree('Targets').rowAction(/^zscope-lab(?!-)/, 'Disconnect');
    await workbench.tree('Targets').rowAction(/^zscope-lab(?!-)/, 'Connect');
    await connected();
    expect(await workbench.dialog.isOpen()).toBe(false);
  });

  traceSteps(() => ({ workbench, vm, folder: '/tank' }));

  it('refuses a changed host key and names the line', async () => {
    await workbench.tree('Targets').rowAction(/^zscope-lab(?!-)/, 'Disconnect');
    const lines = readFileSync(knownHosts, 'utf8');
    const other = await lab.execChecked(
      'ssh-keygen -q -t ed25519 -N "" -f /run/other-key && cat /run/other-key.pub && rm /run/other-key*',
    );
    writeFileSync(knownHosts, lines.replace(/ssh-ed25519 \S+/, other.split(' ').slice(0, 2).join(' ')));
    await workbench.tree('Targets').rowAction(/^zscope-lab(?!-)/, 'Connect');
    const message = await workbench.notifications.waitFor('host key');
    expect(message).toContain(`${knownHosts}:1`);
    await workbench.screenshot('changed-key');
    writeFileSync(knownHosts, lines);
    await workbench.notifications.close('host key');
  });

  it('leaves nothing behind when the window closes during a trace', async () => {
    await workbench.tree('Targets').rowAction(/^zscope-lab(?!-)/, 'Connect');
    await connected();
    await goToFunction({ workbench, vm }, VNOPS, 'zfs_getattr_fast');
    await workbench.editor.contextMenu('zfs_getattr_fast', 'Trace This Function');
    await waitFor('the probe is there', async () =>
      (await leftovers()).includes('zfs_getattr_fast') ? true : undefined,
    );
    await workbench.stop();
    await waitFor(
      'nothing is left',
      async () => ((await leftovers()).trim() === '' ? true : undefined),
      40_000,
    );
  });
});

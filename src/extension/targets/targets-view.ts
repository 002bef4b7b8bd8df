import { existsSync } from 'node:fs';
import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import { inert } from '../../core/text/inert.ts';
import type { HostEntry } from '../../target/connection.ts';
import type { FailureFunnel } from '../failures.ts';
import { views } from '../ids.ts';
import { commandLink, setting } from '../vscode-table.ts';
import { targetModule } from './lazy-target.ts';
import type { TargetNode } from './target-nodes.ts';
import { targetKey } from './target-nodes.ts';
import type { TargetService } from './target-service.ts';

const THIS_MACHINE: HostEntry = { alias: 'This machine', configFile: null, isLocal: true };

/** It is one to look at: ZFS is loaded here, or somebody opened a window on it (Remote-SSH, a browser). */
function offersThisMachine(): boolean {
  const isOpened = vscode.env.remoteName !== undefined;
  return process.platform === 'linux' && (isOpened || existsSync('/sys/module/zfs'));
}

/** The hosts of the user's ssh configuration and of the files in `zscope.ssh.configFiles`. */
export class TargetsView implements vscode.TreeDataProvider<TargetNode>, Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #tree: vscode.TreeView<TargetNode>;
  readonly #listeners: vscode.Disposable;

  constructor(
    private readonly targets: TargetService,
    private readonly funnel: FailureFunnel,
  ) {
    this.#tree = vscode.window.createTreeView(views.targets, { treeDataProvider: this });
    this.#listeners = vscode.Disposable.from(
      targets.onChange(() => this.#changed.fire()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('zscope.ssh')) {
          this.refresh();
        }
      }),
    );
  }

  refresh(): void {
    this.#changed.fire();
  }

  /** All hosts that can be connected to by name. */
  async hosts(): Promise<readonly HostEntry[]> {
    const hosts = await targetModule().listHosts(setting('zscope.ssh.configFiles'), true);
    return [...hosts, ...(offersThisMachine() ? [THIS_MACHINE] : [])];
  }

  async getChildren(node?: TargetNode): Promise<TargetNode[]> {
    if (node !== undefined) {
      return [];
    }
    try {
      const hosts = await this.hosts();
      this.#tree.message = '';
      return this.#rows(hosts);
    } catch (error) {
      this.#tree.message = this.funnel.note(error, 'Reading the ssh configuration');
      return this.#rows([]);
    }
  }

  /** The hosts; and targets that no configuration names any more, so that they can be disconnected. */
  #rows(hosts: readonly HostEntry[]): TargetNode[] {
    const entries = new Map(hosts.map((entry) => [targetKey(entry), entry]));
    for (const { entry } of this.targets.all) {
      entries.set(targetKey(entry), entry);
    }
    return [...entries.values()].map((entry) => ({ kind: 'target', entry }));
  }

  getTreeItem(node: TargetNode): vscode.TreeItem {
    const { entry } = node;
    const target = this.targets.target(entry);
    const item = new vscode.TreeItem(entry.alias);
    item.id = targetKey(entry);
    const active = this.targets.active !== null && targetKey(this.targets.active.entry) === targetKey(entry);
    const facts = target?.connection?.facts ?? null;
    const zfs = facts?.zfsVersion ? `ZFS ${facts.zfsVersion}` : 'ZFS not loaded';
    const withoutRoot = facts?.root === 'none';
    // What a narrow view must not cut off comes first.
    const about =
      facts === null ? '' : inert(`${withoutRoot ? 'without root, ' : ''}${zfs}, ${facts.kernelRelease}`);
    switch (target?.state ?? 'closed') {
      case 'connecting':
        item.iconPath = new vscode.ThemeIcon('loading~spin');
        item.description = 'connecting...';
        item.contextValue = 'target.connecting';
        break;
      case 'connected':
        item.iconPath = new vscode.ThemeIcon(
          'vm-active',
          new vscode.ThemeColor(active ? 'charts.green' : 'foreground'),
        );
        item.description = about;
        item.contextValue = active ? 'target.active' : 'target.connected';
        if (!active) {
          item.command = commandLink('zscope.showTarget', 'Show This Target', node);
        }
        break;
      case 'silent':
        item.iconPath = new vscode.ThemeIcon('vm-outline', new vscode.ThemeColor('charts.yellow'));
        item.description = 'not answering: paused in a debugger? panicked?';
        item.contextValue = active ? 'target.active' : 'target.connected';
        if (!active) {
          item.command = commandLink('zscope.showTarget', 'Show This Target', node);
        }
        break;
      case 'closed':
        item.iconPath = new vscode.ThemeIcon(target?.why ? 'warning' : 'vm');
        item.description = `${target?.isRetrying ? 'trying again: ' : ''}${target?.why ?? ''}`;
        item.contextValue = target?.keyChange ? 'target.keyChanged' : 'target.disconnected';
        item.command = commandLink('zscope.connectTarget', 'Connect', node);
        break;
    }
    item.tooltip = [
      entry.alias,
      entry.isLocal
        ? 'the machine that ZScope runs on, without SSH'
        : entry.configFile === null
          ? 'from your ssh configuration'
          : `from ${entry.configFile}`,
      about,
      target?.connection?.remark ?? '',
      withoutRoot ? 'Signed in without root, which hung tasks, traces and dbgmsg take.' : '',
      active && facts !== null ? 'The views show this target.' : '',
      target?.why ?? '',
    ]
      .filter((line) => line !== '')
      .join('\n');
    return item;
  }

  dispose(): void {
    this.#listeners.dispose();
    this.#tree.dispose();
    this.#changed.dispose();
  }
}

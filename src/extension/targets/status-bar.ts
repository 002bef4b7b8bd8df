import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import { commandLink } from '../vscode-table.ts';
import type { TargetService } from './target-service.ts';

/** Says which target the views show and how its connection stands; a click offers another one. */
export class TargetStatus implements Disposable {
  readonly #item: vscode.StatusBarItem;
  readonly #listener: vscode.Disposable;

  constructor(private readonly targets: TargetService) {
    this.#item = vscode.window.createStatusBarItem('zscope.target', vscode.StatusBarAlignment.Left, 0);
    this.#item.name = 'ZScope target';
    this.#item.command = commandLink('zscope.connect', 'Connect to another target');
    this.#listener = targets.onChange(() => this.#show());
  }

  #show(): void {
    const target = this.targets.active;
    if (target === null) {
      this.#item.hide();
      return;
    }
    // A dollar sign with a parenthesis would be read as an icon.
    const name = target.entry.alias.replaceAll('$(', '$ (');
    this.#item.backgroundColor = undefined;
    switch (target.state) {
      case 'connecting':
        this.#item.text = `$(loading~spin) ${name}`;
        this.#item.tooltip = `ZScope is connecting to ${target.entry.alias}`;
        break;
      case 'connected':
        this.#item.text = `$(vm-active) ${name}`;
        this.#item.tooltip = `ZScope is connected to ${target.entry.alias}`;
        break;
      case 'silent':
        this.#item.text = `$(warning) ${name}: not answering`;
        this.#item.tooltip = `${target.entry.alias} has not answered for some seconds. Paused in a debugger? Panicked?`;
        this.#item.backgroundColor = new vscode.ThemeColor('statusBarItem.warningBackground');
        break;
      case 'closed':
        this.#item.text = `$(debug-disconnect) ${name}`;
        this.#item.tooltip = target.why === '' ? `Disconnected from ${target.entry.alias}` : target.why;
        break;
    }
    this.#item.accessibilityInformation = { label: `ZScope target ${name}, ${target.state}` };
    this.#item.show();
  }

  dispose(): void {
    this.#listener.dispose();
    this.#item.dispose();
  }
}

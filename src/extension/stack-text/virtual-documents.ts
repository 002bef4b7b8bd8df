import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import { languages, schemes } from '../ids.ts';

/** Read-only documents that the extension makes. Each is kept as long as it is open. */
export class VirtualDocuments implements vscode.TextDocumentContentProvider, Disposable {
  /** By URI. */
  readonly #texts = new Map<string, string>();
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #registrations: vscode.Disposable;

  constructor() {
    this.#registrations = vscode.Disposable.from(
      vscode.workspace.registerTextDocumentContentProvider(schemes.stacks, this),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.#texts.delete(uri.toString())),
    );
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return (
      this.#texts.get(uri.toString()) ??
      'This was made in an earlier window. Run the command again to make it anew.\n'
    );
  }

  /** Shows stack text under a title; one that is open under this title already is made anew. */
  async show(
    title: string,
    text: string,
    where: Pick<vscode.TextDocumentShowOptions, 'viewColumn' | 'preserveFocus' | 'selection'> = {},
  ): Promise<void> {
    const uri = uriOf(title);
    this.#texts.set(uri.toString(), text);
    this.#changed.fire(uri);
    const opened = await vscode.workspace.openTextDocument(uri);
    const document = await vscode.languages.setTextDocumentLanguage(opened, languages.kernelStack);
    await vscode.window.showTextDocument(document, { preview: false, ...where });
  }

  /** Changes the text of a document that is open; does nothing for one that is not. */
  update(title: string, text: string): void {
    const uri = uriOf(title);
    if (this.#texts.has(uri.toString())) {
      this.#texts.set(uri.toString(), text);
      this.#changed.fire(uri);
    }
  }

  dispose(): void {
    this.#registrations.dispose();
    this.#changed.dispose();
  }
}

function uriOf(title: string): vscode.Uri {
  const name = title.replace(/[\\/?#%:*"<>|]/g, '_');
  return vscode.Uri.from({ scheme: schemes.stacks, path: `/${name}.kstack` });
}

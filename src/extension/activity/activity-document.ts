import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import { schemes } from '../ids.ts';
import type { ActivityFile } from './activity-file.ts';
import { activityText } from './activity-text.ts';

/** The newest records that the document shows; the files have all. */
const MOST_SHOWN = 5000;

/** A read-only document that lists what ran on targets, newest first. */
export class ActivityDocument implements vscode.TextDocumentContentProvider, Disposable {
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #registration: vscode.Disposable;

  constructor(private readonly file: ActivityFile) {
    this.#registration = vscode.workspace.registerTextDocumentContentProvider(schemes.activity, this);
  }

  async provideTextDocumentContent(): Promise<string> {
    return activityText(await this.file.read(MOST_SHOWN), this.file.file);
  }

  /** Opens it, or brings it up to date where it is open. */
  async show(): Promise<void> {
    const uri = vscode.Uri.from({ scheme: schemes.activity, path: '/Activity on targets' });
    this.#changed.fire(uri);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: false });
  }

  dispose(): void {
    this.#registration.dispose();
    this.#changed.dispose();
  }
}

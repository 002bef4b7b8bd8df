import * as vscode from 'vscode';
import { schemes } from '../ids.ts';
import { fileStat, ReadOnlyFiles } from '../read-only-files.ts';
import type { ActivityFile } from './activity-file.ts';
import { activityText } from './activity-text.ts';

/** The newest records that the document shows; the files have all. */
const MOST_SHOWN = 5000;

const PATH = '/Activity on targets';

/** A read-only document that lists what ran on targets, newest first. */
export class ActivityDocument extends ReadOnlyFiles {
  #bytes: Promise<Uint8Array> | null = null;
  #version = 1;

  constructor(private readonly file: ActivityFile) {
    super(schemes.activity);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    return fileStat(await this.readFile(uri), this.#version);
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    if (uri.path !== PATH) {
      throw vscode.FileSystemError.FileNotFound(uri);
    }
    this.#bytes ??= this.#read();
    return this.#bytes;
  }

  async #read(): Promise<Uint8Array> {
    return new TextEncoder().encode(activityText(await this.file.read(MOST_SHOWN), this.file.file));
  }

  /** Opens it, or brings it up to date where it is open. */
  async show(): Promise<void> {
    const uri = vscode.Uri.from({ scheme: schemes.activity, path: PATH });
    this.#bytes = null;
    this.#version++;
    this.tellChanged(uri);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: false });
  }
}

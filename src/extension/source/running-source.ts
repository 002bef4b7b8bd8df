import path from 'node:path';
import * as vscode from 'vscode';
import type { OtherSource } from '../../protocol/server.ts';
import type { Context } from '../vscode-table.ts';
import { FileDifferences } from './file-differences.ts';
import { textAt } from './git.ts';
import { fileOfRevision, revisionOf, revisionUri } from './revision-uri.ts';

/** The commit that the running module was built from, in a repository of the workspace. */
export interface RunningRevision {
  /** Top of the OpenZFS tree, absolute. */
  readonly folder: string;
  readonly commit: string;
  /** As people call it: `2.3.99-123_gabcdef`. */
  readonly name: string;
}

/**
 * The source as it stood when the running module was built: read-only documents of a commit. While
 * it is chosen, frames lead to them wherever the file differs from the one that is open.
 */
export class RunningSource {
  readonly #differences = new FileDifferences();
  #revision: RunningRevision | null = null;

  constructor(private readonly context: Context) {}

  /** Frames lead to the running source. */
  get chosen(): boolean {
    return this.context.get('zscope.runningSource');
  }

  set chosen(chosen: boolean) {
    this.context.set('zscope.runningSource', chosen);
  }

  /**
   * The running source of the active target; null when it is not known.
   * @param differs whether any file that is open is another
   */
  set(revision: RunningRevision | null, differs: boolean): void {
    const before = this.#revision;
    if (revision?.commit !== before?.commit || revision?.folder !== before?.folder) {
      this.chosen = false;
    }
    this.#revision = revision;
    this.context.set('zscope.sourceDiffers', differs);
  }

  get revision(): RunningRevision | null {
    return this.#revision;
  }

  /** Whether a file is another than the running module was built from. */
  async differs(file: vscode.Uri): Promise<boolean> {
    const at = this.#locate(file);
    if (at === null) {
      return false;
    }
    const open = vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === file.toString());
    return open?.isDirty === true || (await this.#differences.of({ ...at.revision, path: at.path })) === true;
  }

  /** The document of a file as it stood in the running revision; null when it was not there. */
  async documentOf(file: vscode.Uri): Promise<vscode.Uri | null> {
    const at = this.#locate(file);
    if (at === null || (await textAt(at.revision.folder, at.revision.commit, at.path)) === null) {
      return null;
    }
    return revisionUri({ ...at.revision, path: at.path }, at.revision.name);
  }

  /** Where a line of the running build is to be seen: as it stands there, if that is another file and the person wants it. */
  async shown(file: vscode.Uri): Promise<vscode.Uri> {
    return (this.chosen && (await this.differs(file)) ? await this.documentOf(file) : null) ?? file;
  }

  /** A file that is another than the running module was built from, as the person wants to see it; null when it is the same. */
  async otherSource(file: vscode.Uri): Promise<OtherSource | null> {
    const at = this.#locate(file);
    if (at === null || !(await this.differs(file))) {
      return null;
    }
    const { folder, commit, name } = at.revision;
    return { version: name, text: this.chosen ? await textAt(folder, commit, at.path) : null };
  }

  /** The file of the workspace that a document of the running version stands for; null for any other document. */
  fileOf(uri: vscode.Uri): vscode.Uri | null {
    const of = revisionOf(uri);
    const isRunning = this.#revision?.commit === of?.commit && this.#revision?.folder === of?.folder;
    return isRunning ? fileOfRevision(uri) : null;
  }

  #locate(file: vscode.Uri): { readonly revision: RunningRevision; readonly path: string } | null {
    const revision = this.#revision;
    const relative = revision === null ? '' : path.relative(revision.folder, file.fsPath);
    const isBelow = relative !== '' && !path.isAbsolute(relative) && relative.split(path.sep)[0] !== '..';
    return revision === null || !isBelow ? null : { revision, path: relative.split(path.sep).join('/') };
  }
}

import path from 'node:path';
import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import { schemes } from '../ids.ts';
import type { Context } from '../vscode-table.ts';
import { changedSources, textAt } from './git.ts';

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
export class RunningSource implements vscode.TextDocumentContentProvider, Disposable {
  readonly #registration: vscode.Disposable;
  #revision: RunningRevision | null = null;

  constructor(private readonly context: Context) {
    this.#registration = vscode.workspace.registerTextDocumentContentProvider(schemes.revision, this);
  }

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
    return (
      open?.isDirty === true ||
      ((await changedSources(at.revision.folder, at.revision.commit))?.includes(at.path) ?? false)
    );
  }

  /** The document of a file as it stood in the running revision; null when it was not there. */
  async documentOf(file: vscode.Uri): Promise<vscode.Uri | null> {
    const at = this.#locate(file);
    if (at === null || (await textAt(at.revision.folder, at.revision.commit, at.path)) === null) {
      return null;
    }
    const { folder, commit, name } = at.revision;
    return vscode.Uri.from({
      scheme: schemes.revision,
      // What the tab shows is the end of the path.
      path: `/${name}/${at.path}`,
      query: JSON.stringify({ folder, commit, path: at.path }),
    });
  }

  /** Where a line of the running build is to be seen: as it stands there, if that is another file and the person wants it. */
  async shown(file: vscode.Uri): Promise<vscode.Uri> {
    return (this.chosen && (await this.differs(file)) ? await this.documentOf(file) : null) ?? file;
  }

  #locate(file: vscode.Uri): { readonly revision: RunningRevision; readonly path: string } | null {
    const revision = this.#revision;
    const relative = revision === null ? '' : path.relative(revision.folder, file.fsPath);
    const isBelow = relative !== '' && !path.isAbsolute(relative) && relative.split(path.sep)[0] !== '..';
    return revision === null || !isBelow ? null : { revision, path: relative.split(path.sep).join('/') };
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const { folder, commit, path: file } = decodeQuery(uri.query);
    // Any extension can make such a URI: only folders of the workspace are read.
    const isOpen =
      vscode.workspace.getWorkspaceFolder(vscode.Uri.file(path.join(folder, file))) !== undefined;
    return (isOpen && vscode.workspace.isTrusted ? await textAt(folder, commit, file) : null) ?? '';
  }

  dispose(): void {
    this.#registration.dispose();
  }
}

/** Empty strings for a query that is not ours. */
function decodeQuery(query: string): { folder: string; commit: string; path: string } {
  try {
    const given: unknown = JSON.parse(query);
    if (
      typeof given === 'object' &&
      given !== null &&
      'folder' in given &&
      'commit' in given &&
      'path' in given
    ) {
      const { folder, commit, path: file } = given;
      if (typeof folder === 'string' && typeof commit === 'string' && typeof file === 'string') {
        return /^[0-9a-f]{40,64}$/.test(commit)
          ? { folder, commit, path: file }
          : { folder: '', commit: '', path: '' };
      }
    }
  } catch {
    // Below.
  }
  return { folder: '', commit: '', path: '' };
}

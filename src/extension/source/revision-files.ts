import * as vscode from 'vscode';
import { BoundedMap } from '../../core/bounded-map.ts';
import { schemes } from '../ids.ts';
import { fileStat, ReadOnlyFiles } from '../read-only-files.ts';
import { textAt } from './git.ts';
import { fileOfRevision, revisionOf } from './revision-uri.ts';

/** Files that are kept: VS Code asks for the size of one and then for its text. */
const MAX_KEPT = 8;

/** The documents of source as it stood in a commit. */
export class RevisionFiles extends ReadOnlyFiles {
  /** By URI; what a commit has stays as it is. */
  readonly #kept = new BoundedMap<string, Promise<Uint8Array | null>>(MAX_KEPT);

  constructor() {
    super(schemes.revision);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    return fileStat(await this.readFile(uri), 0);
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const name = uri.toString();
    let bytes = this.#kept.get(name);
    if (bytes === undefined) {
      bytes = read(uri);
      this.#kept.set(name, bytes);
    }
    const found = await bytes;
    if (found === null) {
      // The folder may be opened, or trusted, by the next time.
      this.#kept.delete(name);
      throw vscode.FileSystemError.FileNotFound(uri);
    }
    return found;
  }
}

async function read(uri: vscode.Uri): Promise<Uint8Array | null> {
  const of = revisionOf(uri);
  const file = fileOfRevision(uri);
  // Any extension can make such a URI: only folders of the workspace are read.
  const isOpen = file !== null && vscode.workspace.getWorkspaceFolder(file) !== undefined;
  if (of === null || !isOpen || !vscode.workspace.isTrusted) {
    return null;
  }
  const text = await textAt(of.folder, of.commit, of.path);
  return text === null ? null : new TextEncoder().encode(text);
}

import path from 'node:path';
import * as vscode from 'vscode';
import { schemes } from '../ids.ts';

/** A file as it stood in a commit. */
export interface FileRevision {
  /** Top of the OpenZFS tree, absolute. */
  readonly folder: string;
  readonly commit: string;
  /** From the folder, with `/`. */
  readonly path: string;
}

/** The document of a file as it stood in a commit. @param name of the revision, as people call it */
export function revisionUri({ folder, commit, path: file }: FileRevision, name: string): vscode.Uri {
  return vscode.Uri.from({
    scheme: schemes.revision,
    // What the tab shows is the end of the path.
    path: `/${name}/${file}`,
    query: JSON.stringify({ folder, commit, path: file }),
  });
}

/** What a document is of; null for a URI that is not ours: any extension, and any link, can make one. */
export function revisionOf({ scheme, query }: vscode.Uri): FileRevision | null {
  try {
    const given: unknown = scheme === schemes.revision ? JSON.parse(query) : null;
    if (
      typeof given === 'object' &&
      given !== null &&
      'folder' in given &&
      'commit' in given &&
      'path' in given
    ) {
      const { folder, commit, path: file } = given;
      const isOurs =
        typeof folder === 'string' &&
        typeof commit === 'string' &&
        typeof file === 'string' &&
        path.isAbsolute(folder) &&
        isBelowItsFolder(file);
      return isOurs && /^[0-9a-f]{40,64}$/.test(commit) ? { folder, commit, path: file } : null;
    }
  } catch {
    // Below.
  }
  return null;
}

/** Else git would be asked in another folder than the one that the file is in, which nobody opened. */
function isBelowItsFolder(file: string): boolean {
  return !path.isAbsolute(file) && !file.includes('\0') && !file.split(/[/\\]/).includes('..');
}

/** The file of the workspace that a document of any revision stands for; null for any other document. */
export function fileOfRevision(uri: vscode.Uri): vscode.Uri | null {
  const revision = revisionOf(uri);
  return revision === null ? null : vscode.Uri.file(path.join(revision.folder, revision.path));
}

import * as vscode from 'vscode';
import type { Disposable } from '../core/lifetime.ts';

/**
 * A file system of documents that the extension makes. They are files since VS Code restores tabs of files only when
 * the window is opened anew; package.json names each scheme among the activation events.
 */
export abstract class ReadOnlyFiles implements vscode.FileSystemProvider, Disposable {
  readonly #changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.#changed.event;
  readonly #registration: vscode.Disposable;

  constructor(scheme: string) {
    this.#registration = vscode.workspace.registerFileSystemProvider(scheme, this, {
      isReadonly: true,
      isCaseSensitive: true,
    });
  }

  /** `mtime` grows with each change of the text, as VS Code reads only files anew that changed. */
  abstract stat(uri: vscode.Uri): vscode.FileStat | Promise<vscode.FileStat>;

  abstract readFile(uri: vscode.Uri): Uint8Array | Promise<Uint8Array>;

  /** Has VS Code read a file anew that is open. */
  protected tellChanged(uri: vscode.Uri): void {
    this.#changed.fire([{ type: vscode.FileChangeType.Changed, uri }]);
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => {});
  }

  readDirectory(): [string, vscode.FileType][] {
    return [];
  }

  createDirectory(): never {
    throw vscode.FileSystemError.NoPermissions();
  }

  writeFile(): never {
    throw vscode.FileSystemError.NoPermissions();
  }

  delete(): never {
    throw vscode.FileSystemError.NoPermissions();
  }

  rename(): never {
    throw vscode.FileSystemError.NoPermissions();
  }

  dispose(): void {
    this.#registration.dispose();
    this.#changed.dispose();
  }
}

/** What VS Code asks of a file. @param version grows with each change of the text */
export function fileStat(bytes: Uint8Array, version: number): vscode.FileStat {
  return { type: vscode.FileType.File, ctime: 0, mtime: version, size: bytes.length };
}

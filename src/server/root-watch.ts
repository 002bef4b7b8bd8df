import {
  type Connection,
  DidChangeWatchedFilesNotification,
  type Disposable,
  type FileSystemWatcher,
  WatchKind,
} from 'vscode-languageserver/node';
import { uriOfPath } from './paths.ts';

/** What is to be told of folders. @param pattern makes what the client takes of a glob */
export function sourceWatchers(
  pattern: (glob: string) => FileSystemWatcher['globPattern'],
): FileSystemWatcher[] {
  return [
    { globPattern: pattern('**/{*.c,*.h,*.S,META}'), kind: WatchKind.Change },
    // Of a folder that comes or goes, often only the folder itself is told.
    { globPattern: pattern('**/*'), kind: WatchKind.Create | WatchKind.Delete },
  ];
}

/** Sees to it that the client tells what changes in source folders outside of the workspace. */
export class RootWatch {
  #watched: readonly string[] = [];
  #registration: Promise<Disposable | null> = Promise.resolve(null);

  constructor(private readonly connection: Connection) {}

  /** @param folders absolute paths; in place of those of the last time */
  set(folders: readonly string[]): void {
    if (folders.join('\0') === this.#watched.join('\0')) {
      return;
    }
    this.#watched = folders;
    this.#registration = this.#registration.then(async (old) => {
      try {
        old?.dispose();
      } catch (error) {
        // What cannot be taken back is no reason to watch nothing from now on.
        this.connection.console.warn(`Folders that were watched before are still: ${String(error)}`);
      }
      return folders.length === 0 ? null : await this.#register(folders);
    });
  }

  async #register(folders: readonly string[]): Promise<Disposable | null> {
    try {
      return await this.connection.client.register(DidChangeWatchedFilesNotification.type, {
        watchers: folders
          .map(uriOfPath)
          .flatMap((baseUri) => sourceWatchers((pattern) => ({ baseUri, pattern }))),
      });
    } catch (error) {
      this.connection.console.warn(
        `Changes in ${folders.join(', ')} are seen when the window is opened again: ${String(error)}`,
      );
      return null;
    }
  }
}

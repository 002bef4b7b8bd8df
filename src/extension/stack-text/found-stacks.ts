import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import { holdsStacks } from '../../protocol/server.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { Context } from '../vscode-table.ts';

/** Lets keys and menus know which of the open documents hold stacks: of logs and plain texts only the server can tell. */
export class FoundStacks implements Disposable {
  readonly #listener: vscode.Disposable;

  /** Before the server is first asked. */
  constructor(server: Pick<LazyServer, 'listen'>, context: Context) {
    const paths = new Set<string>();
    server.listen(holdsStacks, ({ uri }) => {
      context.set('zscope.stackTexts', [...paths.add(pathOf(vscode.Uri.parse(uri, true)))]);
    });
    this.#listener = vscode.workspace.onDidCloseTextDocument(({ uri }) => {
      if (paths.delete(pathOf(uri))) {
        context.set('zscope.stackTexts', [...paths]);
      }
    });
  }

  dispose(): void {
    this.#listener.dispose();
  }
}

/** As VS Code's key `resourcePath` has it. Its key `resource` is no choice: of a remote window it has other schemes than here. */
function pathOf({ scheme, fsPath, path }: vscode.Uri): string {
  return scheme === 'file' ? fsPath : path;
}

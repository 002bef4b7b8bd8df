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
    const uris = new Set<string>();
    server.listen(holdsStacks, ({ uri }) => {
      context.set('zscope.stackTexts', [...uris.add(uri)]);
    });
    this.#listener = vscode.workspace.onDidCloseTextDocument(({ uri }) => {
      if (uris.delete(uri.toString())) {
        context.set('zscope.stackTexts', [...uris]);
      }
    });
  }

  dispose(): void {
    this.#listener.dispose();
  }
}

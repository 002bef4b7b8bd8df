import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import type { NotificationKind, RequestKind } from '../../protocol/server.ts';
import type { FailureFunnel } from '../failures.ts';
import { languages } from '../ids.ts';
import type * as LanguageClientModule from '../language-client.ts';

/** Starts the language server process when it is first needed: a request, or a stack document. */
export class LazyServer implements Disposable {
  #client: LanguageClientModule.ServerClient | null = null;
  #ended = false;
  /** It ended too often and was not started again. */
  #down = false;
  readonly #listener: vscode.Disposable;
  /** What the server may ask and tell; given to each client. */
  readonly #handlers: ((client: Pick<LanguageClientModule.ServerClient, 'answer' | 'listen'>) => void)[] = [];

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly funnel: FailureFunnel,
  ) {
    const startFor = (document: vscode.TextDocument) => {
      if (document.languageId === languages.kernelStack || holdsStacks(document)) {
        this.funnel.guard('Starting the language server', async () => {
          await this.#start().started;
        });
      }
    };
    vscode.workspace.textDocuments.forEach(startFor);
    this.#listener = vscode.Disposable.from(
      vscode.workspace.onDidOpenTextDocument(startFor),
      // A stack may be pasted into a text that held none.
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (this.#client === null && contentChanges.some(({ text }) => FRAME.test(text.slice(0, PASTED)))) {
          startFor(document);
        }
      }),
    );
  }

  /** @throws when the server cannot be started, the request fails or the signal is aborted. */
  async request<P, R>(kind: RequestKind<P, R>, params: P, signal?: AbortSignal): Promise<R> {
    const client = this.#start();
    if (this.#down) {
      throw new Failure(
        'lost',
        'The language server of ZScope has ended, so nothing can be looked up in the source.',
        'Start it by the command "ZScope: Restart Language Server".',
      );
    }
    return client.request(kind, params, signal);
  }

  /** Ends the server and starts a new one. @throws when it cannot be started. */
  async restart(): Promise<void> {
    const old = this.#client;
    this.#client = null;
    this.#down = false;
    // Also one that never gets as far as to run.
    old?.dispose();
    await this.#start().started;
  }

  /** Answers what the server asks. Before the first request. */
  answer<P, R>(kind: RequestKind<P, R>, handler: (params: P, signal: AbortSignal) => Promise<R>): void {
    this.#handlers.push((client) => client.answer(kind, handler));
  }

  /** Listens to what the server tells. Before the first request. */
  listen<P>(kind: NotificationKind<P>, handler: (params: P) => void): void {
    this.#handlers.push((client) => client.listen(kind, handler));
  }

  /** @throws CancellationError when the extension is going away. */
  #start(): LanguageClientModule.ServerClient {
    if (this.#ended) {
      throw new vscode.CancellationError();
    }
    if (this.#client === null) {
      // require() is typed as any; the bundle is built from exactly this module (esbuild.mjs).
      const module = require('./language-client.cjs') as typeof LanguageClientModule;
      const client = module.startServer(
        this.extension,
        this.funnel.log,
        (starting) => {
          for (const handle of this.#handlers) {
            handle(starting);
          }
        },
        () => this.funnel.guard('Restarting the language server', () => this.#gaveUp()),
      );
      this.#client = client;
      client.started.catch(() => {
        // The next request tries again, unless somebody did already.
        if (this.#client === client) {
          this.#client = null;
        }
      });
    }
    return this.#client;
  }

  async #gaveUp(): Promise<void> {
    this.#down = true;
    const restart = 'Restart';
    const showLog = 'Show Log';
    const answer = await vscode.window.showErrorMessage(
      'The language server of ZScope ended again and again and was not started once more: frames are not found in the source.',
      restart,
      showLog,
    );
    if (answer === restart) {
      await this.restart();
    } else if (answer === showLog) {
      this.funnel.log.show();
    }
  }

  dispose(): void {
    this.#ended = true;
    this.#listener.dispose();
    this.#client?.dispose();
  }
}

/** Languages of `*.log` and `*.txt`, which may hold stacks. */
const TEXTS: ReadonlySet<string> = new Set(['log', 'plaintext']);

/** So much of a text is looked at to see whether the server is needed for it, in lines. */
const BEGINNING = 4000;

/** So much of a pasted text, in UTF-16 units. */
const PASTED = 64 * 1024;

/** A frame as kernels and most tools print it. */
const FRAME = /[\w.]\+0x[\da-f]/;

/** A guess that costs little: the server reads the text itself. */
function holdsStacks(document: vscode.TextDocument): boolean {
  return (
    TEXTS.has(document.languageId) &&
    FRAME.test(document.getText(new vscode.Range(0, 0, BEGINNING, 0)).slice(0, 512 * 1024))
  );
}

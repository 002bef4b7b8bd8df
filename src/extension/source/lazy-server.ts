import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import type * as FrameFinderModule from '../../core/stack/text/finder.ts';
import type { FrameFinder } from '../../core/stack/text/finder.ts';
import { type NotificationKind, type RequestKind, runningSourceRequest } from '../../protocol/server.ts';
import type { FailureFunnel } from '../failures.ts';
import type * as LanguageClientModule from '../language-client.ts';
import { isOurs, mayHoldStacks } from '../stack-text/texts.ts';
import type { RunningSource } from './running-source.ts';

/** Starts the language server process when it is first needed: a request, or a stack document. */
export class LazyServer implements Disposable {
  #client: LanguageClientModule.ServerClient | null = null;
  #ended = false;
  /** It ended too often and was not started again. */
  #down = false;
  readonly #listener: vscode.Disposable;
  readonly #began = new vscode.EventEmitter<void>();
  /** A server process has started. What was told to one before, it does not know. */
  readonly onDidStart = this.#began.event;
  /** What the server may ask and tell; given to each client. */
  readonly #handlers: ((client: Pick<LanguageClientModule.ServerClient, 'answer' | 'listen'>) => void)[] = [];

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly funnel: FailureFunnel,
    private readonly running: Pick<RunningSource, 'shown' | 'otherSource'>,
  ) {
    this.answer(runningSourceRequest, ({ uri }) => running.otherSource(vscode.Uri.parse(uri, true)));
    const startFor = (document: vscode.TextDocument) => {
      if (this.#client === null && (isOurs(document) || mayHoldStacks(document))) {
        this.funnel.guard('Starting the language server', () => this.#startFor(document));
      }
    };
    vscode.workspace.textDocuments.forEach(startFor);
    this.#listener = vscode.Disposable.from(
      vscode.workspace.onDidOpenTextDocument(startFor),
      // A stack may be pasted into a text that held none.
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        const isWanted = this.#client === null && mayHoldStacks(document);
        if (isWanted && contentChanges.some(({ text }) => holdsFrame(text))) {
          this.funnel.guard('Starting the language server', () => this.#start().started);
        }
      }),
    );
  }

  /** Whether it was needed before. */
  get isStarted(): boolean {
    return this.#client !== null;
  }

  /** @throws when the server cannot be started, the request fails or the signal is aborted. */
  async request<P, R>(kind: RequestKind<P, R>, params: P, signal?: AbortSignal): Promise<R> {
    const client = this.#start();
    if (this.#down) {
      throw new Failure(
        'no-source', // Not 'lost', for which a trace would wait: it is said of targets.
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

  /** @throws when it cannot be started */
  async #startFor(document: vscode.TextDocument): Promise<void> {
    const isWanted = () => this.#client === null && !this.#ended;
    if (isOurs(document) || ((await findsFrame(document, isWanted)) && isWanted())) {
      await this.#start().started;
    }
  }

  /** @throws CancellationError when the extension is going away. */
  #start(): LanguageClientModule.ServerClient {
    if (this.#ended) {
      throw new vscode.CancellationError();
    }
    if (this.#client === null) {
      // require() is typed as any; the bundle is built from exactly this module (esbuild.mjs).
      const module = require('./language-client.cjs') as typeof LanguageClientModule;
      const client = module.startServer(this.extension, {
        log: this.funnel.log,
        shown: (file) => this.running.shown(file),
        prepare: (starting) => {
          for (const handle of this.#handlers) {
            handle(starting);
          }
        },
        began: () => this.#began.fire(),
        gaveUp: () => this.funnel.guard('Restarting the language server', () => this.#gaveUp()),
      });
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
    this.#began.dispose();
  }
}

/** A document is looked through in slices of so many lines. */
const SLICE_LINES = 2000;

/** No shorter text is a frame, in UTF-16 units. */
const MIN_FRAME = 8;

/** Whether a document holds a frame anywhere; a slice at a time, so that a long one keeps nobody waiting. */
async function findsFrame(document: vscode.TextDocument, isWanted: () => boolean): Promise<boolean> {
  // Not in the time that VS Code waits for: it may be activating the extension.
  await nextTurn();
  const finder = frameFinder();
  for (let line = 0; line < document.lineCount && !document.isClosed && isWanted(); line += SLICE_LINES) {
    if (finder.push(document.getText(new vscode.Range(line, 0, line + SLICE_LINES, 0)))) {
      return true;
    }
    await nextTurn();
  }
  return finder.end();
}

function holdsFrame(text: string): boolean {
  if (text.length < MIN_FRAME) {
    return false;
  }
  const finder = frameFinder();
  return finder.push(text) || finder.end();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Of a bundle that is loaded for the first log or text: what reads stacks is no small thing. */
function frameFinder(): FrameFinder {
  // require() is typed as any; the bundle is built from exactly this module (esbuild.mjs).
  const module = require('./frame-finder.cjs') as typeof FrameFinderModule;
  return new module.FrameFinder();
}

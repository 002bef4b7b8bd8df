/**
 * Starts the language server process and speaks to it. A bundle of its own, loaded when something
 * first needs the server.
 */
import * as vscode from 'vscode';
import {
  CloseAction,
  DefinitionRequest,
  DocumentLinkRequest,
  DocumentLinkResolveRequest,
  DocumentSymbolRequest,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  type Middleware,
  RevealOutputChannelOn,
  type ServerOptions as ServerProcess,
  TransportKind,
} from 'vscode-languageclient/node';
import { Failure } from '../core/failure.ts';
import type { Disposable } from '../core/lifetime.ts';
import type { NotificationKind, RequestKind, ServerOptions } from '../protocol/server.ts';
import { CrashLimit } from './crash-limit.ts';
import { serverArguments, serverEnvironment } from './server-process.ts';
import type { AskServer } from './stack-text/ask-server.ts';
import { DocumentLinks } from './stack-text/document-links.ts';
import { DocumentOutlines } from './stack-text/document-outlines.ts';
import { isAboutLog, stackSelector } from './stack-text/texts.ts';

/** A running language server. Disposing ends its process. */
export interface ServerClient extends Disposable {
  /** Settled when it has started, or cannot be: then with a Failure. Requests wait for it. */
  readonly started: Promise<void>;
  /** @throws when the request fails, the signal is aborted or the server has ended. */
  request<P, R>(kind: RequestKind<P, R>, params: P, signal?: AbortSignal): Promise<R>;
  /** Answers what the server asks. */
  answer<P, R>(kind: RequestKind<P, R>, handler: (params: P, signal: AbortSignal) => Promise<R>): void;
  /** Listens to what the server tells. */
  listen<P>(kind: NotificationKind<P>, handler: (params: P) => void): void;
}

/** Gives the document that shows the lines of a file as the running build has them. */
type Shown = (file: vscode.Uri) => Promise<vscode.Uri>;

/** Who starts a server. */
export interface ServerOwner {
  readonly log: vscode.LogOutputChannel;
  readonly shown: Shown;
  /** Called with the client before the server runs. */
  prepare(client: Pick<ServerClient, 'answer' | 'listen'>): void;
  /** Called each time that a server process has started: it knows nothing of what was told to one before. */
  began(): void;
  /** Called when the server ended and is not started again by itself. */
  gaveUp(): void;
}

/** Messages in a row that may fail on their way before the server is taken for broken. */
const MAX_ERRORS = 3;

/** The server is not started again when it ended this many times within three minutes. */
const MAX_CRASHES = 5;
const CRASHES_WITHIN_MS = 3 * 60_000;

/** Writes its errors to the Log only: what a person has to know of them, and can do, is said by those who ask. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

/**
 * Starts the server, and starts it again when it ends by itself, also while it starts. What it writes to
 * stderr goes to the owner's log.
 * @returns at once: it can be disposed while it starts
 */
export function startServer(
  context: Pick<vscode.ExtensionContext, 'asAbsolutePath' | 'globalStorageUri'>,
  owner: ServerOwner,
): ServerClient {
  return new RestartingServer(context, owner);
}

/**
 * One server process after the other. The library's own restart is not used: it mixes up a client that fails
 * to start with the one that it starts in its place, and ends the process of that.
 */
class RestartingServer implements ServerClient {
  /** The client that runs, or that is being started. */
  #client: Promise<LanguageClient>;
  /** The one that is being started. */
  #starting: LanguageClient | null = null;
  readonly started: Promise<void>;
  #isDisposed = false;
  readonly #crashes = new CrashLimit(MAX_CRASHES, CRASHES_WITHIN_MS);
  /** What each client is given before it starts. */
  readonly #prepare: ((client: LanguageClient) => void)[] = [];

  constructor(
    private readonly context: Pick<vscode.ExtensionContext, 'asAbsolutePath' | 'globalStorageUri'>,
    private readonly owner: ServerOwner,
  ) {
    owner.prepare(this);
    this.#client = this.#start();
    this.started = this.#client.then(() => {});
  }

  async request<P, R>(kind: RequestKind<P, R>, params: P, signal?: AbortSignal): Promise<R> {
    const client = await this.#client;
    if (signal === undefined) {
      return client.sendRequest(kind.method, params);
    }
    const source = new vscode.CancellationTokenSource();
    const cancel = () => source.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      signal.throwIfAborted();
      return await client.sendRequest(kind.method, params, source.token);
    } finally {
      signal.removeEventListener('abort', cancel);
      source.dispose();
    }
  }

  answer<P, R>(kind: RequestKind<P, R>, handler: (params: P, signal: AbortSignal) => Promise<R>): void {
    this.#prepare.push((client) => {
      client.onRequest<unknown, void>(kind.method, async (params, token) => {
        const abort = new AbortController();
        const listener = token.onCancellationRequested(() => abort.abort());
        try {
          return await handler(params, abort.signal);
        } finally {
          listener.dispose();
        }
      });
    });
  }

  listen<P>(kind: NotificationKind<P>, handler: (params: P) => void): void {
    this.#prepare.push((client) => {
      client.onNotification(kind.method, handler);
    });
  }

  dispose(): void {
    this.#isDisposed = true;
    // The library refuses to stop a client that starts, and ends its process all the same.
    this.#starting?.dispose().catch(() => {});
    // The extension is going away: nobody can wait for this. A client that could not start is gone already.
    this.#client.then(
      (client) => client.dispose().catch((error: unknown) => this.owner.log.warn(String(error))),
      () => {},
    );
  }

  async #start(): Promise<LanguageClient> {
    for (;;) {
      let isRunning = false;
      let over: () => void = () => {};
      const ended = new Promise<never>((_, reject) => {
        over = () => reject(new Error('The language server ended while it started.'));
      });
      // Later than the start nobody waits for it.
      ended.catch(() => {});
      const client = this.#make(() => {
        over();
        if (isRunning) {
          isRunning = false;
          this.#ended();
        }
      });
      this.#starting = client;
      try {
        await Promise.race([client.start(), ended]);
        isRunning = true;
        // Once requests reach it.
        setImmediate(() => this.#isDisposed || this.owner.began());
        return client;
      } catch (error) {
        this.owner.log.warn(`The language server did not start: ${String(error)}`);
        // Its process is ended, should it still be there; the client knows that it is not running.
        client.dispose().catch(() => {});
        if (this.#isDisposed) {
          throw new vscode.CancellationError();
        }
        if (!this.#crashes.crashed()) {
          throw new Failure(
            'no-source',
            'The language server of ZScope ended again and again while it started, so nothing can be looked up in the source.',
            'Show Log has what it said; the command "ZScope: Restart Language Server" tries again.',
          );
        }
      } finally {
        this.#starting = null;
      }
    }
  }

  /** A server that ran is gone. */
  #ended(): void {
    if (this.#isDisposed) {
      return;
    }
    if (this.#crashes.crashed()) {
      this.owner.log.warn('The language server ended and is started again.');
      this.#client = this.#start();
      this.#client.catch(() => {
        // One that was disposed meanwhile is missed by nobody.
        if (!this.#isDisposed) {
          this.owner.gaveUp();
        }
      });
    } else {
      this.owner.gaveUp();
    }
  }

  /** @param closed is called when the server's process is gone, or speaks no more */
  #make(closed: () => void): LanguageClient {
    const client: LanguageClient = new QuietClient('zscope', 'ZScope', serverOptions(this.context), {
      ...clientOptions(this.context, this.owner.log),
      errorHandler: {
        error: (_error, _message, count = 0) => {
          if (count <= MAX_ERRORS) {
            return { action: ErrorAction.Continue, handled: true };
          }
          // The client ends the server; that it is gone is not told then.
          closed();
          return { action: ErrorAction.Shutdown, handled: true };
        },
        closed: () => {
          closed();
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
      middleware: {
        ...inParts(() => client, this.owner.shown),
        // An answer of null says of all that is asked of a document that there is none.
        sendRequest: async (kind, params, token, next) =>
          isAboutLog(params) ? (null as Awaited<ReturnType<typeof next>>) : next(kind, params, token),
        sendNotification: async (kind, next, params) => {
          if (!isAboutLog(params)) {
            await next(kind, params);
          }
        },
      },
    });
    for (const prepare of this.#prepare) {
      prepare(client);
    }
    return client;
  }
}

function serverOptions(context: Pick<vscode.ExtensionContext, 'asAbsolutePath'>): ServerProcess {
  const module = context.asAbsolutePath('dist/server.cjs');
  const execArgv = [...serverArguments];
  const env = serverEnvironment;
  return {
    run: { module, transport: TransportKind.ipc, options: { execArgv, env } },
    debug: {
      ...{ module, transport: TransportKind.ipc },
      options: { execArgv: [...execArgv, '--inspect=6011'], env },
    },
  };
}

function clientOptions(
  context: Pick<vscode.ExtensionContext, 'globalStorageUri'>,
  log: vscode.LogOutputChannel,
): LanguageClientOptions {
  return {
    documentSelector: [
      ...stackSelector,
      // The server sees C sources as they are edited, before they are saved.
      { scheme: 'file', pattern: '**/*.{c,h}' },
    ],
    outputChannel: log,
    initializationOptions: { storagePath: context.globalStorageUri.fsPath } satisfies ServerOptions,
    // Taken for a crash: started again, or given up.
    initializationFailedHandler: () => false,
    // A person is not told of a failed link or hover; the log has it.
    revealOutputChannelOn: RevealOutputChannelOn.Never,
  };
}

/**
 * Links and outlines are asked for in a shorter way than the protocol's own; links and definitions lead to the running
 * source where the person wants that.
 */
function inParts(
  client: () => LanguageClient,
  shown: Shown,
): Pick<
  Middleware,
  'provideDocumentLinks' | 'resolveDocumentLink' | 'provideDefinition' | 'provideDocumentSymbols'
> {
  const ask: AskServer = (kind, params, token) => client().sendRequest(kind.method, params, token);
  const links = new DocumentLinks(ask, shown);
  const outlines = new DocumentOutlines(ask);
  return {
    provideDocumentLinks: (document, token) =>
      links
        .provide(document, token)
        .catch((error) => client().handleFailedRequest(DocumentLinkRequest.type, token, error, null)),
    resolveDocumentLink: (link, token) =>
      links
        .resolve(link, token)
        .catch((error) => client().handleFailedRequest(DocumentLinkResolveRequest.type, token, error, link)),
    provideDefinition: (document, position, token) =>
      links
        .definitions(document, position, token)
        .catch((error) => client().handleFailedRequest(DefinitionRequest.type, token, error, null)),
    provideDocumentSymbols: (document, token) =>
      outlines
        .provide(document, token)
        .catch((error) => client().handleFailedRequest(DocumentSymbolRequest.type, token, error, null)),
  };
}

/**
 * Starts the language server process and speaks to it. A bundle of its own, loaded when something
 * first needs the server.
 */
import * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
  TransportKind,
} from 'vscode-languageclient/node';
import type { Disposable } from '../core/lifetime.ts';
import type { NotificationKind, RequestKind, ServerOptions } from '../protocol/server.ts';
import { CrashLimit } from './crash-limit.ts';
import { languages, schemes } from './ids.ts';

/** A running language server. Disposing ends its process. */
export interface ServerClient extends Disposable {
  /** @throws when the request fails, the signal is aborted or the server has ended. */
  request<P, R>(kind: RequestKind<P, R>, params: P, signal?: AbortSignal): Promise<R>;
  /** Answers what the server asks. */
  answer<P, R>(kind: RequestKind<P, R>, handler: (params: P, signal: AbortSignal) => Promise<R>): void;
  /** Listens to what the server tells. */
  listen<P>(kind: NotificationKind<P>, handler: (params: P) => void): void;
}

/** Messages in a row that may fail on their way before the server is taken for broken. */
const MAX_ERRORS = 3;

/** The server is not started again when it ended this many times within three minutes. */
const MAX_CRASHES = 5;
const CRASHES_WITHIN_MS = 3 * 60_000;

/** Bounds the server's heap: the index of a kernel tree fits, a runaway does not take the machine. */
const HEAP_MEGABYTES = 1024;

/** Writes its errors to the Log only: what a person has to know of them, and can do, is said by those who ask. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

/**
 * Starts the server. What it writes to stderr goes to `log`.
 * @param prepare is called with the client before the server runs
 * @param gaveUp is called when the server ended and is not started again by itself
 * @throws when it cannot be started.
 */
export async function startServer(
  context: Pick<vscode.ExtensionContext, 'asAbsolutePath' | 'globalStorageUri'>,
  log: vscode.LogOutputChannel,
  prepare: (client: ServerClient) => void,
  gaveUp: () => void,
): Promise<ServerClient> {
  const crashes = new CrashLimit(MAX_CRASHES, CRASHES_WITHIN_MS);
  const module = context.asAbsolutePath('dist/server.cjs');
  // With gc() the server gives memory back when it is idle.
  const execArgv = [`--max-old-space-size=${HEAP_MEGABYTES}`, '--expose-gc'];
  // glibc keeps what was freed unless it is told when to give it back (mallopt(3), M_TRIM_THRESHOLD).
  const env = { MALLOC_TRIM_THRESHOLD_: '1000000' };
  const options: LanguageClientOptions = {
    documentSelector: [
      // Which of the logs and other texts hold stacks, the server sees.
      ...[languages.kernelStack, 'log', 'plaintext'].flatMap((language) =>
        ['file', 'untitled', schemes.stacks].map((scheme) => ({ language, scheme })),
      ),
      // The server sees C sources as they are edited, before they are saved.
      { scheme: 'file', pattern: '**/*.{c,h}' },
    ],
    outputChannel: log,
    initializationOptions: { storagePath: context.globalStorageUri.fsPath } satisfies ServerOptions,
    errorHandler: {
      error: (_error, _message, count = 0) => {
        if (count <= MAX_ERRORS) {
          return { action: ErrorAction.Continue, handled: true };
        }
        gaveUp();
        return { action: ErrorAction.Shutdown, handled: true };
      },
      closed: () => {
        if (crashes.crashed()) {
          return { action: CloseAction.Restart, handled: true };
        }
        gaveUp();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    },
    // Taken for a crash: started again, or given up.
    initializationFailedHandler: () => false,
    // A person is not told of a failed link or hover; the log has it.
    revealOutputChannelOn: RevealOutputChannelOn.Never,
  };
  const client = new QuietClient(
    'zscope',
    'ZScope',
    {
      run: { module, transport: TransportKind.ipc, options: { execArgv, env } },
      debug: {
        ...{ module, transport: TransportKind.ipc },
        options: { execArgv: [...execArgv, '--inspect=6011'], env },
      },
    },
    options,
  );
  const served: ServerClient = {
    request: async (kind, params, signal) => {
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
    },
    answer: (kind, handler) => {
      client.onRequest<unknown, void>(kind.method, async (params, token) => {
        const abort = new AbortController();
        const listener = token.onCancellationRequested(() => abort.abort());
        try {
          return await handler(params, abort.signal);
        } finally {
          listener.dispose();
        }
      });
    },
    listen: (kind, handler) => {
      client.onNotification(kind.method, handler);
    },
    dispose: () => {
      // The extension is going away: nobody can wait for this.
      void client.dispose().catch((error: unknown) => log.warn(String(error)));
    },
  };
  prepare(served);
  await client.start();
  return served;
}

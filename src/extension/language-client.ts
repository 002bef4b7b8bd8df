/**
 * Starts the language server process and speaks to it. A bundle of its own, loaded when something
 * first needs the server.
 */
import type * as vscode from 'vscode';
import {
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
  TransportKind,
} from 'vscode-languageclient/node';
import type { Disposable } from '../core/lifetime.ts';
import type { RequestKind } from '../protocol/server.ts';
import { languages } from './ids.ts';

/** A running language server. Disposing ends its process. */
export interface ServerClient extends Disposable {
  /** @throws when the request fails or the server has ended. */
  request<P, R>(kind: RequestKind<P, R>, params: P): Promise<R>;
}

/** The server is started again after a crash this many times within three minutes, then no more. */
const MAX_RESTARTS = 4;

/** Bounds the server's heap: the index of a kernel tree fits, a runaway does not take the machine. */
const HEAP_MEGABYTES = 1024;

/** Starts the server. What it writes to stderr goes to `log`. @throws when it cannot be started. */
export async function startServer(
  context: Pick<vscode.ExtensionContext, 'asAbsolutePath'>,
  log: vscode.LogOutputChannel,
): Promise<ServerClient> {
  const module = context.asAbsolutePath('dist/server.cjs');
  const execArgv = [`--max-old-space-size=${HEAP_MEGABYTES}`];
  const options: LanguageClientOptions = {
    documentSelector: [
      ...['file', 'untitled', 'zscope'].map((scheme) => ({ language: languages.kernelStack, scheme })),
      // The server sees C sources as they are edited, before they are saved.
      { scheme: 'file', pattern: '**/*.{c,h}' },
    ],
    outputChannel: log,
    connectionOptions: { maxRestartCount: MAX_RESTARTS },
    // A person is not told of a failed link or hover; the log has it.
    revealOutputChannelOn: RevealOutputChannelOn.Never,
  };
  const client = new LanguageClient(
    'zscope',
    'ZScope',
    {
      run: { module, transport: TransportKind.ipc, options: { execArgv } },
      debug: { module, transport: TransportKind.ipc, options: { execArgv: [...execArgv, '--inspect=6011'] } },
    },
    options,
  );
  await client.start();
  return {
    request: (kind, params) => client.sendRequest(kind.method, params),
    dispose: () => {
      // The extension is going away: nobody can wait for this.
      void client.dispose().catch((error: unknown) => log.warn(String(error)));
    },
  };
}

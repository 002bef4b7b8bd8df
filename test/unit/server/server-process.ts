import { type ChildProcess, fork, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import esbuild from 'esbuild';
import {
  createMessageConnection,
  type InitializeParams,
  IPCMessageReader,
  IPCMessageWriter,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver/node';
import type { RequestKind, ServerOptions } from '../../../src/protocol/server.ts';

/** Builds the server as esbuild.mjs does, into a folder of its own; returns the bundle's path. */
export async function buildServer(): Promise<{ bundle: string; remove: () => void }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'zscope-server-'));
  const bundle = path.join(folder, 'server.cjs');
  await esbuild.build({
    entryPoints: { server: 'src/server/main.ts', 'unpack-worker': 'src/server/modules/unpack-worker.ts' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    target: 'node20',
    outdir: folder,
    alias: { 'web-tree-sitter': './node_modules/web-tree-sitter/web-tree-sitter.cjs' },
  });
  for (const file of ['web-tree-sitter/web-tree-sitter.wasm', 'tree-sitter-c/tree-sitter-c.wasm']) {
    copyFileSync(path.join('node_modules', file), path.join(folder, path.basename(file)));
  }
  return { bundle, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A server process and the client's end of its connection: stdio, or node IPC as VS Code uses it. */
export class ServerProcess {
  readonly connection: MessageConnection;
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;

  constructor(
    bundle: string,
    transport: 'stdio' | 'ipc' = 'stdio',
    { execArgv = [], env = {} }: { execArgv?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
  ) {
    if (transport === 'ipc') {
      const child = fork(bundle, ['--node-ipc'], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        execArgv: [...execArgv],
        env: { ...process.env, ...env },
      });
      this.#child = child;
      this.connection = createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child));
    } else {
      const child = spawn(process.execPath, [bundle, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
      this.#child = child;
      this.connection = createMessageConnection(
        new StreamMessageReader(child.stdout),
        new StreamMessageWriter(child.stdin),
      );
    }
    this.#exited = new Promise((resolve) => this.#child.once('exit', (code) => resolve(code)));
    this.connection.listen();
  }

  async initialize(
    roots: readonly string[],
    capabilities: InitializeParams['capabilities'] = {},
    options: Partial<ServerOptions> = {},
  ) {
    const params: InitializeParams = {
      processId: process.pid,
      rootUri: null,
      capabilities,
      initializationOptions: options,
      workspaceFolders: roots.map((root) => ({ uri: pathToFileURL(root).toString(), name: 'sample' })),
    };
    const result = await this.connection.sendRequest('initialize', params);
    await this.connection.sendNotification('initialized', {});
    return result;
  }

  request<P, R>(kind: RequestKind<P, R>, params: P): Promise<R> {
    return this.connection.sendRequest(kind.method, params);
  }

  open(uri: string, languageId: string, text: string): Promise<void> {
    const textDocument = { uri, languageId, version: 1, text };
    return this.connection.sendNotification('textDocument/didOpen', { textDocument });
  }

  /** Ends the process as the protocol says; resolves to its exit code. */
  async end(): Promise<number | null> {
    await this.connection.sendRequest('shutdown');
    await this.connection.sendNotification('exit');
    const code = await this.#exited;
    this.connection.dispose();
    return code;
  }

  /** Resident memory of the process at its highest, or as it is now, in MiB (proc(5), VmHWM and VmRSS). */
  memory(which: 'highest' | 'now' = 'highest'): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const line = which === 'highest' ? /^VmHWM:\s+(\d+) kB$/m : /^VmRSS:\s+(\d+) kB$/m;
    return Number(line.exec(status)?.[1] ?? 0) / 1024;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

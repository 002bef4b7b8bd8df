import path from 'node:path';
import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import { languages } from '../ids.ts';
import { keepsSessions, SESSIONS_FOLDER } from '../trace-sessions/kept-files.ts';
import type * as TracingModule from './index.ts';

/**
 * Tracing, a bundle of its own: loaded with the first connection, for sessions that are kept and programs of
 * bpftrace that are open, and when a person asks for it.
 */
export class LazyTracing implements Disposable {
  #tracing: TracingModule.Tracing | null = null;
  #ended = false;
  readonly #listeners: vscode.Disposable;

  constructor(private readonly services: TracingModule.TracingServices) {
    const { targets, funnel, extension } = services;
    const load = () => funnel.guard('Making ready to trace', () => void this.get());
    const loadFor = ({ languageId }: vscode.TextDocument) => {
      if (languageId === languages.bpftrace) {
        load();
      }
    };
    this.#listeners = vscode.Disposable.from(
      vscode.workspace.onDidOpenTextDocument(loadFor),
      targets.onChange(() => {
        if (targets.connection !== null) {
          load();
        }
      }),
    );
    vscode.workspace.textDocuments.forEach(loadFor);
    funnel.guard('Looking for trace sessions', async () => {
      if (await keepsSessions(path.join(extension.globalStorageUri.fsPath, SESSIONS_FOLDER))) {
        load();
      }
    });
  }

  /** @throws CancellationError when the extension is going away */
  get(): TracingModule.Tracing {
    if (this.#ended) {
      throw new vscode.CancellationError();
    }
    if (this.#tracing === null) {
      // require() is typed as any; the bundle is built from exactly this module (esbuild.mjs).
      const module = require('./tracing.cjs') as typeof TracingModule;
      this.#tracing = module.composeTracing(this.services);
      this.#listeners.dispose();
    }
    return this.#tracing;
  }

  dispose(): void {
    this.#ended = true;
    this.#listeners.dispose();
    this.#tracing?.dispose();
  }
}

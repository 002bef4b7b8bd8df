import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import { sourceName } from '../../core/stack/frame.ts';
import { functionNamed, functionsOfText, type TextFunction } from '../../core/symbols/text-functions.ts';
import { definitionsRequest } from '../../protocol/server.ts';
import { schemes } from '../ids.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import { fileOfRevision } from '../source/revision-uri.ts';
import { commandLink } from '../vscode-table.ts';
import { type LensSubject, lensText } from './lens-text.ts';
import type { TraceSession } from './trace-session.ts';

/** The text above a function is written anew this often at most, in milliseconds. */
const PERIOD_MS = 1000;

/** A traced function with the place of its definition. */
interface Traced {
  readonly session: LensSubject;
  readonly symbol: string;
  /** `file:` URI of the open source, as VS Code writes it. */
  readonly uri: string;
  /** 0-based line. */
  readonly line: number;
}

/**
 * Writes above the definition of a traced function what its calls come to: how many, how often, how long, the last
 * one. Of each function the newest session counts.
 */
export class TraceLenses implements vscode.CodeLensProvider, Disposable {
  readonly #traced = new Map<string, Traced>();
  readonly #listeners = new Map<TraceSession, Disposable>();
  readonly #closed = new WeakSet<TraceSession>();
  readonly #revised = new WeakMap<vscode.TextDocument, readonly TextFunction[]>();
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#changed.event;
  #provider: vscode.Disposable | null = null;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(private readonly server: LazyServer) {}

  /** Shows a function from now on, unless the open source does not define it. */
  async add(session: TraceSession, symbol: string): Promise<void> {
    const name = sourceName(symbol);
    const [definition] = await this.server.request(definitionsRequest, { name }).catch(() => []);
    if (definition === undefined || this.#ended) {
      return;
    }
    const uri = vscode.Uri.parse(definition.uri).toString();
    // The view may have been closed while the place was looked up.
    const isClosed = this.#closed.has(session);
    const subject = isClosed ? summary(session) : session;
    this.#traced.set(name, { session: subject, symbol, uri, line: definition.line - 1 });
    if (!isClosed && !this.#listeners.has(session)) {
      this.#listeners.set(
        session,
        session.listen((batch, start) => {
          // No `0 calls` beside the first one.
          if (start === 0 && batch.length > 0) {
            this.#changed.fire();
          } else {
            this.#later();
          }
        }),
      );
    }
    this.#provider ??= vscode.languages.registerCodeLensProvider(
      ['file', schemes.revision].map((scheme) => ({ scheme, pattern: '**/*.{c,h}' })),
      this,
    );
    this.#later();
  }

  /** Keeps of a session whose view is closed no more than what stands above its functions. */
  close(session: TraceSession): void {
    this.#listeners.get(session)?.dispose();
    this.#listeners.delete(session);
    this.#closed.add(session);
    for (const [name, traced] of this.#traced) {
      if (traced.session === session) {
        this.#traced.set(name, { ...traced, session: summary(session) });
      }
    }
    this.#later();
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const revised = fileOfRevision(document.uri);
    const uri = (revised ?? document.uri).toString();
    const lenses: vscode.CodeLens[] = [];
    for (const [name, { session, symbol, uri: own, line: openLine }] of this.#traced) {
      if (own !== uri) {
        continue;
      }
      const line = revised === null ? openLine : this.#lineIn(document, name);
      const text = line < document.lineCount ? lensText(session, symbol, performance.now() / 1000) : '';
      if (line >= 0 && text !== '') {
        const range = new vscode.Range(line, 0, line, 0);
        lenses.push(new vscode.CodeLens(range, commandLink('zscope.showTrace', text, symbol)));
      }
    }
    return lenses;
  }

  /** 0-based line of a function's definition in a document of a revision, which stays as it is; -1 for none. */
  #lineIn(document: vscode.TextDocument, name: string): number {
    const known = this.#revised.get(document) ?? functionsOfText(document.getText());
    this.#revised.set(document, known);
    return (functionNamed(known, name)?.line ?? 0) - 1;
  }

  #later(): void {
    if (this.#ended) {
      return;
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#changed.fire();
    }, PERIOD_MS);
  }

  dispose(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const listener of this.#listeners.values()) {
      listener.dispose();
    }
    this.#provider?.dispose();
    this.#changed.dispose();
  }
}

/** Has none of the events. */
function summary({ stats, started, isIncomplete }: TraceSession): LensSubject {
  return { stats, started, isIncomplete, isRunning: false };
}

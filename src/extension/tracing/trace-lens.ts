import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import { sourceName } from '../../core/stack/frame.ts';
import { functionNamed, functionsOfText, type TextFunction } from '../../core/symbols/text-functions.ts';
import { definitionsRequest } from '../../protocol/server.ts';
import { schemes } from '../ids.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import { fileOfRevision } from '../source/revision-uri.ts';
import { commandLink } from '../vscode-table.ts';
import { type FirstCall, FirstCalls } from './first-calls.ts';
import { firstCallText, type LensSubject, lensText } from './lens-text.ts';
import type { TraceSession } from './trace-session.ts';

/** The text above a function is written anew this often at most, in milliseconds. */
const PERIOD_MS = 1000;

/** A traced function with the place of its definition. */
interface Traced {
  readonly session: LensSubject;
  /** The session's view is closed. */
  readonly isClosed: boolean;
  readonly symbol: string;
  /** `file:` URI of the open source, as VS Code writes it. */
  readonly uri: string;
  /** 0-based line. */
  readonly line: number;
}

/**
 * Writes above the definition of a traced function what its calls come to: how many, how often, how long, the last
 * one; and behind it who called it first, until the trace is closed. Of each function the newest session counts.
 */
export class TraceLenses implements vscode.CodeLensProvider, Disposable {
  readonly #traced = new Map<string, Traced>();
  readonly #listeners = new Map<TraceSession, Disposable>();
  readonly #closed = new WeakSet<TraceSession>();
  readonly #revised = new WeakMap<vscode.TextDocument, readonly TextFunction[]>();
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#changed.event;
  readonly #first = new FirstCalls((document) => this.#firstIn(document));
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
    this.#traced.set(name, { session: subject, isClosed, symbol, uri, line: definition.line - 1 });
    if (!isClosed && !this.#listeners.has(session)) {
      this.#listeners.set(
        session,
        session.listen((batch, start) => {
          // No `0 calls` beside the first one.
          if (start === 0 && batch.length > 0) {
            this.#show();
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
    this.#first.draw(); // One may have come while the place was looked up.
    this.#later();
  }

  /** Keeps of a session whose view is closed no more than what stands above its functions. */
  close(session: TraceSession): void {
    this.#listeners.get(session)?.dispose();
    this.#listeners.delete(session);
    this.#closed.add(session);
    for (const [name, traced] of this.#traced) {
      if (traced.session === session) {
        this.#traced.set(name, { ...traced, session: summary(session), isClosed: true });
      }
    }
    this.#later();
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const now = performance.now() / 1000;
    return this.#definedIn(document).flatMap(({ session, symbol, line }) => {
      const text = lensText(session, symbol, now);
      const range = new vscode.Range(line, 0, line, 0);
      return text === '' ? [] : [new vscode.CodeLens(range, commandLink('zscope.showTrace', text, symbol))];
    });
  }

  #firstIn(document: vscode.TextDocument): FirstCall[] {
    return this.#definedIn(document).flatMap(({ session, isClosed, symbol, line }) => {
      const { first } = session.stats.of(symbol);
      return isClosed || first === null ? [] : [{ line, text: firstCallText(first) }];
    });
  }

  /** The traced functions that a document defines, with the lines where it does. */
  #definedIn(document: vscode.TextDocument): Traced[] {
    const revised = fileOfRevision(document.uri);
    const uri = (revised ?? document.uri).toString();
    return [...this.#traced]
      .filter(([, traced]) => traced.uri === uri)
      .map(([name, traced]) =>
        revised === null ? traced : { ...traced, line: this.#lineIn(document, name) },
      )
      .filter(({ line }) => line >= 0 && line < document.lineCount);
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
      this.#show();
    }, PERIOD_MS);
  }

  #show(): void {
    this.#first.draw();
    this.#changed.fire();
  }

  dispose(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const listener of this.#listeners.values()) {
      listener.dispose();
    }
    this.#provider?.dispose();
    this.#first.dispose();
    this.#changed.dispose();
  }
}

/** Has none of the events. */
function summary({ stats, started, isIncomplete }: TraceSession): LensSubject {
  return { stats, started, isIncomplete, isRunning: false };
}

import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import { behindLine, textBehindLines } from '../text-behind-lines.ts';

/** The first call of a traced function, in a document. */
export interface FirstCall {
  /** 0-based line of the function's definition. */
  readonly line: number;
  /** Inert. */
  readonly text: string;
}

/**
 * Writes behind the definition of a traced function who called it first, with what: as soon as it is known, which is
 * before VS Code has made the tab of the trace and before it asks for lenses anew.
 */
export class FirstCalls implements Disposable {
  readonly #decoration = textBehindLines();
  readonly #listener: vscode.Disposable;
  /** What was drawn last: drawing the same again costs the window a layout. */
  readonly #drawn = new WeakMap<vscode.TextEditor, string>();

  /** @param callsIn the first calls of the functions that a document defines */
  constructor(private readonly callsIn: (document: vscode.TextDocument) => readonly FirstCall[]) {
    this.#listener = vscode.window.onDidChangeVisibleTextEditors(() => this.draw());
  }

  /** Draws what is different by now. */
  draw(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const { document } = editor;
      const calls = this.callsIn(document);
      const text = JSON.stringify(calls);
      if (text === (this.#drawn.get(editor) ?? '[]')) {
        continue;
      }
      this.#drawn.set(editor, text);
      editor.setDecorations(
        this.#decoration,
        calls.map((call) => behindLine(document, call.line, call.text)),
      );
    }
  }

  dispose(): void {
    this.#listener.dispose();
    this.#decoration.dispose();
  }
}

import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import type { Place } from '../../core/symbols/location.ts';

/** Opens places of the source and marks the line that was opened last. */
export class SourceOpener implements Disposable {
  readonly #mark = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor('editor.stackFrameHighlightBackground'),
    overviewRulerColor: new vscode.ThemeColor('editor.stackFrameHighlightBackground'),
    overviewRulerLane: vscode.OverviewRulerLane.Full,
  });
  #marked: { readonly uri: string; readonly line: number } | null = null;
  readonly #listener: vscode.Disposable;

  constructor() {
    // An editor that is shown again has lost its decorations.
    this.#listener = vscode.window.onDidChangeVisibleTextEditors(() => this.#draw());
  }

  /**
   * Opens the file of a place at its line. Only files of the workspace are ever opened: the server
   * gives no other URI, and this checks it again.
   * @throws Failure when the place has no file in the workspace.
   */
  async open(place: Place, options: { readonly preserveFocus: boolean }): Promise<void> {
    const uri = place.uri === null ? null : vscode.Uri.parse(place.uri, true);
    if (uri === null || uri.scheme !== 'file' || vscode.workspace.getWorkspaceFolder(uri) === undefined) {
      throw new Failure(
        'no-source',
        `The source of ${place.function} is not in this workspace.`,
        place.path === null
          ? 'Open the source folder of the module that runs on the target.'
          : `It was built from ${place.path}: open that source as a folder of the workspace.`,
      );
    }
    const document = await textOf(uri);
    const line = Math.min(Math.max((place.line ?? 1) - 1, 0), document.lineCount - 1);
    const start = new vscode.Position(line, document.lineAt(line).firstNonWhitespaceCharacterIndex);
    this.#marked = { uri: uri.toString(), line };
    const editor = await vscode.window.showTextDocument(document, {
      preserveFocus: options.preserveFocus,
      preview: true,
      selection: new vscode.Range(start, start),
      viewColumn: sourceColumn(),
    });
    editor.revealRange(new vscode.Range(start, start), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    this.#draw();
  }

  #draw(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const here = this.#marked !== null && editor.document.uri.toString() === this.#marked.uri;
      const line = this.#marked?.line ?? 0;
      editor.setDecorations(this.#mark, here ? [new vscode.Range(line, 0, line, 0)] : []);
    }
  }

  dispose(): void {
    this.#listener.dispose();
    this.#mark.dispose();
  }
}

/** @throws Failure when the file went, or is no text. */
async function textOf(uri: vscode.Uri): Promise<vscode.TextDocument> {
  try {
    return await vscode.workspace.openTextDocument(uri);
  } catch {
    const name = vscode.workspace.asRelativePath(uri);
    throw new Failure(
      'no-source',
      `${name} cannot be opened any more.`,
      'See whether it was moved or removed.',
    );
  }
}

/** The active column, unless a view of ours is open in it: then one that shows code. */
function sourceColumn(): vscode.ViewColumn {
  const { activeTabGroup } = vscode.window.tabGroups;
  if (!(activeTabGroup.activeTab?.input instanceof vscode.TabInputWebview)) {
    return vscode.ViewColumn.Active;
  }
  return (
    vscode.window.visibleTextEditors.find(({ viewColumn }) => viewColumn !== undefined)?.viewColumn ??
    vscode.ViewColumn.One
  );
}

import os from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import type { Place } from '../../core/symbols/location.ts';
import { inert } from '../../core/text/inert.ts';
import { setting } from '../vscode-table.ts';
import type { RunningSource } from './running-source.ts';
import { isInFolders } from './source-roots.ts';

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

  constructor(private readonly running: Pick<RunningSource, 'chosen' | 'differs' | 'documentOf'>) {
    // An editor that is shown again has lost its decorations.
    this.#listener = vscode.window.onDidChangeVisibleTextEditors(() => this.#draw());
  }

  /**
   * Lets the person choose among the lines that a place may stand for; the place itself when there is
   * one, undefined when they chose none.
   */
  async choose(place: Place): Promise<Place | undefined> {
    const { candidates = [] } = place;
    if (candidates.length < 2) {
      return place;
    }
    const items = candidates.map((candidate) => ({
      label: `${candidate.path.slice(candidate.path.lastIndexOf('/') + 1)}:${candidate.line}`,
      description: inert(candidate.text),
      candidate,
    }));
    const areCalls = !candidates.some(({ uri, line }) => uri === place.uri && line === place.line);
    const chosen = await vscode.window.showQuickPick(items, {
      title: inert(`${place.function}: which line?`),
      placeHolder: areCalls
        ? 'The next frame is called at each of these lines'
        : 'Several functions have this name',
      matchOnDescription: true,
    });
    if (chosen === undefined) {
      return undefined;
    }
    const { candidates: _, ...rest } = place;
    const { uri, path, line } = chosen.candidate;
    return { ...rest, uri, path, line, how: areCalls ? 'call-site' : 'function' };
  }

  /**
   * Opens the file of a place at its line. Only files of the workspace and of the source folders that
   * the person set are ever opened, links followed: the server gives no other URI, and this checks it
   * again. Where the person wants the running version, a file that differs opens as it stands there.
   * @param options.beside the column of what stays in sight beside the source
   * @throws Failure when the place has no file in the workspace.
   */
  async open(
    place: Place,
    options: { readonly preserveFocus: boolean; readonly beside?: vscode.ViewColumn | undefined },
  ): Promise<void> {
    const file = place.uri === null ? null : vscode.Uri.parse(place.uri, true);
    if (file === null || file.scheme !== 'file' || !(await isInFolders(file.fsPath, sourceFolders()))) {
      throw new Failure(
        'no-source',
        `The source of ${place.function} is not in this workspace.`,
        place.path === null
          ? 'Open the source folder of the module that runs on the target.'
          : `It was built from ${place.path}: open that source as a folder of the workspace.`,
      );
    }
    // A call or a definition was looked up in the source that is open.
    const differs = place.how === 'dwarf' && (await this.running.differs(file));
    const uri = (differs && this.running.chosen ? await this.running.documentOf(file) : null) ?? file;
    const document = await textOf(uri);
    const line = Math.min(Math.max((place.line ?? 1) - 1, 0), document.lineCount - 1);
    const start = new vscode.Position(line, document.lineAt(line).firstNonWhitespaceCharacterIndex);
    this.#marked = { uri: uri.toString(), line };
    const editor = await vscode.window.showTextDocument(document, {
      preserveFocus: options.preserveFocus,
      preview: true,
      selection: new vscode.Range(start, start),
      viewColumn: options.beside === undefined ? sourceColumn() : columnBeside(options.beside),
    });
    editor.revealRange(new vscode.Range(start, start), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    this.#draw();
    if (differs && uri === file) {
      const name = vscode.workspace.asRelativePath(file);
      vscode.window.setStatusBarMessage(
        `$(warning) ${name} differs from the running version: the line may be off`,
        8000,
      );
    }
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

/** Folders whose files may be opened: those of the workspace, and the person's own. */
function sourceFolders(): string[] {
  const folders = (vscode.workspace.workspaceFolders ?? []).flatMap(({ uri }) =>
    uri.scheme === 'file' ? [uri.fsPath] : [],
  );
  const [first] = folders;
  const own = setting('zscope.source.roots').map((root) => {
    const whole = /^~[/\\]/.test(root) ? path.join(os.homedir(), root.slice(2)) : root;
    return first === undefined ? whole : path.resolve(first, whole);
  });
  return [...folders, ...own.filter((root) => path.isAbsolute(root))];
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

/** The column of an editor that shows code beside `column`, else the next one. */
function columnBeside(column: vscode.ViewColumn): vscode.ViewColumn {
  const other = vscode.window.visibleTextEditors.find(
    ({ viewColumn }) => viewColumn !== undefined && viewColumn !== column,
  );
  return other?.viewColumn ?? column + 1;
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

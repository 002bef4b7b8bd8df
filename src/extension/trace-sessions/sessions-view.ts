import { copyFile, open } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import type { Disposable } from '../../core/lifetime.ts';
import { inert } from '../../core/text/inert.ts';
import { compareSessions } from '../../core/tracing/sessions/compare.ts';
import { EXPORT_FORMATS } from '../../core/tracing/sessions/export.ts';
import type { FailureFunnel } from '../failures.ts';
import { views } from '../ids.ts';
import type { FrameOpener } from '../source/open-frame.ts';
import type { PlaceService } from '../source/place-service.ts';
import type { VirtualDocuments } from '../stack-text/virtual-documents.ts';
import { TracePanel } from '../tracing/trace-panel.ts';
import { type Context, commandLink } from '../vscode-table.ts';
import { EXTENSION } from './kept-files.ts';
import { KeptTrace, keptHeading } from './kept-trace.ts';
import type { SessionKeeper } from './session-keeper.ts';
import {
  comparisonTitle,
  fileName,
  headerLines,
  keptText,
  sessionText,
  sessionTitle,
  whereAndWhen,
} from './session-labels.ts';
import { type KeptFile, readSessionFile } from './session-store.ts';

/** A row of Trace Sessions. */
export interface SessionNode {
  readonly kind: 'session';
  readonly file: KeptFile;
}

/** The sessions that are kept, and what a person does with them: none of it needs a target. */
export class SessionsView implements vscode.TreeDataProvider<SessionNode>, Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #tree: vscode.TreeView<SessionNode>;
  readonly #listener: Disposable;
  /** Views of sessions, by file. */
  readonly #panels = new Map<string, TracePanel>();

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly keeper: SessionKeeper,
    private readonly places: PlaceService,
    private readonly frames: FrameOpener,
    private readonly documents: VirtualDocuments,
    private readonly context: Context,
    private readonly funnel: FailureFunnel,
  ) {
    this.#tree = vscode.window.createTreeView(views.traceSessions, {
      treeDataProvider: this,
      canSelectMany: true,
    });
    this.#listener = keeper.onChange(() => this.#refresh());
    this.#refresh();
  }

  #refresh(): void {
    this.funnel.guard('Listing the trace sessions', async () => {
      this.context.set('zscope.hasTraceSessions', await this.keeper.store.hasAny());
      this.#changed.fire();
    });
  }

  /** Shows a session in a trace view; asks which when none is given. */
  async open(node?: SessionNode): Promise<void> {
    const file = node?.file.path ?? (await this.#choose('Open which trace session?', null));
    if (file === null) {
      return;
    }
    const open = this.#panels.get(file);
    if (open !== undefined) {
      open.reveal();
      return;
    }
    const session = await readSessionFile(file);
    const panel = new TracePanel(
      this.extensionUri,
      keptHeading(session),
      new KeptTrace(session),
      this.places,
      this.frames,
      this.funnel,
      { viewColumn: vscode.ViewColumn.Active, preserveFocus: false },
    );
    panel.namesTarget = true;
    panel.update({ running: false, text: keptText(session) });
    panel.open();
    this.#panels.set(file, panel);
    panel.onClose(() => this.#panels.delete(file));
  }

  /** Shows a session as text: its stacks have links, can be searched and grouped. */
  async openText(node?: SessionNode): Promise<void> {
    const file = node?.file.path ?? (await this.#choose('Open which trace session as text?', null));
    if (file === null) {
      return;
    }
    const session = await readSessionFile(file);
    await this.documents.show(sessionTitle(session.header), sessionText(session));
  }

  /**
   * Shows what is different between two sessions, the earlier one first.
   * @param selected the rows that are chosen in the list
   */
  async compare(node?: SessionNode, selected?: readonly SessionNode[]): Promise<void> {
    const chosen = (selected ?? (node === undefined ? [] : [node])).map(({ file }) => file.path);
    if (chosen.length > 2) {
      throw new Failure('bad-request', 'Two trace sessions can be compared, not more.', 'Choose two rows.');
    }
    const first = chosen[0] ?? (await this.#choose('Compare which trace session?', null));
    const second = first === null ? null : (chosen[1] ?? (await this.#choose('Compare it with', first)));
    if (first === null || second === null) {
      return;
    }
    const sides = await Promise.all([first, second].map(readSessionFile));
    const [before, after] = sides.sort((a, b) => a.header.startedAt - b.header.startedAt);
    if (before !== undefined && after !== undefined) {
      const title = comparisonTitle(before.header, after.header);
      await this.documents.show(title, compareSessions(before, after));
    }
  }

  /** Writes a copy of a session's file. */
  async save(node?: SessionNode): Promise<void> {
    const file = node?.file.path ?? (await this.#choose('Save which trace session?', null));
    if (file === null) {
      return;
    }
    const { header } = await readSessionFile(file);
    const uri = await askForFile('Save Trace Session', fileName(header, EXTENSION.slice(1)));
    if (uri !== undefined) {
      await copyFile(file, uri.fsPath);
    }
  }

  /** Writes a session in a form that other programs take. */
  async export(node?: SessionNode): Promise<void> {
    const file = node?.file.path ?? (await this.#choose('Export which trace session?', null));
    if (file === null) {
      return;
    }
    const session = await readSessionFile(file);
    const items = EXPORT_FORMATS.filter(({ fits }) => fits(session)).map((format) => ({
      label: format.title,
      description: format.about,
      format,
    }));
    const chosen = await vscode.window.showQuickPick(items, { title: 'Export as' });
    if (chosen === undefined) {
      return;
    }
    const { pieces, extension } = chosen.format;
    const uri = await askForFile(`Export as ${chosen.label}`, fileName(session.header, extension));
    if (uri !== undefined) {
      await writePieces(uri.fsPath, pieces(session));
      vscode.window.setStatusBarMessage(`Exported to ${inert(path.basename(uri.fsPath))}`, 5000);
    }
  }

  async remove(node?: SessionNode, selected?: readonly SessionNode[]): Promise<void> {
    for (const { file } of selected ?? (node === undefined ? [] : [node])) {
      await this.keeper.store.remove(file.path);
    }
    this.#refresh();
  }

  /** Path of a session that is kept, or of any file; null when the person chose none. */
  async #choose(title: string, not: string | null): Promise<string | null> {
    const now = Date.now();
    const files = (await this.keeper.store.list()).filter((file) => file.path !== not);
    const items = files.map(({ path: file, header }) => ({
      label: inert(header.name, 200),
      description: whereAndWhen(header, now),
      file,
    }));
    const other = { label: '$(folder-opened) Another File...', description: '', file: null };
    const chosen = await vscode.window.showQuickPick([...items, other], { title, matchOnDescription: true });
    if (chosen === undefined) {
      return null;
    }
    if (chosen.file !== null) {
      return chosen.file;
    }
    const [uri] =
      (await vscode.window.showOpenDialog({
        title,
        filters: { 'Trace sessions': [EXTENSION.slice(1)], 'All files': ['*'] },
      })) ?? [];
    return uri?.fsPath ?? null;
  }

  async getChildren(node?: SessionNode): Promise<SessionNode[]> {
    const files = node === undefined ? await this.keeper.store.list() : [];
    return files.map((file) => ({ kind: 'session', file }));
  }

  getTreeItem(node: SessionNode): vscode.TreeItem {
    const { path: file, header } = node.file;
    const item = new vscode.TreeItem(inert(header.name, 200));
    item.id = file;
    item.description = whereAndWhen(header, Date.now());
    item.tooltip = headerLines(header).join('\n');
    item.iconPath = new vscode.ThemeIcon('pulse');
    item.contextValue = 'session';
    item.command = commandLink('zscope.openTraceSession', 'Open Trace Session', node);
    return item;
  }

  dispose(): void {
    this.#listener.dispose();
    for (const panel of [...this.#panels.values()]) {
      panel.dispose();
    }
    this.#tree.dispose();
    this.#changed.dispose();
  }
}

function askForFile(title: string, name: string): Thenable<vscode.Uri | undefined> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  return vscode.window.showSaveDialog({
    title,
    defaultUri: folder === undefined ? vscode.Uri.file(name) : vscode.Uri.joinPath(folder, name),
  });
}

/** @throws Failure when the file cannot be written */
async function writePieces(file: string, pieces: Iterable<string>): Promise<void> {
  const handle = await open(file, 'w').catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new Failure(
      'bad-request',
      `The export cannot be written: ${inert(why, 200)}.`,
      'Choose another folder.',
    );
  });
  try {
    let text = '';
    for (const piece of pieces) {
      text += piece;
      if (text.length > 1 << 20) {
        await handle.write(text);
        text = '';
      }
    }
    await handle.write(text);
  } finally {
    await handle.close();
  }
}

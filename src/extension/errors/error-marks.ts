import * as vscode from 'vscode';
import type { Disposable } from '../../core/lifetime.ts';
import { baseName, type ErrorSite } from '../../core/zfs/errno-sites.ts';
import { sourceReferenceRequest } from '../../protocol/server.ts';
import type { LazyServer } from '../source/lazy-server.ts';
import type { RunningSource } from '../source/running-source.ts';
import { behindLine, textBehindLines } from '../text-behind-lines.ts';
import { lineText } from './error-labels.ts';

/** Writes behind the lines of visible editors which errors they raise. */
export class ErrorMarks implements Disposable {
  readonly #decoration = textBehindLines({
    overviewRulerColor: new vscode.ThemeColor('editorWarning.foreground'),
    overviewRulerLane: vscode.OverviewRulerLane.Right,
  });
  /** `URI line` of each place of the build that was looked up; null where the workspace does not have it. */
  readonly #places = new Map<string, string | null>();
  /** What was drawn last into an editor: drawing the same again costs the window a layout. */
  #drawn = new WeakMap<vscode.TextEditor, string>();
  /** Counts how often all was cleared: what was asked before is of no more use. */
  #generation = 0;

  constructor(
    private readonly server: LazyServer,
    private readonly running: Pick<RunningSource, 'fileOf'>,
  ) {}

  /** @param sites those that are shown; @param now by the clock of their times; null when it stands still */
  async draw(sites: readonly ErrorSite[], now: number | null): Promise<void> {
    const generation = this.#generation;
    for (const editor of vscode.window.visibleTextEditors) {
      const shown = editor.document.uri;
      const file = shown.scheme === 'file' ? shown : this.running.fileOf(shown);
      if (file === null || !/\.[ch]$/.test(file.path)) {
        continue;
      }
      const name = baseName(file.path);
      const uri = file.toString();
      const byLine = new Map<number, ErrorSite[]>();
      for (const site of sites.filter(({ file }) => baseName(file) === name)) {
        if ((await this.#placeOf(site)) === uri) {
          byLine.set(site.line, [...(byLine.get(site.line) ?? []), site]);
        }
      }
      if (this.#generation !== generation) {
        return;
      }
      this.#decorate(editor, byLine, now);
    }
  }

  #decorate(editor: vscode.TextEditor, byLine: ReadonlyMap<number, ErrorSite[]>, now: number | null): void {
    const marks = [...byLine]
      .filter(([line]) => line >= 1 && line <= editor.document.lineCount)
      .map(([line, sites]) => behindLine(editor.document, line - 1, lineText(sites, now)));
    const text = JSON.stringify(marks);
    if (this.#drawn.get(editor) !== text && (marks.length > 0 || this.#drawn.has(editor))) {
      this.#drawn.set(editor, text);
      editor.setDecorations(this.#decoration, marks);
    }
  }

  /** URI of the file that a place of the build is in; null also while the server cannot be asked. */
  async #placeOf({ file, line, function: name, key }: ErrorSite): Promise<string | null> {
    const known = this.#places.get(key);
    if (known !== undefined) {
      return known;
    }
    const generation = this.#generation;
    const place = await this.server
      .request(sourceReferenceRequest, { path: file, line, function: name })
      .catch(() => undefined);
    const uri = place?.uri ? vscode.Uri.parse(place.uri, true).toString() : null;
    if (place !== undefined && this.#generation === generation) {
      this.#places.set(key, uri);
    }
    return uri;
  }

  clear(): void {
    this.#generation += 1;
    this.#places.clear();
    this.#drawn = new WeakMap();
    for (const editor of vscode.window.visibleTextEditors) {
      editor.setDecorations(this.#decoration, []);
    }
  }

  dispose(): void {
    this.#decoration.dispose();
  }
}

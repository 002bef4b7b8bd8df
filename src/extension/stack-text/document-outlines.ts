import * as vscode from 'vscode';
import { type OutlineEntry, stackOutlineRequest } from '../../protocol/server.ts';
import { type AskServer, askForChange } from './ask-server.ts';
import { OutlineTable } from './outline-table.ts';

/** The outlines of documents with stacks, by one server process: after an edit, only what is different is asked for. */
export class DocumentOutlines {
  readonly #kept = new WeakMap<vscode.TextDocument, OutlineTable<vscode.DocumentSymbol>>();

  constructor(private readonly ask: AskServer) {}

  /** @throws as {@link AskServer} */
  async provide(
    document: vscode.TextDocument,
    token: vscode.CancellationToken,
  ): Promise<vscode.DocumentSymbol[] | null> {
    const kept = this.#kept.get(document) ?? new OutlineTable(symbolOf, moveDown);
    this.#kept.set(document, kept);
    const change = await askForChange(this.ask, stackOutlineRequest, document, kept, token);
    if (change === null) {
      this.#kept.delete(document);
      return null;
    }
    return kept.take(change);
  }
}

function symbolOf({ name, detail, isReport, heading, end }: OutlineEntry): vscode.DocumentSymbol {
  const [line, first, last] = heading;
  const [lines, column] = end;
  return new vscode.DocumentSymbol(
    name,
    detail,
    isReport ? vscode.SymbolKind.Event : vscode.SymbolKind.Function,
    new vscode.Range(line, 0, line + lines, column),
    new vscode.Range(line, first, line, last),
  );
}

function moveDown(symbol: vscode.DocumentSymbol, lines: number): void {
  symbol.range = moved(symbol.range, lines);
  symbol.selectionRange = moved(symbol.selectionRange, lines);
}

function moved({ start, end }: vscode.Range, lines: number): vscode.Range {
  return new vscode.Range(start.translate(lines), end.translate(lines));
}

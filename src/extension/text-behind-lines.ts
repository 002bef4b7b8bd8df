import * as vscode from 'vscode';

/** How text looks that is written behind lines of the source. @param more what else is drawn at these lines */
export function textBehindLines(more: vscode.DecorationRenderOptions = {}): vscode.TextEditorDecorationType {
  return vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    after: {
      margin: '0 0 0 3ch',
      color: new vscode.ThemeColor('editorCodeLens.foreground'),
      fontStyle: 'italic',
    },
    ...more,
  });
}

/** @param line 0-based, one that the document has; @param text inert */
export function behindLine(
  document: vscode.TextDocument,
  line: number,
  text: string,
): vscode.DecorationOptions {
  return { range: document.lineAt(line).range, renderOptions: { after: { contentText: text } } };
}

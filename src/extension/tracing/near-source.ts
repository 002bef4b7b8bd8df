import * as vscode from 'vscode';

function isSource({ document }: vscode.TextEditor): boolean {
  return /\.[ch]$/.test(document.uri.path);
}

/** Whether C source is on the screen. */
export function isNearSource(): boolean {
  return vscode.window.visibleTextEditors.some(isSource);
}

/** Calls the listener each time a person does something in C source, or comes to it. */
export function onNearSource(listener: () => void): vscode.Disposable {
  const { window } = vscode;
  const told = (isNear: boolean) => {
    if (isNear) {
      listener();
    }
  };
  return vscode.Disposable.from(
    window.onDidChangeVisibleTextEditors((editors) => told(editors.some(isSource))),
    window.onDidChangeTextEditorSelection(({ textEditor }) => told(isSource(textEditor))),
    window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => told(isSource(textEditor))),
    window.onDidChangeWindowState(({ focused }) => told(focused && isNearSource())),
  );
}

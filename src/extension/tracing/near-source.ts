import * as vscode from 'vscode';

function isSource({ document }: vscode.TextEditor): boolean {
  return /\.[ch]$/.test(document.uri.path);
}

/** Whether C source is on the screen. */
export function isNearSource(): boolean {
  return vscode.window.visibleTextEditors.some(isSource);
}

/**
 * Calls the listener each time a person does something in C source, or comes to it.
 * @param listener told whether the cursor was put somewhere, which is done before a function is traced
 */
export function onNearSource(listener: (hasCursor: boolean) => void): vscode.Disposable {
  const { window } = vscode;
  const told = (isNear: boolean, hasCursor = false) => {
    if (isNear) {
      listener(hasCursor);
    }
  };
  return vscode.Disposable.from(
    window.onDidChangeVisibleTextEditors((editors) => told(editors.some(isSource))),
    window.onDidChangeTextEditorSelection(({ textEditor }) => told(isSource(textEditor), true)),
    window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => told(isSource(textEditor))),
    window.onDidChangeWindowState(({ focused }) => told(focused && isNearSource())),
  );
}

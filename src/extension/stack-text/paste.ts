import * as vscode from 'vscode';
import { languages } from '../ids.ts';

/** Opens the clipboard's text as a Kernel Stack document, whose frames are links. */
export async function pasteStackText(): Promise<void> {
  const content = await vscode.env.clipboard.readText();
  const document = await vscode.workspace.openTextDocument({ language: languages.kernelStack, content });
  await vscode.window.showTextDocument(document);
}

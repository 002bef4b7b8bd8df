import * as vscode from 'vscode';
import { languages } from '../ids.ts';

/**
 * Shows what ran on a target in an editor of its own, where it can be changed. One of bpftrace begins with a
 * comment and can be run from there; all others are for a shell.
 */
export async function openProgram(content: string): Promise<void> {
  const language = content.startsWith('//') ? languages.bpftrace : 'shellscript';
  const document = await vscode.workspace.openTextDocument({ content, language });
  await vscode.window.showTextDocument(document, { preview: false, viewColumn: vscode.ViewColumn.Active });
}

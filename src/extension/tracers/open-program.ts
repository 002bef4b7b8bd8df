import * as vscode from 'vscode';
import { languages } from '../ids.ts';

/** VS Code's name of the language. */
export const SHELL = 'shellscript';

/** How the first line of a shell program begins that can be run on a target. */
export const SHELL_PROGRAM = '# A trace of ZScope';

/**
 * Shows what ran on a target in an editor of its own, where it can be changed and run again. One of bpftrace begins with
 * a comment; all others are for a shell.
 */
export async function openProgram(content: string): Promise<void> {
  const isBpftrace = content.startsWith('//');
  const document = await vscode.workspace.openTextDocument({
    content: isBpftrace ? content : `${SHELL_PROGRAM}: run it as root on the target.\n${content}`,
    language: isBpftrace ? languages.bpftrace : SHELL,
  });
  await vscode.window.showTextDocument(document, { preview: false, viewColumn: vscode.ViewColumn.Active });
}

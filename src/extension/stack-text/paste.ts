import * as vscode from 'vscode';
import { Failure } from '../../core/failure.ts';
import { languages } from '../ids.ts';

/**
 * Opens the clipboard's text as a Kernel Stack document, whose frames are links.
 * @throws Failure when there is no text in it.
 */
export async function pasteStackText(): Promise<void> {
  const content = await vscode.env.clipboard.readText();
  if (content.trim() === '') {
    throw new Failure(
      'no-stacks',
      'There is no text in the clipboard.',
      'Copy a stack first, from a log, a mail or a terminal.',
    );
  }
  const document = await vscode.workspace.openTextDocument({ language: languages.kernelStack, content });
  await vscode.window.showTextDocument(document);
}

/** Which documents may hold stacks. */
import type * as vscode from 'vscode';
import { languages, schemes } from '../ids.ts';

/** Languages of documents that may hold stacks: those of `*.log` and `*.txt` among them, and `Log`, which the Output panel has. */
const stackLanguages: readonly string[] = [languages.kernelStack, 'log', 'Log', 'plaintext'];

/** Files, what is not saved, what the extension makes, the side of a change that Git has, and the Output panel. */
const stackSchemes: readonly string[] = ['file', 'untitled', schemes.stacks, 'git', 'output'];

/** What the server is given for what is in it; of logs and other texts it sees which hold stacks. */
export const stackSelector = [...stackLanguages, languages.dbgmsg].flatMap((language) =>
  stackSchemes.map((scheme) => ({ language, scheme })),
);

export function mayHoldStacks({ languageId, uri }: Pick<vscode.TextDocument, 'languageId' | 'uri'>): boolean {
  return stackLanguages.includes(languageId) && stackSchemes.includes(uri.scheme);
}

/**
 * Whether a message to the server is about the document that shows ZScope's own Log. Where messages are logged, by the
 * level Trace, each of these would write a line there, of which the next would tell.
 */
export function isAboutLog(params: unknown): boolean {
  // Messages of all kinds come here; what is no text is seen below.
  const { uri, textDocument } = (params ?? {}) as { uri?: unknown; textDocument?: { uri?: unknown } };
  const about = uri ?? textDocument?.uri;
  return typeof about === 'string' && /^output:.*\bzscope\.zscope\b.*\bZScope(?:\.log)?$/.test(about);
}

/** Whether a document is of a language of ours, whose text the server is for. */
export function isOurs({ languageId }: Pick<vscode.TextDocument, 'languageId'>): boolean {
  return languageId === languages.kernelStack || languageId === languages.dbgmsg;
}

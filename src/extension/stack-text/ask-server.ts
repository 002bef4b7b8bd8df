import type * as vscode from 'vscode';
import type { RequestKind } from '../../protocol/server.ts';

/** Asks the server. @throws when the request fails or is cancelled. */
export type AskServer = <P, R>(
  kind: RequestKind<P, R>,
  params: P,
  token: vscode.CancellationToken,
) => Promise<R>;

/**
 * Asks what is different from what is kept of a document; null when it holds no stacks.
 * @param kept names the last answer that was taken in
 * @throws as {@link AskServer}
 */
export async function askForChange<Change extends { readonly head: number; readonly tail: number }>(
  ask: AskServer,
  kind: RequestKind<{ readonly uri: string; readonly known: number | null }, Change | null>,
  { uri }: vscode.TextDocument,
  kept: { readonly id: number | null },
  token: vscode.CancellationToken,
): Promise<Change | null> {
  for (;;) {
    const known = kept.id;
    const change = await ask(kind, { uri: uri.toString(), known }, token);
    if (change === null || kept.id === known || change.head + change.tail === 0) {
      return change;
    }
    // The answer to another question came meanwhile: this one is no difference to it.
  }
}

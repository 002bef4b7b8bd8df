import { TextDocument } from 'vscode-languageserver-textdocument';
import { type StackDocument, StackDocuments } from '../../../src/server/stack-documents.ts';

/** Milliseconds that a test of many edits may take on a machine with other work. */
export const LONG = 120_000;

/** A stack document as an editor opened it, with what changes it. */
export function openStacks(text: string): {
  readonly documents: StackDocuments;
  readonly document: TextDocument;
  readonly stacks: StackDocument;
} {
  const documents = new StackDocuments();
  const document = TextDocument.create('untitled:a', 'kernel-stack', 1, text);
  const stacks = documents.of(document);
  if (stacks === null) {
    throw new Error('no stack document');
  }
  return { documents, document, stacks };
}

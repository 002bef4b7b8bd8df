import * as vscode from 'vscode';
import { languages, schemes } from '../ids.ts';
import { fileStat, ReadOnlyFiles } from '../read-only-files.ts';
import type { KeptTexts } from './kept-texts.ts';

/** What a document has whose text is lost: the window before crashed, or it was too long to keep. */
const LOST = 'This was made in an earlier window. Run the command again to make it anew.\n';

/** Paths of documents: any other file that something asks for is not there. */
const OURS = /^\/[^/]+\.kstack$/;

interface Text {
  readonly bytes: Uint8Array;
  /** Grows with each change. */
  readonly version: number;
}

/** Read-only documents of stacks that the extension makes. Each is kept as long as it is open, also over a reload of the window. */
export class VirtualDocuments extends ReadOnlyFiles {
  /** By URI. */
  readonly #texts = new Map<string, Text>();
  #version = 0;
  readonly #listener: vscode.Disposable;

  constructor(private readonly kept: KeptTexts) {
    super(schemes.stacks);
    this.#listener = vscode.workspace.onDidCloseTextDocument(({ uri, isClosed }) => {
      // One that gets another language is told to be closed and opened.
      if (isClosed && this.#texts.delete(uri.toString())) {
        this.kept.forget(uri.toString());
      }
    });
  }

  /** Shows stack text under a title; one that is open under this title already is made anew. */
  async show(
    title: string,
    text: string,
    where: Pick<vscode.TextDocumentShowOptions, 'viewColumn' | 'preserveFocus' | 'selection'> = {},
  ): Promise<void> {
    const uri = uriOf(title);
    this.#set(uri, text);
    const opened = await vscode.workspace.openTextDocument(uri);
    const document = await vscode.languages.setTextDocumentLanguage(opened, languages.kernelStack);
    await vscode.window.showTextDocument(document, { preview: false, ...where });
  }

  /** Changes the text of a document that is open; does nothing for one that is not. */
  update(title: string, text: string): void {
    const uri = uriOf(title);
    if (this.#texts.has(uri.toString())) {
      this.#set(uri, text);
    }
  }

  stat(uri: vscode.Uri): vscode.FileStat {
    const { bytes, version } = this.#textOf(uri);
    return fileStat(bytes, version);
  }

  readFile(uri: vscode.Uri): Uint8Array {
    return this.#textOf(uri).bytes;
  }

  #set(uri: vscode.Uri, text: string): void {
    // VS Code takes a file with a zero byte for no text.
    const bytes = new TextEncoder().encode(text.replaceAll('\0', '\ufffd'));
    this.#texts.set(uri.toString(), { bytes, version: ++this.#version });
    // Were this window to crash, that of an earlier one would be taken for it.
    this.kept.forget(uri.toString());
    this.tellChanged(uri);
  }

  #textOf(uri: vscode.Uri): Text {
    const name = uri.toString();
    const known = this.#texts.get(name);
    if (known !== undefined) {
      return known;
    }
    if (!OURS.test(uri.path)) {
      throw vscode.FileSystemError.FileNotFound(uri);
    }
    const bytes = this.kept.read(name);
    if (bytes === null) {
      return { bytes: new TextEncoder().encode(LOST), version: 0 };
    }
    const text = { bytes, version: ++this.#version };
    this.#texts.set(name, text);
    return text;
  }

  override dispose(): void {
    super.dispose();
    this.#listener.dispose();
    this.kept.keep(new Map([...this.#texts].map(([name, { bytes }]) => [name, bytes])));
  }
}

function uriOf(title: string): vscode.Uri {
  const name = title.replace(/[\\/?#%:*"<>|]/g, '_');
  return vscode.Uri.from({ scheme: schemes.stacks, path: `/${name}.kstack` });
}

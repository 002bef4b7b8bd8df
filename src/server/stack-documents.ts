import type { Position } from 'vscode-languageserver/node';
import { TextDocument, type TextDocumentContentChangeEvent } from 'vscode-languageserver-textdocument';
import type { AddressItem, SourceItem, StackItem } from '../core/stack/text/items.ts';
import { readStackItems } from '../core/stack/text/reader.ts';
import { type PlacedFrame, readTraces, type TextTrace } from '../core/stack/traces.ts';
import { detached } from './names.ts';
import { StackLines } from './stack-lines.ts';
import { StackTraces } from './stack-traces.ts';

/** The language of documents that hold stacks, as package.json names it. */
const STACK_LANGUAGE = 'kernel-stack';

/** Languages of documents that may hold stacks among other things: `*.log` and `*.txt`. */
const TEXT_LANGUAGES: readonly string[] = ['log', 'plaintext'];

/** All languages whose documents may hold stacks. */
export const STACK_LANGUAGES: readonly string[] = [STACK_LANGUAGE, ...TEXT_LANGUAGES];

/** A document of another language holds stacks when a frame is in so much of its beginning, in UTF-16 units. */
const BEGINNING = 512 * 1024;

/** So much of a line tells what it is, in UTF-16 units. */
const MAX_LINE = 4096;

/** Memory is looked after for a document of this size, in UTF-16 units. */
const LARGE = 8_000_000;

/** Text that is put into a document may make it one that holds stacks when it is so long. */
const MIN_FRAME = 8;

/** A frame in its stack. */
export interface FrameInTrace {
  readonly found: PlacedFrame;
  readonly trace: TextTrace;
  /** Position in the stack. */
  readonly at: number;
}

/** Lines above and below an entry without a function in which others of its file are looked for: those of its stack. */
const AROUND_ADDRESS = 64;

/** An entry without a function. */
export interface AddressInStack {
  readonly item: AddressItem;
  /** Addresses of the same file around it; its own may be among them. */
  readonly others: readonly number[];
}

/** A document that holds stacks. */
export class StackDocument {
  readonly lines: StackLines;
  /** What stacks keep of a line does not keep the text: they outlive edits of it. */
  readonly #traces = new StackTraces((line) => detached(this.lineAt(line)));

  constructor(readonly document: TextDocument) {
    this.lines = new StackLines(document);
  }

  /** Its stacks, in the order of the text; good until the document changes. */
  get traces(): readonly TextTrace[] {
    return this.#traces.of(this.lines.blocks);
  }

  /** The beginning of a 0-based line, without its end; '' behind the last. */
  lineAt(line: number): string {
    const range = { start: { line, character: 0 }, end: { line, character: MAX_LINE } };
    return this.document.getText(range);
  }

  /** The frame at a position; null when there is none. */
  frameAt({ line, character }: Position): FrameInTrace | null {
    const item = this.lines
      .at(line)
      .find((one) => one.kind === 'frame' && one.start <= character && character <= one.end);
    if (item?.kind !== 'frame') {
      return null;
    }
    for (const trace of this.traces) {
      if (trace.firstLine <= line && line <= trace.lastLine) {
        const at = trace.frames.findIndex((one) => one.line === line && one.start === item.start);
        const found = trace.frames[at];
        if (found !== undefined) {
          return { found, trace, at };
        }
      }
    }
    // What is left out of the outline, such as an exception's place told once more, is a frame all the same.
    const [alone] = readTraces([{ ...item, line: line + 1 }], () => '');
    const [found] = alone?.frames ?? [];
    return alone === undefined || found === undefined ? null : { found, trace: alone, at: 0 };
  }

  /** The entry without a function at a position, and all of its file around it; null when there is none. */
  addressAt({ line, character }: Position): AddressInStack | null {
    const at = (one: StackItem) => one.start <= character && character <= one.end;
    const item = this.lines.at(line).find((one) => one.kind === 'address' && at(one));
    if (item?.kind !== 'address') {
      return null;
    }
    const first = Math.max(0, line - AROUND_ADDRESS);
    const lines = Array.from({ length: 2 * AROUND_ADDRESS + 1 }, (_, index) => this.lines.at(first + index));
    const others = lines
      .flat()
      .flatMap((one) => (one.kind === 'address' && one.module === item.module ? [one.address] : []));
    return { item, others };
  }

  /** The source reference at a position; null when there is none. */
  referenceAt({ line, character }: Position): SourceItem | null {
    const items = this.lines.at(line);
    const found = items.find(
      (one) => one.kind === 'source' && one.start <= character && character <= one.end,
    );
    return found?.kind === 'source' ? found : null;
  }
}

/** Knows which of the open documents hold stacks. Also how documents are made and changed. */
export class StackDocuments {
  readonly #documents = new WeakMap<TextDocument, StackDocument>();
  /** Documents of other languages that were looked at and hold none. */
  readonly #without = new WeakSet<TextDocument>();

  readonly create = (uri: string, languageId: string, version: number, text: string): TextDocument => {
    if (text.length > LARGE) {
      // The message that it came in is twice its size, and would stay until other things fill the memory.
      globalThis.gc?.();
    }
    return TextDocument.create(uri, languageId, version, text);
  };

  /** Changes a document as the client says. */
  readonly update = (
    document: TextDocument,
    changes: TextDocumentContentChangeEvent[],
    version: number,
  ): TextDocument => {
    this.#documents.get(document)?.lines.changing(changes);
    if (changes.some(({ text }) => text.length >= MIN_FRAME)) {
      this.#without.delete(document);
    }
    return TextDocument.update(document, changes, version);
  };

  /** The document as one that holds stacks; null when it is none. */
  of(document: TextDocument | undefined): StackDocument | null {
    if (document === undefined || this.#without.has(document)) {
      return null;
    }
    const known = this.#documents.get(document);
    if (known !== undefined) {
      return known;
    }
    if (!holdsStacks(document)) {
      this.#without.add(document);
      return null;
    }
    const made = new StackDocument(document);
    this.#documents.set(document, made);
    return made;
  }
}

function holdsStacks(document: TextDocument): boolean {
  if (document.languageId === STACK_LANGUAGE) {
    return true;
  }
  if (!TEXT_LANGUAGES.includes(document.languageId)) {
    return false;
  }
  const end = document.positionAt(BEGINNING);
  let hasFrame = false;
  readStackItems(document.getText({ start: { line: 0, character: 0 }, end }), ({ kind }) => {
    hasFrame ||= kind === 'frame' || kind === 'address';
  });
  return hasFrame;
}

import type { Position } from 'vscode-languageserver/node';
import { TextDocument, type TextDocumentContentChangeEvent } from 'vscode-languageserver-textdocument';
import { crashCode, LINES_BELOW } from '../core/stack/crash-code.ts';
import { FrameFinder } from '../core/stack/text/finder.ts';
import type { AddressItem, FrameItem, SourceItem, StackItem } from '../core/stack/text/items.ts';
import { type PlacedFrame, readTraces, type TextTrace } from '../core/stack/traces.ts';
import type { MachineCode } from '../core/symbols/elf/segments.ts';
import { detached } from './names.ts';
import { countNewlines, StackLines } from './stack-lines.ts';
import { StackTraces } from './stack-traces.ts';

/** Languages of documents that hold stacks, or places in the source, as package.json names them. */
const OWN_LANGUAGES: readonly string[] = ['kernel-stack', 'zfs-dbgmsg'];

/** Languages of documents that may hold them among other things: `*.log` and `*.txt`, and what the Output panel shows. */
const TEXT_LANGUAGES: readonly string[] = ['log', 'Log', 'plaintext'];

/** All languages whose documents may hold stacks. */
export const STACK_LANGUAGES: readonly string[] = [...OWN_LANGUAGES, ...TEXT_LANGUAGES];

/** A text is looked through for a frame in pieces of about this many UTF-16 units: most that hold one have it early. */
const PIECE = 256 * 1024;

/** Lines above and below an edit that are looked at with it: they tell whether what was typed there is a frame. */
const AROUND_EDIT = 16;

/** So much of a line tells what it is, in UTF-16 units. */
const MAX_LINE = 4096;

/** Memory is looked after for a document of this size, in UTF-16 units. */
const LARGE = 8_000_000;

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
  /** Those of the same file around it; it may be among them. */
  readonly others: readonly AddressItem[];
  /** The code where a process stopped, as the text has it. */
  readonly code: MachineCode | null;
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
    return inTrace(item, line, this.traces);
  }

  /** The entry without a function at a position, and all of its file around it; null when there is none. */
  addressAt({ line, character }: Position): AddressInStack | null {
    const at = (one: StackItem) => one.start <= character && character <= one.end;
    const item = this.lines.at(line).find((one) => one.kind === 'address' && at(one));
    return item?.kind === 'address' ? this.inStack(item, line) : null;
  }

  /** An entry without a function on a 0-based line, and all of its file around it. */
  inStack(item: AddressItem, line: number): AddressInStack {
    const others = this.lines
      .between(line - AROUND_ADDRESS, line + AROUND_ADDRESS)
      .flatMap((one) => (one.kind === 'address' && one.module === item.module ? [one] : []));
    const below = () => Array.from({ length: LINES_BELOW }, (_, index) => this.lineAt(line + 1 + index));
    return { item, others, code: item.mapped === undefined ? null : crashCode(below()) };
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

  /** @param found is told the URI of each log or other text that holds any, once it was looked at */
  constructor(private readonly found: (uri: string) => void = () => {}) {}

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
    if (!this.#without.has(document) || changes.length === 0) {
      return TextDocument.update(document, changes, version);
    }
    // One by one: a change says where it is in the text that those before it left.
    for (const change of changes) {
      TextDocument.update(document, [change], version);
      if (holdsFrame(textAround(document, change))) {
        this.#without.delete(document);
      }
    }
    return document;
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
    if (TEXT_LANGUAGES.includes(document.languageId)) {
      this.found(document.uri);
    }
    return made;
  }
}

/**
 * A frame in the stack that it is part of.
 * @param line 0-based line of the text that the frame is on, whatever the item says
 * @param traces all stacks of that text
 */
export function inTrace(item: FrameItem, line: number, traces: readonly TextTrace[]): FrameInTrace | null {
  for (const trace of traces) {
    if (trace.firstLine <= line && line <= trace.lastLine) {
      const at = trace.frames.findIndex((one) => one.line === line && one.start === item.start);
      const found = trace.frames[at];
      if (found !== undefined) {
        return { found, trace, at };
      }
    }
  }
  // What no stack has, such as an exception's place told once more, is a frame all the same.
  const [alone] = readTraces([{ ...item, line: line + 1 }], () => '');
  const [found] = alone?.frames ?? [];
  return alone === undefined || found === undefined ? null : { found, trace: alone, at: 0 };
}

function holdsStacks(document: TextDocument): boolean {
  return (
    OWN_LANGUAGES.includes(document.languageId) ||
    (TEXT_LANGUAGES.includes(document.languageId) && holdsFrame(document.getText()))
  );
}

/** Also of a log whose only stack is at its end. */
function holdsFrame(text: string): boolean {
  const finder = new FrameFinder();
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf('\n', from + PIECE);
    const to = newline < 0 ? text.length : newline + 1;
    if (finder.push(text.slice(from, to))) {
      return true;
    }
    from = to;
  }
  return finder.end();
}

/** What a change that was made put into a document, with some lines around it. */
function textAround(document: TextDocument, change: TextDocumentContentChangeEvent): string {
  if (!('range' in change)) {
    return document.getText();
  }
  const first = change.range.start.line;
  const start = { line: Math.max(first - AROUND_EDIT, 0), character: 0 };
  const end = { line: first + countNewlines(change.text) + AROUND_EDIT + 1, character: 0 };
  return document.getText({ start, end });
}

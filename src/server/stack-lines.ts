import type { TextDocument, TextDocumentContentChangeEvent } from 'vscode-languageserver-textdocument';
import type { StackItem } from '../core/stack/text/items.ts';
import { mayGoOn } from '../core/stack/text/join.ts';
import { StackTextReader } from '../core/stack/text/reader.ts';
import { detached, Names } from './names.ts';

/** Lines that are read together: after an edit, only those around it are read again. */
const BLOCK_LINES = 512;

/** Lines further on that are looked at for a better end of a block: one that no stack goes over. */
const REACH = 64;

/** A frame may be wrapped over so many lines: an edit so near to the end of a block may matter to the next. */
const WRAPPED = 4;

/** Text is given to the reader in pieces of this many UTF-16 units. */
const PIECE = 1024 * 1024;

/** Items that are kept of one document; what follows is left alone. */
const MAX_ITEMS = 200_000;

/** Lines of a document that follow each other, and what was found in them. */
export interface Block {
  readonly lines: number;
  /** Line numbers are 1-based within the block; null when the lines changed since they were read. */
  readonly items: readonly StackItem[] | null;
}

/** What a document's lines hold, kept up to date edit by edit. */
export class StackLines {
  #blocks: readonly Block[] = [];
  #isFresh = true;
  readonly #names = new Names();

  constructor(private readonly document: TextDocument) {}

  /** Takes note of changes that are about to be made to the document. */
  changing(changes: readonly TextDocumentContentChangeEvent[]): void {
    for (const change of changes) {
      if ('range' in change) {
        const { start, end } = change.range;
        this.#replace(start.line, end.line, end.line - start.line + 1, countNewlines(change.text) + 1);
      } else {
        this.#blocks = [];
        this.#isFresh = true;
      }
    }
  }

  /** The blocks in the order of the text; one stays the same object as long as its lines do, and the list as long as all do. */
  get blocks(): readonly Block[] {
    this.#read();
    return this.#blocks;
  }

  /** Calls `visit` for each item, with the 0-based line of the document. */
  forEach(visit: (item: StackItem, line: number) => void): void {
    this.#read();
    let base = -1;
    for (const { lines, items } of this.#blocks) {
      for (const item of items ?? []) {
        visit(item, base + item.line);
      }
      base += lines;
    }
  }

  /** What stands on a line. */
  at(line: number): StackItem[] {
    this.#read();
    let base = 0;
    for (const { lines, items } of this.#blocks) {
      if (line < base + lines) {
        return (items ?? []).filter((item) => item.line - 1 + base === line);
      }
      base += lines;
    }
    return [];
  }

  /** Marks the blocks of lines `from` to `to` as changed: `removed` lines became `added`. */
  #replace(from: number, to: number, removed: number, added: number): void {
    if (this.#isFresh) {
      return;
    }
    let base = 0;
    let first = -1;
    let last = -1;
    let start = 0;
    let lines = 0;
    this.#blocks.forEach((block, at) => {
      const end = base + block.lines;
      if (from - WRAPPED < end && to + WRAPPED >= base) {
        if (first < 0) {
          first = at;
          start = base;
        }
        last = at;
        lines = end - start;
      }
      base = end;
    });
    if (first < 0) {
      this.#isFresh = true;
      return;
    }
    const changed = { lines: lines - removed + added, items: null };
    // A new list: others hold the one before, to compare.
    this.#blocks = [...this.#blocks.slice(0, first), changed, ...this.#blocks.slice(last + 1)];
  }

  #read(): void {
    const { lineCount } = this.document;
    const known = this.#blocks.reduce((count, { lines }) => count + lines, 0);
    if (this.#isFresh || known !== lineCount) {
      this.#isFresh = false;
      this.#blocks = readBlocks(this.document.getText(), lineCount, MAX_ITEMS, this.#names);
      return;
    }
    if (this.#blocks.every(({ items }) => items !== null)) {
      return;
    }
    let room = MAX_ITEMS - this.#blocks.reduce((count, { items }) => count + (items?.length ?? 0), 0);
    let base = 0;
    this.#blocks = this.#blocks.flatMap((block) => {
      const from = base;
      base += block.lines;
      if (block.items !== null) {
        return [block];
      }
      const range = { start: { line: from, character: 0 }, end: { line: base, character: 0 } };
      const blocks = readBlocks(this.document.getText(range), block.lines, room, this.#names);
      room -= blocks.reduce((count, { items }) => count + (items?.length ?? 0), 0);
      return blocks;
    });
  }
}

/**
 * Reads `lines` lines of text in blocks.
 * @param room most items
 */
function readBlocks(text: string, lines: number, room: number, names: Names): Block[] {
  const blocks: { readonly lines: number; readonly items: StackItem[] }[] = [];
  let left = lines;
  for (let from = 0; left > 0; ) {
    const block = blockEnd(text, from);
    // The line behind the last newline is of the last block, empty or not.
    const count = block.end >= text.length ? left : block.lines;
    blocks.push({ lines: count, items: [] });
    left -= count;
    from = block.end;
  }
  let at = 0;
  let base = 0;
  let free = room;
  const reader = new StackTextReader((item) => {
    let block = blocks[at];
    while (block !== undefined && item.line > base + block.lines) {
      base += block.lines;
      at++;
      block = blocks[at];
    }
    if (free > 0) {
      free--;
      // The item is nobody else's yet; a copy of each would be half of the memory that is needed here.
      (item as { line: number }).line -= base;
      detach(item, names);
      block?.items.push(item);
    }
  });
  // In pieces, so that a text with too much in it is not read to its end.
  for (let from = 0; from < text.length && free > 0; from += PIECE) {
    reader.push(text.slice(from, from + PIECE));
  }
  reader.end();
  return blocks;
}

/** Takes care that an item does not keep the text that it was read from. */
function detach(item: StackItem, names: Names): void {
  const strings = item as {
    -readonly [K in 'function' | 'module' | 'path' | 'title' | 'comm']?: string | null;
  };
  if (item.kind === 'frame') {
    strings.function = names.get(item.function);
    strings.module = item.module === null ? null : names.get(item.module);
  } else if (item.kind === 'source') {
    strings.path = names.get(item.path);
    strings.function = item.function === null ? null : names.get(item.function);
  } else {
    strings.title = detached(item.title);
    strings.comm = item.comm === null ? null : names.get(item.comm);
  }
}

/** Where the block that begins at `from` ends: after so many lines, a little later where a frame goes on. */
function blockEnd(text: string, from: number): { readonly end: number; readonly lines: number } {
  let end = from;
  for (let lines = 1; ; lines++) {
    const newline = text.indexOf('\n', end);
    if (newline < 0) {
      return { end: text.length, lines };
    }
    const begin = end;
    end = newline + 1;
    const isFull = lines >= BLOCK_LINES;
    if (isFull && (lines >= BLOCK_LINES + REACH || !mayGoOn(text, begin, newline, end))) {
      return { end, lines };
    }
  }
}

function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    count++;
  }
  return count;
}

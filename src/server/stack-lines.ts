import type { TextDocument, TextDocumentContentChangeEvent } from 'vscode-languageserver-textdocument';
import type { StackItem } from '../core/stack/text/items.ts';
import { lengthOf, mayGoOn, TERMINAL_WIDTH } from '../core/stack/text/join.ts';
import { StackTextReader } from '../core/stack/text/reader.ts';
import { detached, Names } from './names.ts';

/** Lines that are read together: after an edit, only those around it are read again. */
const BLOCK_LINES = 512;

/** Lines further on that are looked at for a better end of a block: one that no stack goes over. */
const REACH = 64;

/**
 * What a line is may be told by so many lines before or behind it: the key of a map of bpftrace, a debugger's
 * entry with its variables, a stack of bcc above its count. They are read with the block, and an edit in them matters to it.
 */
const CONTEXT = 300;

/** Text is given to the reader in pieces of this many UTF-16 units. */
const PIECE = 1024 * 1024;

/** Items that are kept of one document; what follows is left alone. */
const MAX_ITEMS = 200_000;

/** Lines of a document that follow each other, and what was found in them. */
export interface Block {
  readonly lines: number;
  /** Line numbers are 1-based within the block; null when the lines changed since they were read. */
  readonly items: readonly StackItem[] | null;
  /** Whether one of its lines is longer than a terminal is wide, and whether one above it is: what is as long may go on. */
  readonly isWide: boolean;
  readonly isBehindWide: boolean;
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
    return this.between(line, line);
  }

  /** What stands on the lines from `first` to `last`. */
  between(first: number, last: number): StackItem[] {
    this.#read();
    const found: StackItem[] = [];
    let base = -1;
    for (const { lines, items } of this.#blocks) {
      if (base + 1 > last) {
        break;
      }
      if (first <= base + lines) {
        for (const item of items ?? []) {
          const line = base + item.line;
          if (first <= line && line <= last) {
            found.push(item);
          }
        }
      }
      base += lines;
    }
    return found;
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
      if (from - CONTEXT < end && to + CONTEXT >= base) {
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
    const changed = { lines: lines - removed + added, items: null, isWide: false, isBehindWide: false };
    // A new list: others hold the one before, to compare.
    this.#blocks = [...this.#blocks.slice(0, first), changed, ...this.#blocks.slice(last + 1)];
  }

  #read(): void {
    const { lineCount } = this.document;
    const known = this.#blocks.reduce((count, { lines }) => count + lines, 0);
    if (this.#isFresh || known !== lineCount) {
      this.#isFresh = false;
      this.#blocks = this.#readLines(0, lineCount, MAX_ITEMS, false);
      return;
    }
    if (this.#blocks.every(({ items }) => items !== null)) {
      return;
    }
    let room = MAX_ITEMS - this.#blocks.reduce((count, { items }) => count + (items?.length ?? 0), 0);
    let base = 0;
    let isBehindWide = false;
    this.#blocks = this.#blocks.flatMap((block) => {
      const from = base;
      base += block.lines;
      let blocks: readonly Block[] = [block];
      if (block.items === null || block.isBehindWide !== isBehindWide) {
        room += block.items?.length ?? 0;
        blocks = this.#readLines(from, block.lines, room, isBehindWide);
        room -= blocks.reduce((count, { items }) => count + (items?.length ?? 0), 0);
      }
      isBehindWide ||= blocks.some(({ isWide }) => isWide);
      return blocks;
    });
  }

  /** Reads `count` lines from the 0-based line `from` on, in blocks. */
  #readLines(from: number, count: number, room: number, isBehindWide: boolean): Block[] {
    const offsetAt = (line: number) => this.document.offsetAt({ line, character: 0 });
    const above = Math.max(from - CONTEXT, 0);
    const range = {
      start: { line: above, character: 0 },
      end: { line: from + count + CONTEXT, character: 0 },
    };
    const begin = offsetAt(above);
    const lines = {
      begin: offsetAt(from) - begin,
      end: offsetAt(from + count) - begin,
      above: from - above,
      count,
    };
    return readBlocks(this.document.getText(range), lines, room, this.#names, isBehindWide);
  }
}

/** Where the lines that are wanted are in a text. */
interface Wanted {
  /** In UTF-16 units. */
  readonly begin: number;
  readonly end: number;
  /** Lines before them. */
  readonly above: number;
  readonly count: number;
}

/**
 * Reads lines of a text in blocks; what stands around them tells what they are.
 * @param room most items
 * @param isBehindWide whether a line above is longer than a terminal is wide
 */
function readBlocks(
  text: string,
  wanted: Wanted,
  room: number,
  names: Names,
  isBehindWide: boolean,
): Block[] {
  const blocks: (Block & { readonly items: StackItem[] })[] = [];
  let left = wanted.count;
  let isWideAbove = isBehindWide;
  for (let from = wanted.begin; left > 0; ) {
    const block = blockEnd(text, from, wanted.end);
    // The line behind the last newline is of the last block, empty or not.
    const count = block.end >= wanted.end ? left : block.lines;
    blocks.push({ lines: count, items: [], isWide: block.isWide, isBehindWide: isWideAbove });
    isWideAbove ||= block.isWide;
    left -= count;
    from = block.end;
  }
  let at = 0;
  let base = wanted.above;
  let free = room;
  const last = wanted.above + wanted.count;
  const take = (item: StackItem) => {
    if (item.line <= wanted.above || item.line > last) {
      return;
    }
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
  };
  const reader = new StackTextReader(take, isBehindWide ? TERMINAL_WIDTH + 1 : 0);
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
  } else if (item.kind === 'address') {
    strings.module = names.get(item.module);
  } else if (item.kind === 'source') {
    strings.path = names.get(item.path);
    strings.function = item.function === null ? null : names.get(item.function);
  } else {
    strings.title = detached(item.title);
    strings.comm = item.comm === null ? null : names.get(item.comm);
  }
}

/** Where the block that begins at `from` ends: after so many lines, a little later where a frame goes on, and at `stop`. */
function blockEnd(
  text: string,
  from: number,
  stop: number,
): { readonly end: number; readonly lines: number; readonly isWide: boolean } {
  let end = from;
  let isWide = false;
  for (let lines = 1; ; lines++) {
    const begin = end;
    const found = text.indexOf('\n', end);
    const newline = found < 0 || found >= stop ? stop : found;
    isWide ||= lengthOf(text, begin, newline) > TERMINAL_WIDTH;
    end = newline + 1;
    if (newline === stop || end >= stop) {
      return { end: stop, lines, isWide };
    }
    const isFull = lines >= BLOCK_LINES;
    if (isFull && (lines >= BLOCK_LINES + REACH || !mayGoOn(text, begin, newline, end))) {
      return { end, lines, isWide };
    }
  }
}

/** Lines of a text but one. */
export function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    count++;
  }
  return count;
}

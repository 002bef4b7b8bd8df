import type { ProcessAddress } from '../../symbols/elf/segments.ts';
import type { FrameItem, HeadingItem, ItemSink, StackItem } from './items.ts';
import type { Line } from './line.ts';
import type { Repeat } from './repeats.ts';

/** Names that are kept once, however often they are read, and behind which no text is kept alive. */
const MAX_NAMES = 50_000;

/** What a reader says of a frame beside where it stands. */
export interface FrameParts {
  readonly offset?: number | null;
  readonly size?: number | null;
  readonly module?: string | null;
  readonly reliable?: boolean;
  readonly at?: ProcessAddress;
}

/** What a heading says. */
export type HeadingParts = Pick<HeadingItem, 'what' | 'title' | 'comm' | 'pid' | 'state'>;

/** A frame's name and its columns in the line as it is read, which may be a cleaned one. */
export interface PlacedName {
  readonly start: number;
  readonly end: number;
  readonly function: string;
}

/** Collects what is read of one line and hands it on in the line's order. */
export class Output {
  readonly #sink: ItemSink;
  readonly #names = new Map<string, string>();
  readonly #hashed = new Map<number, string>();
  #module = '';
  #items: StackItem[] = [];
  #sorted = true;
  /** Frames of the present line, with their columns in it as it is read. */
  readonly frames: PlacedName[] = [];

  constructor(
    sink: ItemSink,
    private readonly line: Line,
  ) {
    this.#sink = sink;
  }

  /** A frame at columns `start` to `end` of the present line. */
  frame(start: number, end: number, name: string, parts: FrameParts): void {
    const { offset = null, size = null, module = null, reliable = true, at } = parts;
    const item = this.#item(start, end, this.name(name), offset, size, module, reliable);
    this.last = at === undefined ? item : { ...item, at };
    this.add(this.last);
    this.frames.push({ start, end, function: this.previous });
  }

  /** {@link frame}, of a line that holds nothing but frames: handed on at once. `name` is of {@link nameAt}. */
  onlyFrame(
    start: number,
    end: number,
    name: string,
    offset: number,
    size: number,
    module: string | null,
    reliable: boolean,
  ): void {
    this.last = this.#item(start, end, name, offset, size, module, reliable);
    this.#sink(this.last);
  }

  /** The frame that was read last, but for one that was read before. */
  last: FrameItem | null = null;

  /** A frame that was read before, from column `start` to the end of line `line`: handed on at once. */
  repeated(line: number, start: number, end: number, frame: Repeat, reliable: boolean): void {
    const { function: name, offset, size, module } = frame;
    this.previous = name;
    this.frameLine = line;
    this.#open = null;
    this.#sink({ kind: 'frame', line, start, end, function: name, offset, size, module, reliable });
  }

  #item(
    start: number,
    end: number,
    name: string,
    offset: number | null,
    size: number | null,
    module: string | null,
    reliable: boolean,
  ): FrameItem {
    this.previous = name;
    this.#open = null;
    let line = this.line.number;
    this.frameLine = line;
    let first = start;
    let last = end;
    if (this.line.isPieced) {
      ({ line, start: first, end: last } = this.line.span(start, end));
    }
    return {
      kind: 'frame',
      line,
      start: first,
      end: last,
      function: name,
      offset,
      size,
      module: module === null ? null : this.#moduleName(module),
      reliable,
    };
  }

  /** Most frames are of the module of the frame before. */
  #moduleName(module: string): string {
    if (module !== this.#module) {
      this.#module = this.name(module);
    }
    return this.#module;
  }

  /** The frame whose place in the source is still to come, on a line of its own. */
  #open: string | null = null;

  /** The last line that may hold it. */
  #openTo = 0;

  /** Whether it stands behind `at`, of arguments or at the beginning. */
  #openBehindAt = false;

  /** Says that the frame read last may be followed by a line with its place, within so many lines. */
  leaveOpen(lines: number, behindAt = false): void {
    this.#open = this.previous;
    this.#openTo = this.line.number + lines;
    this.#openBehindAt = behindAt;
  }

  /** The frame whose place stands behind `before`; null where none is open. */
  takeOpen(before: string): string | null {
    if (this.#open === null || (this.#openBehindAt && !before.endsWith('at '))) {
      return null;
    }
    const name = this.line.number <= this.#openTo ? this.#open : null;
    this.#open = null;
    return name;
  }

  /** The lines of the last heading, of the last that a stack follows, and of the last frame. */
  headingLine = Number.NEGATIVE_INFINITY;
  stackLine = Number.NEGATIVE_INFINITY;
  frameLine = Number.NEGATIVE_INFINITY;

  /** A heading whose title begins at column `start` of the present line. */
  heading(start: number, { what, title, comm, pid, state }: HeadingParts): void {
    const at = this.line.span(start, start + title.length);
    this.headingLine = this.line.number;
    this.stackLine = what === 'stack' ? this.line.number : this.stackLine;
    this.add({
      kind: 'heading',
      line: at.line,
      start: at.start,
      end: at.end,
      what,
      title,
      comm,
      pid,
      state,
    });
  }

  /** An entry without a function, at columns `start` to `end` of the present line. */
  address(start: number, end: number, module: string, where: ProcessAddress): void {
    const at = this.line.span(start, end);
    this.add({
      kind: 'address',
      ...{ line: at.line, start: at.start, end: at.end },
      module: this.#moduleName(module),
      ...where,
    });
  }

  /** A place in a source file at columns `start` to `end` of the present line. */
  source(start: number, end: number, path: string, sourceLine: number, name: string | null): void {
    const at = this.line.span(start, end);
    this.add({
      kind: 'source',
      line: at.line,
      start: at.start,
      end: at.end,
      path: this.name(path),
      sourceLine,
      function: name === null ? null : this.name(name),
    });
  }

  add(item: StackItem): void {
    const last = this.#items.at(-1);
    if (
      last !== undefined &&
      (item.line < last.line || (item.line === last.line && item.start < last.start))
    ) {
      this.#sorted = false;
    }
    this.#items.push(item);
  }

  /** A frame of the present line follows a word: the line may be a heading that names a function. */
  named = false;
  /** Name of the frame that was read last; '' before the first. */
  previous = '';
  /** Name of the caller that a line of ARM's named last: the callee of the next. */
  caller = '';

  /** Hands on what was read of the present line. */
  flush(): void {
    const items = this.#items;
    if (items.length === 0) {
      return;
    }
    if (this.frames.length > 0) {
      this.frames.length = 0;
    }
    this.named = false;
    if (items.length === 1) {
      // Most lines: to empty the list by its length takes longer.
      const only = items.pop();
      if (only !== undefined) {
        this.#sink(only);
      }
      return;
    }
    if (!this.#sorted) {
      items.sort((a, b) => a.line - b.line || a.start - b.start);
      this.#sorted = true;
    }
    for (const item of items) {
      this.#sink(item);
    }
    items.length = 0;
  }

  /** {@link name}, of `text` from `start` to `end`, whose characters have the hash. */
  nameAt(text: string, start: number, end: number, hash: number): string {
    const known = this.#hashed.get(hash);
    if (known !== undefined && known.length === end - start && text.startsWith(known, start)) {
      return known;
    }
    const name = this.name(text.slice(start, end));
    if (this.#hashed.size < MAX_NAMES) {
      this.#hashed.set(hash, name);
    }
    return name;
  }

  /** The same string for equal names; a slice of the text would keep the whole text alive. */
  name(text: string): string {
    const known = this.#names.get(text);
    if (known !== undefined) {
      return known;
    }
    if (this.#names.size >= MAX_NAMES) {
      return text;
    }
    const copy = Array.from(text).join('');
    this.#names.set(copy, copy);
    return copy;
  }
}

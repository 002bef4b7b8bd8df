import type { ItemSink, StackItem } from './items.ts';
import type { Line } from './line.ts';

/** Names that are kept once, however often they are read, and behind which no text is kept alive. */
const MAX_NAMES = 50_000;

/** What a reader says of a frame beside where it stands. */
export interface FrameParts {
  readonly offset?: number | null;
  readonly size?: number | null;
  readonly module?: string | null;
  readonly reliable?: boolean;
}

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
    const at = this.line.span(start, end);
    const module = parts.module ?? null;
    const known = this.name(name);
    this.frames.push({ start, end, function: known });
    this.previous = known;
    this.#open = null;
    this.add({
      kind: 'frame',
      line: at.line,
      start: at.start,
      end: at.end,
      function: known,
      offset: parts.offset ?? null,
      size: parts.size ?? null,
      module: module === null ? null : this.name(module),
      reliable: parts.reliable ?? true,
    });
  }

  /** The frame whose place in the source is still to come, on a line of its own. */
  #open: string | null = null;

  /** Says that the frame read last may be followed by a line with its place. */
  leaveOpen(): void {
    this.#open = this.previous;
  }

  takeOpen(): string | null {
    const name = this.#open;
    this.#open = null;
    return name;
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

  /** Hands on what was read of the present line. */
  flush(): void {
    this.frames.length = 0;
    this.named = false;
    const items = this.#items;
    if (items.length === 0) {
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

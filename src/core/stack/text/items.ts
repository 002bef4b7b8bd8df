/**
 * What a text is read into: frames, places in source files and headings, in the order of the text.
 */
import type { ProcessAddress } from '../../symbols/elf/segments.ts';
import type { Frame } from '../frame.ts';

/** Where something stands: one line, and columns in it. */
export interface Span {
  /** 1-based. Of something wrapped over lines: the line it begins on. */
  readonly line: number;
  /** 0-based column in UTF-16 units. */
  readonly start: number;
  /** Column behind it; of something wrapped over lines: the end of the first of them. */
  readonly end: number;
}

/** One entry of a stack. */
export interface FrameItem extends Span {
  readonly kind: 'frame';
  /** As printed, compiler suffix included. */
  readonly function: string;
  /** Bytes from the function's start; null where the format prints none. */
  readonly offset: number | null;
  /** Bytes of the function; null where the format prints none. */
  readonly size: number | null;
  /** Kernel module, or base name of a program or library; null for the kernel, or not printed. */
  readonly module: string | null;
  /** False for what the printer marked as a guess (`?`, `(unreliable)`). */
  readonly reliable: boolean;
  /** Where it is in the file of a process, of formats that print it and no offset. */
  readonly at?: ProcessAddress;
}

/** An entry of a stack that has no function: a stripped program's, or that of a static function. */
export interface AddressItem extends Span, ProcessAddress {
  readonly kind: 'address';
  /** Base name of the program or library. */
  readonly module: string;
}

/** A place in a source file that the text names. */
export interface SourceItem extends Span {
  readonly kind: 'source';
  /** As written: a base name or a longer path. Untrusted. */
  readonly path: string;
  /** 1-based. */
  readonly sourceLine: number;
  /** The function that the text names with the place; null when it names none. */
  readonly function: string | null;
}

/** A line that begins something: a report of the kernel, a task, a stack. */
export interface HeadingItem extends Span {
  readonly kind: 'heading';
  readonly what: 'report' | 'task' | 'stack';
  /** The words of the line, without what stands before them. */
  readonly title: string;
  /** Name of the task it is about; null when the line does not say. */
  readonly comm: string | null;
  readonly pid: number | null;
  /** State letter as printed: D, R, S ...; null when the line does not say. */
  readonly state: string | null;
}

export type StackItem = FrameItem | AddressItem | SourceItem | HeadingItem;

/** The frame that an item is. */
export function frameOf({ function: symbol, offset, size, module, reliable, at }: FrameItem): Frame {
  const frame = { symbol, offset: offset ?? -1, size, module, reliable };
  return at === undefined ? frame : { ...frame, at };
}

/** Takes the items of a text as they are read. */
export type ItemSink = (item: StackItem) => void;

/**
 * `decode`: text in, the same text out with the source lines of its frames. What is no frame is
 * passed on byte for byte, also what is no UTF-8.
 */
import { crashCode, LINES_BELOW } from '../core/stack/crash-code.ts';
import { TraceGroups } from '../core/stack/groups.ts';
import { isFolded } from '../core/stack/parting.ts';
import type { AddressItem, StackItem } from '../core/stack/text/items.ts';
import { StackTextReader } from '../core/stack/text/reader.ts';
import type { TextTrace } from '../core/stack/traces.ts';
import { inert } from '../core/text/inert.ts';
import { ByteDecoder } from './bytes.ts';
import { renderGroup } from './groups.ts';
import type { Input } from './inputs.ts';
import { addressRecord, frameRecord, functionNote, inlinedLines, sourceNote } from './labels.ts';
import { LineQueue } from './line-queue.ts';
import type { Output } from './output.ts';
import type { Resolver } from './resolver.ts';
import { type StackedFrame, Stacks } from './stacks.ts';

export interface DecodeOptions {
  /** A line of JSON a frame, or a group, instead of the text. */
  readonly json: boolean;
  /** Each different stack once, the most frequent first, instead of the text. */
  readonly group: boolean;
}

/** Different stacks that are kept; a machine has fewer. */
const MAX_STACKS = 100_000;

/** A line may be read again with those behind it, as many as this; where a process stopped, its code may be in them. */
const LINES_HELD = Math.max(8, LINES_BELOW);

/** Decodes texts one after the other. */
export async function decode(
  inputs: Iterable<Input>,
  resolver: Resolver,
  output: Output,
  options: DecodeOptions,
): Promise<void> {
  const groups = new TraceGroups(MAX_STACKS);
  for (const input of inputs) {
    await decodeOne(input, resolver, output, options, groups);
  }
  if (options.group) {
    for (const group of groups.sorted()) {
      output.add(await renderGroup(group, resolver, options.json));
      await output.breathe();
    }
  }
  await output.flush();
}

async function decodeOne(
  input: Input,
  resolver: Resolver,
  output: Output,
  { json, group }: DecodeOptions,
  groups: TraceGroups,
): Promise<void> {
  const keepsText = !json && !group;
  const queue = new LineQueue();
  const stacks = new Stacks();
  const add = (trace: TextTrace) => {
    if (group) {
      groups.add(trace);
    }
  };
  let items: StackItem[] = [];
  const reader = new StackTextReader((item) => items.push(item));
  const show = async (line: string, newline: string, frames: readonly StackedFrame[]): Promise<void> => {
    if (json) {
      for (const frame of frames) {
        output.add(`${frameRecord(frame, await placesOf(frame, resolver))}\n`);
      }
    } else {
      output.add((await decodedLine(line, frames, resolver)) + newline);
    }
  };
  const showAddress = async (line: string, newline: string, item: AddressItem): Promise<void> => {
    const code = item.mapped === undefined ? null : crashCode(queue.peek(LINES_BELOW));
    const found = await resolver.addressPlaces(item, code);
    const { places } = found;
    if (json) {
      output.add(places.length === 0 ? '' : `${addressRecord(item, found)}\n`);
    } else {
      const note = functionNote(found);
      const above = inlinedLines(line.slice(0, item.start), places);
      output.add(above + line.slice(0, item.end) + note + line.slice(item.end) + newline);
    }
  };
  /** Handles the text up to a line. */
  const work = async (lastLine: number): Promise<void> => {
    let done = 0;
    for (let first = items[0]; first !== undefined && first.line <= lastLine; first = items[done]) {
      const { line } = first;
      const before = queue.takeBefore(line);
      const { text, newline } = queue.takeLine();
      stacks.push(before);
      stacks.push(text + newline);
      const frames: StackedFrame[] = [];
      let address: AddressItem | null = null;
      for (let item = items[done]; item?.line === line; item = items[++done]) {
        address = item.kind === 'address' ? item : address;
        const frame = stacks.take(item);
        if (frame !== null) {
          frames.push(frame);
        }
      }
      stacks.takeWhole().forEach(add);
      if (group) {
        continue;
      }
      output.add(keepsText ? before : '');
      await (address === null
        ? show(text, newline, inOrder(frames, text))
        : showAddress(text, newline, address));
      await output.breathe();
    }
    items = items.slice(done);
    const rest = queue.takeBefore(lastLine + 1);
    stacks.push(rest);
    output.add(keepsText ? rest : '');
    await output.breathe();
  };
  const decoder = new ByteDecoder();
  const push = (text: string) => {
    reader.push(text);
    queue.push(text);
  };
  for await (const chunk of input) {
    push(decoder.write(chunk));
    await work(queue.lines - LINES_HELD);
  }
  push(decoder.end());
  reader.end();
  await work(Number.MAX_SAFE_INTEGER);
  stacks.end().forEach(add);
  output.add(keepsText ? queue.takeRest() : '');
}

async function placesOf({ frame, inner }: StackedFrame, resolver: Resolver) {
  return resolver.known(frame, inner) ?? (await resolver.places(frame, inner));
}

/** Of folded stacks, each frame called the next. */
function inOrder(frames: readonly StackedFrame[], text: string): readonly StackedFrame[] {
  return isOutermostFirst(frames, text)
    ? frames.map((one, i) => ({ ...one, inner: frames[i + 1]?.frame ?? null }))
    : frames;
}

function isOutermostFirst([first, second]: readonly StackedFrame[], text: string): boolean {
  return first !== undefined && second !== undefined && isFolded(text, first.item.end, second.item.start);
}

/** The line with what is known of its frames: inlined functions above it, places behind each frame. */
async function decodedLine(
  text: string,
  frames: readonly StackedFrame[],
  resolver: Resolver,
): Promise<string> {
  let line = '';
  let above = '';
  let at = 0;
  for (const one of frames) {
    const places = await placesOf(one, resolver);
    const { start } = one.item;
    const end = noteColumn(one, text);
    const note = sourceNote(places);
    const isCut = note !== '' && isWrapped(one, text);
    line += text.slice(at, end) + (isCut ? '' : note);
    at = end;
    // A line of several frames, a folded stack, has no room for lines between them.
    above += frames.length === 1 ? inlinedLines(text.slice(0, start), places) : '';
    above += isCut ? `${text.slice(0, start)}${inert(one.frame.symbol)}${note}\n` : '';
  }
  return above + line + text.slice(at);
}

/** A frame without a size ends before the brackets of its module: the note stands behind them. */
function noteColumn({ item }: StackedFrame, text: string): number {
  const brackets = / \[[\w-]+(?: [\w-]+)*\]/y;
  brackets.lastIndex = item.end;
  return item.size === null && brackets.test(text) ? brackets.lastIndex : item.end;
}

/** Whether the frame goes on in the next line: nothing can stand between its two parts. */
function isWrapped({ item, frame }: StackedFrame, text: string): boolean {
  const shown = text.slice(item.start, item.end);
  const isLast = item.end >= text.trimEnd().length;
  return isLast && frame.size !== null && !shown.includes(`/0x${frame.size.toString(16)}`);
}

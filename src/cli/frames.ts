/**
 * `frames`: prints what was read of a text, without any source: a line of JSON for each frame and
 * each place in a source file, in the order of the text.
 */
import type { Writable } from 'node:stream';
import type { FrameItem, SourceItem } from '../core/stack/text/items.ts';
import { StackTextReader } from '../core/stack/text/reader.ts';
import { ByteDecoder } from './bytes.ts';
import type { Input } from './inputs.ts';

/** Output is written in pieces of about this many UTF-16 units. */
const PIECE = 64 * 1024;

/** Writes the lines of each text to `stdout`. Lines are counted anew in each. */
export async function printFrames(inputs: Iterable<Input>, stdout: Writable): Promise<void> {
  for (const input of inputs) {
    await printStream(input, stdout);
  }
}

async function printStream(input: Input, stdout: Writable): Promise<void> {
  let text = '';
  const reader = new StackTextReader((item) => {
    if (item.kind === 'frame' || item.kind === 'source') {
      text += `${formatItem(item)}\n`;
    }
  });
  const decoder = new ByteDecoder();
  for await (const chunk of input) {
    reader.push(decoder.write(chunk));
    if (text.length >= PIECE) {
      await write(stdout, text);
      text = '';
    }
  }
  reader.push(decoder.end());
  reader.end();
  await write(stdout, text);
}

/** The line for an item: `{"line":12,"function":"zil_commit","offset":23,...}`. */
export function formatItem(item: FrameItem | SourceItem): string {
  const { line } = item;
  return JSON.stringify(
    item.kind === 'frame'
      ? {
          line,
          function: item.function,
          offset: item.offset,
          size: item.size,
          module: item.module,
          reliable: item.reliable,
        }
      : { line, path: item.path, sourceLine: item.sourceLine, function: item.function },
  );
}

function write(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (text === '') {
      resolve();
      return;
    }
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
